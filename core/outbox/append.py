"""Puts rows for ClickHouse into the buffers, in the transaction of the change they tell of."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from django.db.backends.utils import CursorWrapper

from core.insert_rows import insert_rows

#: Project, distinct id, person uuid and line of an event.
BufferRow = tuple[int, str, UUID, str]


def append_events(cursor: CursorWrapper, rows: Iterable[BufferRow]) -> None:
    """Queue events."""
    insert_rows(cursor, "core_eventbuffer", ("project_id", "distinct_id", "person_uuid", "line"), rows)


def append_lines(cursor: CursorWrapper, project_id: int, target: str, lines: list[str]) -> None:
    """Queue rows for the ClickHouse table ``target``."""
    append_changes(cursor, project_id, {target: lines})


def append_changes(cursor: CursorWrapper, project_id: int, lines: Mapping[str, list[str]]) -> None:
    """Queue rows for several tables at once."""
    rows = ((project_id, target, line) for target, some in lines.items() for line in some)
    insert_rows(cursor, "core_outbox", ("project_id", "target", "line"), rows)
