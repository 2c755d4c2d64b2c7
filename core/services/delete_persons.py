"""Deletes persons with all their distinct ids; their events stay as they are unless asked for.

What was deleted leaves its version behind: a person's under its uuid, a distinct id's under a digest. So an id
that comes back starts above what ClickHouse has seen. Everything else about them goes: here what PostgreSQL finds by
the person, by ``core.services.erase`` the rest.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.backends.utils import CursorWrapper

from core.identity.resolve import DEATH_STEP
from core.models import Outbox
from core.outbox.append import append_lines
from core.outbox.lines import override_line
from core.services.bury import bury
from core.services.cohorts.forget_named import forget_rows_naming, has_files
from core.services.journal import forget_persons
from core.services.memberships import end_memberships
from core.services.record_activity import Activity, forget_changes_of, record_activity
from core.services.request_erasure import ErasedId, Erasure, request_erasure
from core.services.transaction import change_persons
from core.services.webhooks.forget import forget_deliveries_naming, has_deliveries
from core.services.webhooks.tell import deleted, tell


@dataclass(frozen=True, slots=True)
class DeletedPerson:
    """Who is gone."""

    id: int
    uuid: UUID


def delete_persons(
    *, project_id: int, uuids: Sequence[UUID], user_id: int | None, delete_events: bool = False
) -> list[DeletedPerson]:
    """Delete those of ``uuids`` who exist, in one transaction; who they were. With ``delete_events`` their events are
    erased from now on.
    """

    def work(cursor: CursorWrapper) -> list[DeletedPerson]:
        persons = lock_persons(cursor, project_id, uuids)
        delete_locked(cursor, project_id, persons, user_id, delete_events=delete_events)
        return persons

    return change_persons(project_id, work)


_LOCK = """
SELECT id, uuid FROM core_person WHERE project_id = %s AND uuid = ANY(%s) ORDER BY id FOR UPDATE
"""

_DELETE_MAPPINGS = f"""
WITH dead AS (
    DELETE FROM core_persondistinctid WHERE project_id = %(project_id)s AND person_id = ANY(%(ids)s)
    RETURNING distinct_id, person_id, version > 0 AS is_override, version + {DEATH_STEP} AS version
), buried AS (
    INSERT INTO core_distinctidtombstone (project_id, digest, version)
    SELECT %(project_id)s, substr(sha256(convert_to(distinct_id, 'UTF8')), 1, 16) AS digest, version
    FROM dead ORDER BY digest
    ON CONFLICT (project_id, digest) DO UPDATE
    SET version = greatest(core_distinctidtombstone.version, excluded.version)
)
SELECT distinct_id, person_id, version, is_override FROM dead
"""  # noqa: S608 - the step is a constant


def lock_persons(cursor: CursorWrapper, project_id: int, uuids: Sequence[UUID]) -> list[DeletedPerson]:
    """Those of ``uuids`` who exist; until the end of the transaction nobody else changes them or their distinct ids."""
    cursor.execute(_LOCK, [project_id, list(uuids)])
    return [DeletedPerson(*row) for row in cursor.fetchall()]


def delete_locked(
    cursor: CursorWrapper,
    project_id: int,
    persons: Sequence[DeletedPerson],
    user_id: int | None,
    *,
    delete_events: bool,
) -> None:
    """Delete persons that the transaction has locked."""
    if not persons:
        return
    ids = [person.id for person in persons]
    uuid_of = {person.id: person.uuid for person in persons}
    cursor.execute(_DELETE_MAPPINGS, {"project_id": project_id, "ids": ids})
    erased_ids: dict[UUID, list[ErasedId]] = defaultdict(list)
    overrides = []
    for distinct_id, person_id, version, is_override in cursor.fetchall():
        uuid = uuid_of[person_id]
        erased_ids[uuid].append(ErasedId(distinct_id, version))
        if is_override:
            overrides.append(
                override_line(
                    project_id=project_id,
                    distinct_id=distinct_id,
                    person_uuid=uuid,
                    version=version,
                    is_deleted=True,
                )
            )
    if has_files(cursor, project_id):
        _forget_addresses(cursor, project_id, ids)
    end_memberships(cursor, project_id, ids)
    losers = forget_persons(cursor, project_id, ids)
    forget_changes_of(cursor, project_id, "Person", ids)
    died_at = bury(cursor, project_id, ids)
    append_lines(cursor, project_id, Outbox.Target.OVERRIDE, overrides)
    record_activity(
        project_id=project_id,
        user_id=user_id,
        activities=(Activity("Person", "deleted", person.id, str(person.uuid)) for person in persons),
    )
    _tell(cursor, project_id, erased_ids, losers, persons)
    request_erasure(
        cursor,
        project_id,
        [
            Erasure(
                person.uuid,
                erased_ids[person.uuid],
                [(person.uuid, died_at[person.uuid]), *losers.get(person.id, [])],
            )
            for person in persons
        ],
        erases_person=True,
        erases_events=delete_events,
        user_id=user_id,
    )


_ADDRESSES = """
SELECT DISTINCT properties->>'email' FROM core_person
WHERE project_id = %s AND id = ANY(%s) AND properties->>'email' <> ''
"""


def _forget_addresses(cursor: CursorWrapper, project_id: int, ids: Sequence[int]) -> None:
    """Take the e-mail addresses of persons out of files for cohorts. What else names them there is the erasure's; it
    does not know the addresses.
    """
    cursor.execute(_ADDRESSES, [project_id, list(ids)])
    addresses = [address for (address,) in cursor.fetchall()]
    if addresses:
        forget_rows_naming(cursor, project_id, addresses, until=None)


def _tell(
    cursor: CursorWrapper,
    project_id: int,
    erased_ids: Mapping[UUID, Sequence[ErasedId]],
    losers: Mapping[int, Sequence[tuple[UUID, int]]],
    persons: Sequence[DeletedPerson],
) -> None:
    """Webhooks are told who is gone, and nothing else about them any more."""
    if has_deliveries(cursor, project_id):
        names = [str(uuid) for died in losers.values() for uuid, _ in died]
        for person in persons:
            names += [str(person.uuid), *(one.distinct_id for one in erased_ids[person.uuid])]
        forget_deliveries_naming(cursor, project_id, names, until=None)
    ids = {person.uuid: [one.distinct_id for one in erased_ids[person.uuid]] for person in persons}
    tell(cursor, project_id, [deleted(uuid, distinct_ids) for uuid, distinct_ids in ids.items()])
