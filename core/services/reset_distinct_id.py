"""Repairs a distinct id in ClickHouse: its person and where it points are sent again, as they are."""

from django.db.backends.utils import CursorWrapper

from core.exceptions import PersonNotFound
from core.models import Outbox
from core.outbox.append import append_lines
from core.outbox.lines import override_line
from core.services.stored_person import StoredPerson, line_of, lock_person
from core.services.transaction import Conflict, change_persons


def reset_distinct_id(*, project_id: int, distinct_id: str) -> None:
    """Send the mapping and the person of ``distinct_id`` to ClickHouse again, at the versions that they have.

    ClickHouse keeps one row a version, so where nothing is wrong nothing changes. An id that nobody has is left
    alone.
    """
    change_persons(project_id, lambda cursor: _reset(cursor, project_id, distinct_id))


_FIND = "SELECT person_id FROM core_persondistinctid WHERE project_id = %s AND distinct_id = %s"
_MAPPING = """
SELECT version, version > squashed_version FROM core_persondistinctid
WHERE project_id = %s AND distinct_id = %s AND person_id = %s
"""


def _reset(cursor: CursorWrapper, project_id: int, distinct_id: str) -> None:
    cursor.execute(_FIND, [project_id, distinct_id])
    found = cursor.fetchone()
    if found is None:
        return
    person = _locked(cursor, project_id, found[0])
    # Whoever moves an id locks its person first, so what is read now stays so.
    cursor.execute(_MAPPING, [project_id, distinct_id, person.id])
    mapping = cursor.fetchone()
    if mapping is None:
        raise Conflict
    append_lines(cursor, project_id, Outbox.Target.PERSON, [line_of(project_id, person)])
    version, has_override = mapping
    if has_override:
        line = override_line(
            project_id=project_id, distinct_id=distinct_id, person_uuid=person.uuid, version=version
        )
        append_lines(cursor, project_id, Outbox.Target.OVERRIDE, [line])


def _locked(cursor: CursorWrapper, project_id: int, person_id: int) -> StoredPerson:
    try:
        return lock_person(cursor, project_id, person_id)
    except PersonNotFound:
        raise Conflict from None
