"""Puts rows for ClickHouse into the buffers, in the transaction of the change they tell of."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from django.db.backends.utils import CursorWrapper

from core.copy import copy_rows

#: Project, distinct id, person uuid and line of an event.
BufferRow = tuple[int, str, UUID, str]

_EVENTS = "COPY core_eventbuffer (project_id, distinct_id, person_uuid, line) FROM STDIN"
_LINES = "COPY core_outbox (project_id, target, line) FROM STDIN"


def append_events(cursor: CursorWrapper, rows: Iterable[BufferRow]) -> None:
    """Queue events."""
    copy_rows(cursor, _EVENTS, rows)


def append_lines(cursor: CursorWrapper, project_id: int, target: str, lines: list[str]) -> None:
    """Queue rows for the ClickHouse table ``target``."""
    append_changes(cursor, project_id, {target: lines})


def append_changes(cursor: CursorWrapper, project_id: int, lines: Mapping[str, list[str]]) -> None:
    """Queue rows for several tables at once."""
    rows = [(project_id, target, line) for target, some in lines.items() for line in some]
    if rows:
        copy_rows(cursor, _LINES, rows)
