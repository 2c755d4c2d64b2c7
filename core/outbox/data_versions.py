"""Notes what has changed in ClickHouse, in the transaction that says so: see ``core.models.data_version``."""

from collections.abc import Iterable
from datetime import date

from django.db.backends.utils import CursorWrapper

from core.outbox.freeze import EVENTS

#: The part that every answer depends on: persons, distinct ids, groups, and whatever was erased.
ALL = -(2**31)
#: Project and part.
Part = tuple[int, int]

# In one order, so that two of them cannot wait for each other.
_CHANGED = """
INSERT INTO core_dataversion (project_id, part, version)
SELECT project_id, part, (random() * 9e18)::bigint
FROM unnest(%s::bigint[], %s::integer[]) AS changed (project_id, part)
ORDER BY project_id, part
ON CONFLICT (project_id, part) DO UPDATE SET version = excluded.version
"""


def note_changed(cursor: CursorWrapper, parts: Iterable[Part]) -> None:
    """Answers about these parts that were made before count no more when the transaction is over."""
    some = sorted(set(parts))
    if some:
        projects, numbers = zip(*some, strict=True)
        cursor.execute(_CHANGED, [list(projects), list(numbers)])


def delivered_part(target: str, project_id: int, line: str) -> Part:
    """What the delivery of a row changes."""
    if target != EVENTS:
        return project_id, ALL
    try:
        return project_id, _day_of(line)
    except ValueError:
        # ClickHouse has refused such a line; it must not hold up the others here.
        return project_id, ALL


_TIMESTAMP = '"timestamp":"'
_EPOCH = date(1970, 1, 1).toordinal()


def _day_of(line: str) -> int:
    """The day of an event. Inside of texts a line has no quote without a backslash, so the first name found is the one
    of the column: only columns of text stand before it. Raises ``ValueError``.
    """
    start = line.index(_TIMESTAMP) + len(_TIMESTAMP)
    return part_of_day(date.fromisoformat(line[start : start + 10]))


def part_of_day(day: date) -> int:
    """The part for events of a day in UTC."""
    return day.toordinal() - _EPOCH
