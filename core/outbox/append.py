"""Puts rows for ClickHouse into the buffers, in the transaction of the change they tell of."""

from collections.abc import Iterable
from uuid import UUID

from django.db.backends.utils import CursorWrapper

#: Project, distinct id, person uuid and line of an event.
BufferRow = tuple[int, str, UUID, str]

_EVENTS = "COPY core_eventbuffer (project_id, distinct_id, person_uuid, line) FROM STDIN"
_LINES = "COPY core_outbox (project_id, target, line) FROM STDIN"


def append_events(cursor: CursorWrapper, rows: Iterable[BufferRow]) -> None:
    """Queue events."""
    with cursor.copy(_EVENTS) as copy:
        for row in rows:
            copy.write_row(row)


def append_lines(cursor: CursorWrapper, project_id: int, target: str, lines: list[str]) -> None:
    """Queue rows for the ClickHouse table ``target``."""
    if not lines:
        return
    with cursor.copy(_LINES) as copy:
        for line in lines:
            copy.write_row((project_id, target, line))
