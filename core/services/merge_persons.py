"""Merges one person into another on request, by the rules of the ``$merge_dangerously`` event."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.backends.utils import CursorWrapper

from core.exceptions import InvalidInput, PersonNotFound
from core.services.identities import load, write
from core.services.record_activity import Activity, person_change, record_activity
from core.services.stored_person import StoredPerson, lock_person
from core.services.transaction import change_persons


@dataclass(frozen=True, slots=True)
class Other:
    """Who is merged away: named by uuid or pk, or by a distinct id. ``attr`` is the field that named it."""

    key: UUID | int | str
    is_distinct_id: bool
    attr: str


@dataclass(frozen=True, slots=True)
class Merged:
    """The survivor as it is then, who was merged into it, the values of that one which lost against the
    survivor's, and the cohorts (id, name) that the survivor is in then.
    """

    survivor: StoredPerson
    loser: StoredPerson
    overridden: dict[str, Any]
    cohorts: list[dict[str, Any]]


def merge_persons(
    *, project_id: int, key: UUID | int, other: Other, user_id: int | None, dry_run: bool = False
) -> Merged:
    """Merge ``other`` into the person with this uuid or pk. With ``dry_run`` nothing changes.

    Raises ``PersonNotFound``, and ``InvalidInput`` when there is no other person.
    """
    return change_persons(
        project_id, lambda cursor: _merge(cursor, project_id, key, other, user_id), dry_run=dry_run
    )


_FIND = {
    "distinct_id": "SELECT person_id FROM core_persondistinctid WHERE project_id = %s AND distinct_id = %s",
    "uuid": "SELECT id FROM core_person WHERE project_id = %s AND uuid = %s",
    "id": "SELECT id FROM core_person WHERE project_id = %s AND id = %s",
}
_LOCK = "SELECT 1 FROM core_person WHERE project_id = %s AND id = ANY(%s) ORDER BY id FOR UPDATE"

_COHORTS = """
SELECT c.id, c.name FROM core_cohortmember m JOIN core_cohort c ON c.id = m.cohort_id
WHERE m.project_id = %s AND m.person_id = %s AND NOT c.deleted ORDER BY c.id
"""


def _merge(
    cursor: CursorWrapper, project_id: int, key: UUID | int, other: Other, user_id: int | None
) -> Merged:
    survivor_id = _find(cursor, project_id, key)
    if survivor_id is None:
        raise PersonNotFound
    loser_id = _find(cursor, project_id, other.key, by_distinct_id=other.is_distinct_id)
    if loser_id is None:
        raise InvalidInput("There is no such person in this project.", attr=other.attr)
    if survivor_id == loser_id:
        raise InvalidInput("This is the same person.", attr=other.attr)
    cursor.execute(_LOCK, [project_id, [survivor_id, loser_id]])
    survivor, loser = (lock_person(cursor, project_id, pk) for pk in (survivor_id, loser_id))
    identities = load(cursor, project_id, [survivor.distinct_ids[0], loser.distinct_ids[0]])
    persons = {mapping.person.id: mapping.person for mapping in identities.mappings.values()}
    identities.merge(persons[loser.id], persons[survivor.id])
    identities.identify(persons[survivor.id])
    write(cursor, identities)
    record_activity(
        project_id=project_id,
        user_id=user_id,
        activities=[
            Activity(
                "Person",
                "merged",
                survivor.id,
                str(survivor.uuid),
                [person_change("merged", after={"person_uuid": str(loser.uuid)})],
            )
        ],
    )
    overridden = {
        name: value
        for name, value in loser.properties.items()
        if name in survivor.properties and survivor.properties[name] != value
    }
    cursor.execute(_COHORTS, [project_id, survivor.id])
    cohorts = [{"id": pk, "name": name} for pk, name in cursor.fetchall()]
    return Merged(lock_person(cursor, project_id, survivor.id), loser, overridden, cohorts)


def _find(
    cursor: CursorWrapper, project_id: int, key: UUID | int | str, *, by_distinct_id: bool = False
) -> int | None:
    column = "distinct_id" if by_distinct_id else "uuid" if isinstance(key, UUID) else "id"
    cursor.execute(_FIND[column], [project_id, key])
    row = cursor.fetchone()
    return row and int(row[0])
