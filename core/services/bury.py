"""The end of a person: what a merge and a deletion have in common."""

from collections.abc import Sequence
from uuid import UUID

from django.db.backends.utils import CursorWrapper

from core.identity.resolve import DEATH_STEP
from core.models import Outbox
from core.outbox.append import append_lines
from core.outbox.lines import person_line

_BURY = f"""
WITH dead AS (
    DELETE FROM core_person WHERE project_id = %(project_id)s AND id = ANY(%(ids)s)
    RETURNING uuid, created_at, version + {DEATH_STEP} AS version
), buried AS (
    INSERT INTO core_persontombstone (project_id, uuid, version)
    SELECT %(project_id)s, uuid, version FROM dead ORDER BY uuid
    ON CONFLICT (project_id, uuid) DO UPDATE
    SET version = greatest(core_persontombstone.version, excluded.version)
)
SELECT uuid, created_at, version FROM dead
"""  # noqa: S608 - the step is a constant


def bury(cursor: CursorWrapper, project_id: int, person_ids: Sequence[int | None]) -> dict[UUID, int]:
    """Delete persons who have no distinct ids any more; note at which version, and tell ClickHouse. The version of
    each.
    """
    cursor.execute(_BURY, {"project_id": project_id, "ids": list(person_ids)})
    dead = cursor.fetchall()
    lines = [
        person_line(
            project_id=project_id,
            uuid=uuid,
            created_at=created_at,
            properties={},
            is_identified=False,
            version=version,
            is_deleted=True,
        )
        for uuid, created_at, version in dead
    ]
    append_lines(cursor, project_id, Outbox.Target.PERSON, lines)
    return {uuid: version for uuid, _, version in dead}
