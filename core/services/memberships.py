"""Membership in cohorts follows persons: a merge moves it, a deletion ends it, and counts stay right."""

from collections.abc import Sequence

from django.db.backends.utils import CursorWrapper

_SHRINK = """
shrunk AS (
    -- In one order, so that two changes do not wait for each other.
    SELECT c.id, r.members FROM core_cohort c
    JOIN (SELECT cohort_id, count(*) AS members FROM removed GROUP BY cohort_id) r ON r.cohort_id = c.id
    ORDER BY c.id FOR NO KEY UPDATE OF c
)
UPDATE core_cohort c SET count = c.count - shrunk.members FROM shrunk WHERE c.id = shrunk.id
"""

_HAS_SURVIVOR = """
EXISTS (SELECT 1 FROM core_cohortmember s WHERE s.cohort_id = m.cohort_id AND s.person_id = %(survivor)s)
"""

_MOVE = f"""
WITH moved AS (
    UPDATE core_cohortmember m SET person_id = %(survivor)s
    WHERE m.project_id = %(project_id)s AND m.person_id = %(loser)s AND NOT {_HAS_SURVIVOR}
), removed AS (
    DELETE FROM core_cohortmember m
    WHERE m.project_id = %(project_id)s AND m.person_id = %(loser)s AND {_HAS_SURVIVOR}
    RETURNING cohort_id
), {_SHRINK}
"""  # noqa: S608 - put together from constants

_REMOVE = f"""
WITH removed AS (
    DELETE FROM core_cohortmember WHERE project_id = %(project_id)s AND person_id = ANY(%(ids)s)
    RETURNING cohort_id
), {_SHRINK}
"""  # noqa: S608 - put together from constants


def move_memberships(cursor: CursorWrapper, project_id: int, loser: int | None, survivor: int | None) -> None:
    """The survivor of a merge is in every cohort that the loser was in, once."""
    cursor.execute(_MOVE, {"project_id": project_id, "loser": loser, "survivor": survivor})


def end_memberships(cursor: CursorWrapper, project_id: int, person_ids: Sequence[int | None]) -> None:
    """Take persons out of all cohorts and correct the counts."""
    cursor.execute(_REMOVE, {"project_id": project_id, "ids": list(person_ids)})
