"""One stored person, locked: what services that change a single person have in common."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.db.backends.utils import CursorWrapper

from core.exceptions import PersonNotFound
from core.outbox.lines import person_line


@dataclass(frozen=True, slots=True)
class StoredPerson:
    """A person and its distinct ids, in the order of their attachment."""

    id: int
    uuid: UUID
    properties: dict[str, Any]
    created_at: datetime
    is_identified: bool
    version: int
    last_seen_at: datetime | None
    distinct_ids: list[str]


_LOCK = """
SELECT id, uuid, properties::text, created_at, is_identified, version, last_seen_at FROM core_person
WHERE project_id = %s AND {column} = %s FOR {strength}
"""
# A statement of its own: the one that waits for the lock sees the ids as they were before the wait.
_IDS = "SELECT distinct_id FROM core_persondistinctid WHERE project_id = %s AND person_id = %s ORDER BY id"


def lock_person(
    cursor: CursorWrapper, project_id: int, key: UUID | int, *, with_ids: bool = False
) -> StoredPerson:
    """The person with this uuid or pk, until the end of the transaction nobody else's. Raises ``PersonNotFound``.

    ``with_ids`` keeps others from attaching distinct ids meanwhile, too.
    """
    column = "uuid" if isinstance(key, UUID) else "id"
    strength = "UPDATE" if with_ids else "NO KEY UPDATE"
    cursor.execute(_LOCK.format(column=column, strength=strength), [project_id, key])
    row = cursor.fetchone()
    if row is None:
        raise PersonNotFound
    person_id, uuid, properties, created_at, is_identified, version, last_seen_at = row
    cursor.execute(_IDS, [project_id, person_id])
    distinct_ids = [distinct_id for (distinct_id,) in cursor.fetchall()]
    return StoredPerson(
        person_id,
        uuid,
        orjson.loads(properties),
        created_at,
        is_identified,
        version,
        last_seen_at,
        distinct_ids,
    )


def line_of(project_id: int, person: StoredPerson) -> str:
    """The person's row in ClickHouse."""
    return person_line(
        project_id=project_id,
        uuid=person.uuid,
        created_at=person.created_at,
        properties=person.properties,
        is_identified=person.is_identified,
        version=person.version,
    )
