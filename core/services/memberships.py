"""Membership in cohorts follows persons: a merge moves it, a deletion ends it, and counts stay right."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.backends.utils import CursorWrapper

_SHRINK = """
shrunk AS (
    UPDATE core_cohort c SET count = c.count - fewer.members FROM (
        -- In one order, so that two changes do not wait for each other.
        SELECT c.id, r.members FROM core_cohort c
        JOIN (SELECT cohort_id, count(*) AS members FROM removed GROUP BY cohort_id) r ON r.cohort_id = c.id
        ORDER BY c.id FOR NO KEY UPDATE OF c
    ) fewer WHERE c.id = fewer.id
)
"""

_HAS_SURVIVOR = """
EXISTS (SELECT 1 FROM core_cohortmember s WHERE s.cohort_id = m.cohort_id AND s.person_id = %(survivor)s)
"""

_MOVE = f"""
WITH moved AS (
    UPDATE core_cohortmember m SET person_id = %(survivor)s
    WHERE m.project_id = %(project_id)s AND m.person_id = %(loser)s AND NOT {_HAS_SURVIVOR}
    RETURNING cohort_id
), removed AS (
    DELETE FROM core_cohortmember m
    WHERE m.project_id = %(project_id)s AND m.person_id = %(loser)s AND {_HAS_SURVIVOR}
    RETURNING cohort_id
), {_SHRINK}
SELECT cohort_id, true FROM moved UNION ALL SELECT cohort_id, false FROM removed
"""  # noqa: S608 - put together from constants

_REMOVE = f"""
WITH removed AS (
    DELETE FROM core_cohortmember WHERE project_id = %(project_id)s AND person_id = ANY(%(ids)s)
    RETURNING cohort_id
), {_SHRINK}
SELECT count(*) FROM removed
"""  # noqa: S608 - put together from constants

_GIVE_BACK = """
WITH returned AS (
    UPDATE core_cohortmember SET person_id = %(loser)s
    WHERE project_id = %(project_id)s AND person_id = %(survivor)s AND cohort_id = ANY(%(gained)s)
), again AS (
    INSERT INTO core_cohortmember (project_id, cohort_id, person_id)
    SELECT %(project_id)s, c.id, %(loser)s FROM core_cohort c
    WHERE c.project_id = %(project_id)s AND c.id = ANY(%(shared)s) ORDER BY c.id
    RETURNING cohort_id
)
UPDATE core_cohort c SET count = c.count + 1 FROM again WHERE c.id = again.cohort_id
"""


@dataclass(frozen=True, slots=True)
class MovedMemberships:
    """Cohorts that the survivor of a merge ``gained``, and those that both had been in."""

    gained: list[int]
    shared: list[int]


def move_memberships(
    cursor: CursorWrapper, project_id: int, loser: int | None, survivor: int | None
) -> MovedMemberships:
    """The survivor of a merge is in every cohort that the loser was in, once."""
    cursor.execute(_MOVE, {"project_id": project_id, "loser": loser, "survivor": survivor})
    rows = cursor.fetchall()
    return MovedMemberships(
        gained=[cohort_id for cohort_id, is_moved in rows if is_moved],
        shared=[cohort_id for cohort_id, is_moved in rows if not is_moved],
    )


def give_back_memberships(
    cursor: CursorWrapper, project_id: int, loser: int, survivor: int, moved: MovedMemberships
) -> None:
    """Undo ``move_memberships``."""
    cursor.execute(
        _GIVE_BACK,
        {
            "project_id": project_id,
            "loser": loser,
            "survivor": survivor,
            "gained": moved.gained,
            "shared": moved.shared,
        },
    )


def end_memberships(cursor: CursorWrapper, project_id: int, person_ids: Sequence[int | None]) -> None:
    """Take persons out of all cohorts and correct the counts."""
    cursor.execute(_REMOVE, {"project_id": project_id, "ids": list(person_ids)})
