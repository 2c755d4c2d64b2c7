"""Which persons changed since a moment, in the order of their changes, deleted ones included?

Reads ``person`` in ClickHouse: its rows come in batches, each with a later ``delivered_at`` than the one before
(``core.outbox.freeze``), so whoever goes on after the last place it saw misses nothing, whatever is written
meanwhile. What is shown of a person is what PostgreSQL knows now. Cost: the rows delivered since.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from core.clickhouse import client
from core.exceptions import InvalidInput
from core.models import Project
from core.selectors.persons import list_rows

_SEPARATOR = "~"
_NIL = UUID(int=0)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Place:
    """After the change of this person that came at this time, in microseconds since 1970."""

    at: int
    uuid: UUID

    def cursor(self) -> str:
        """The place as text that ``read_place`` takes."""
        return f"{self.at}{_SEPARATOR}{self.uuid}"


def read_place(text: str, *, attr: str) -> Place:
    """A cursor, or a time in ISO 8601, of which a missing zone means UTC. Raises ``InvalidInput``."""
    try:
        at, separator, uuid = text.partition(_SEPARATOR)
        if separator:
            return Place(_microseconds(int(at)), UUID(uuid))
        moment = datetime.fromisoformat(text.strip())
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        since = moment - _EPOCH
        return Place(
            _microseconds(since.days * 86_400_000_000 + since.seconds * 1_000_000 + since.microseconds), _NIL
        )
    except (ValueError, OverflowError):
        raise InvalidInput(
            "A time in ISO 8601 or the cursor of an earlier page is required.", attr=attr
        ) from None


def _microseconds(at: int) -> int:
    """Within what ClickHouse's times can hold, years 1970 to 2200."""
    return min(max(at, 0), 7_258_118_400_000_000)


@dataclass(frozen=True, slots=True)
class Changes:
    """A page of changes and where it ends. ``has_more`` is true exactly when there is a further one by now."""

    rows: list[dict[str, Any]]
    end: Place
    has_more: bool


_CHANGED = """
SELECT id, toUnixTimestamp64Micro(max(delivered_at)) AS at FROM person
WHERE project_id = {project_id:Int64} AND delivered_at >= fromUnixTimestamp64Micro({at:Int64}, 'UTC')
GROUP BY id HAVING (at, id) > ({at:Int64}, {uuid:UUID})
ORDER BY at, id LIMIT {rows:UInt64}
"""


def changes_since(project: Project, place: Place, *, limit: int) -> Changes:
    """The next ``limit`` persons that changed, each once, with its last change. Raises ``ClickHouseUnavailable``."""
    parameters = {"at": place.at, "uuid": str(place.uuid), "rows": limit + 1}
    found = [
        (UUID(str(uuid)), at)
        for uuid, at in client.query(_CHANGED, project_id=project.pk, parameters=parameters)
    ]
    page = found[:limit]
    end = Place(page[-1][1], page[-1][0]) if page else place
    return Changes(_shown(project, [uuid for uuid, _ in page]), end, has_more=len(found) > limit)


def _shown(project: Project, uuids: Sequence[UUID]) -> list[dict[str, Any]]:
    alive = {row["uuid"]: {**row, "is_deleted": False} for row in list_rows(project, uuids)}
    return [alive.get(str(uuid)) or _tombstone(str(uuid)) for uuid in uuids]


def _tombstone(uuid: str) -> dict[str, Any]:
    return {"type": "person", "id": uuid, "uuid": uuid, "is_deleted": True}
