"""Deletes persons with all their distinct ids; their events stay as they are.

What was deleted leaves its version behind: a person's under its uuid, a distinct id's under a digest. So an id
that comes back starts above what ClickHouse has seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.backends.utils import CursorWrapper

from core.identity.resolve import DEATH_STEP
from core.models import Outbox
from core.outbox.append import append_lines
from core.outbox.lines import override_line
from core.services.bury import bury
from core.services.journal import forget_changes
from core.services.memberships import end_memberships
from core.services.record_activity import Activity, record_activity
from core.services.transaction import change_persons


@dataclass(frozen=True, slots=True)
class DeletedPerson:
    """Who is gone."""

    id: int
    uuid: UUID


def delete_persons(*, project_id: int, uuids: Sequence[UUID], user_id: int | None) -> list[DeletedPerson]:
    """Delete those of ``uuids`` who exist, in one transaction; who they were."""
    return change_persons(project_id, lambda cursor: _delete(cursor, project_id, uuids, user_id))


_LOCK = """
SELECT id, uuid FROM core_person WHERE project_id = %s AND uuid = ANY(%s) ORDER BY id FOR UPDATE
"""

_DELETE_MAPPINGS = f"""
WITH dead AS (
    DELETE FROM core_persondistinctid WHERE project_id = %(project_id)s AND person_id = ANY(%(ids)s)
    RETURNING distinct_id, person_id, version
), overridden AS (
    SELECT distinct_id, person_id, version + {DEATH_STEP} AS version FROM dead WHERE version > 0
), buried AS (
    INSERT INTO core_distinctidtombstone (project_id, digest, version)
    SELECT %(project_id)s, substr(sha256(convert_to(distinct_id, 'UTF8')), 1, 16) AS digest, version
    FROM overridden ORDER BY digest
    ON CONFLICT (project_id, digest) DO UPDATE
    SET version = greatest(core_distinctidtombstone.version, excluded.version)
)
SELECT distinct_id, person_id, version FROM overridden
"""  # noqa: S608 - the step is a constant


def _delete(
    cursor: CursorWrapper, project_id: int, uuids: Sequence[UUID], user_id: int | None
) -> list[DeletedPerson]:
    cursor.execute(_LOCK, [project_id, list(uuids)])
    persons = [DeletedPerson(*row) for row in cursor.fetchall()]
    if not persons:
        return []
    ids = [person.id for person in persons]
    uuid_of = {person.id: person.uuid for person in persons}
    cursor.execute(_DELETE_MAPPINGS, {"project_id": project_id, "ids": ids})
    overrides = [
        override_line(
            project_id=project_id,
            distinct_id=distinct_id,
            person_uuid=uuid_of[person_id],
            version=version,
            is_deleted=True,
        )
        for distinct_id, person_id, version in cursor.fetchall()
    ]
    end_memberships(cursor, project_id, ids)
    forget_changes(cursor, project_id, ids)
    bury(cursor, project_id, ids)
    append_lines(cursor, project_id, Outbox.Target.OVERRIDE, overrides)
    record_activity(
        project_id=project_id,
        user_id=user_id,
        activities=(Activity("Person", "deleted", person.id, str(person.uuid)) for person in persons),
    )
    return persons
