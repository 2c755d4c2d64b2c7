"""Members of static cohorts are added and removed, effective at once."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.backends.utils import CursorWrapper

from core.exceptions import CohortNotFound, InvalidInput, RequestError
from core.outbox.wake import wake_webhooks
from core.services.record_activity import Activity, record_activity
from core.services.transaction import change_persons

#: Persons of one transaction: they are locked until its end.
BATCH = 1000
ADD_REFUSED = "Can only add users to static cohorts"
REMOVE_REFUSED = "Can only remove users from static cohorts"


class NoSuchMember(RequestError):
    """Person with this UUID does not exist in the cohort's team"""

    status = 404
    type = "invalid_request"
    code = "not_found"

    def __init__(self) -> None:
        super().__init__((self.__doc__ or "").strip())


# An addition of nothing keeps PostgreSQL, which may know nothing yet of a project that was filled a moment ago, from
# walking all of it for each batch.
_LOCK = "SELECT id FROM core_person WHERE project_id + 0 = %s AND id = ANY(%s) ORDER BY id FOR KEY SHARE"


def lock_persons(cursor: CursorWrapper, project_id: int, person_ids: Sequence[int]) -> list[int]:
    """Those of the persons who exist; until the transaction ends they neither merge away nor are deleted."""
    cursor.execute(_LOCK, [project_id, list(person_ids)])
    return [person_id for (person_id,) in cursor.fetchall()]


_ADD = """
INSERT INTO core_cohortmember (project_id, cohort_id, person_id)
SELECT %(project_id)s, %(cohort_id)s, id FROM unnest(%(ids)s::bigint[]) AS id ORDER BY id
ON CONFLICT DO NOTHING
"""
_COUNT = """
UPDATE core_cohort SET count = coalesce(count, 0) + %(more)s WHERE id = %(cohort_id)s AND project_id = %(project_id)s
"""


def join_cohort(cursor: CursorWrapper, project_id: int, cohort_id: int, person_ids: Sequence[int]) -> None:
    """Locked persons become members; who is one already stays one."""
    given: dict[str, Any] = {"project_id": project_id, "cohort_id": cohort_id, "ids": list(person_ids)}
    cursor.execute(_ADD, given)
    cursor.execute(_COUNT, {**given, "more": cursor.rowcount})
    transaction.on_commit(wake_webhooks)


_BY_UUID = "SELECT id FROM core_person WHERE project_id = %s AND uuid = ANY(%s)"


def join_by_uuid(cursor: CursorWrapper, project_id: int, cohort_id: int, uuids: Sequence[UUID]) -> int:
    """Those of ``uuids`` who exist become members; how many exist."""
    cursor.execute(_BY_UUID, [project_id, list(uuids)])
    found = [person_id for (person_id,) in cursor.fetchall()]
    alive = lock_persons(cursor, project_id, found)
    join_cohort(cursor, project_id, cohort_id, alive)
    return len(alive)


_COHORT = "SELECT name, is_static FROM core_cohort WHERE project_id = %s AND id = %s"


def add_persons(*, project_id: int, cohort_id: int, uuids: Sequence[UUID], user_id: int | None) -> None:
    """Add those of ``uuids`` who exist, in one transaction.

    Raises ``CohortNotFound``, and ``InvalidInput`` for a dynamic cohort and when none of them exists.
    """

    def add(cursor: CursorWrapper) -> None:
        name = _static_name(cursor, project_id, cohort_id, ADD_REFUSED)
        if not join_by_uuid(cursor, project_id, cohort_id, uuids):
            raise InvalidInput("No valid users to add to cohort")
        _note(project_id, cohort_id, name, "persons_added_manually", user_id)

    change_persons(project_id, add)


_FIND = "SELECT id FROM core_person WHERE project_id = %s AND uuid = %s"
_REMOVE = """
DELETE FROM core_cohortmember
WHERE project_id = %(project_id)s AND cohort_id = %(cohort_id)s AND person_id = %(person_id)s
"""


def remove_person(*, project_id: int, cohort_id: int, uuid: UUID, user_id: int | None) -> None:
    """Take a person out of a static cohort; nothing happens when it is no member.

    Raises ``CohortNotFound``, ``InvalidInput`` for a dynamic cohort, and ``NoSuchMember`` when the project has no such
    person.
    """

    def remove(cursor: CursorWrapper) -> None:
        name = _static_name(cursor, project_id, cohort_id, REMOVE_REFUSED)
        cursor.execute(_FIND, [project_id, uuid])
        found = cursor.fetchone()
        if found is None:
            raise NoSuchMember
        given: dict[str, Any] = {"project_id": project_id, "cohort_id": cohort_id, "person_id": found[0]}
        cursor.execute(_REMOVE, given)
        if cursor.rowcount:
            cursor.execute(_COUNT, {**given, "more": -1})
            _note(project_id, cohort_id, name, "person_removed_manually", user_id)
            transaction.on_commit(wake_webhooks)

    change_persons(project_id, remove)


def _static_name(cursor: CursorWrapper, project_id: int, cohort_id: int, otherwise: str) -> str | None:
    cursor.execute(_COHORT, [project_id, cohort_id])
    found = cursor.fetchone()
    if found is None:
        raise CohortNotFound
    name, is_static = found
    if not is_static:
        raise InvalidInput(otherwise)
    return None if name is None else str(name)


def _note(project_id: int, cohort_id: int, name: str | None, activity: str, user_id: int | None) -> None:
    change = {"type": "Cohort", "action": "changed", "field": None, "before": None, "after": None}
    record_activity(
        project_id=project_id,
        user_id=user_id,
        activities=[Activity("Cohort", activity, cohort_id, name, [change])],
    )
