"""Asks for calculations of cohorts. Inside the transaction of whoever asks."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

import orjson
from django.db import connection, transaction

from core.filters.cohort_groups import effective_filters
from core.filters.cohort_references import ranks, reachable, references, reversed_references
from core.services.cohorts.wake import wake_calculation

#: How old a result may become, how many failures in a row are too many, and how many cohorts one look takes on.
FRESH = timedelta(minutes=15)
MOST_ERRORS = 20
AT_ONCE = 20
#: The wait after a first failure is twice this; each further one doubles it.
_PATIENCE = timedelta(minutes=30)

_LOCK_PROJECT = "SELECT pg_advisory_xact_lock(hashtextextended('cohorts of ' || %s, 0))"
_DYNAMIC = """
SELECT id, filters::text, groups::text FROM core_cohort WHERE project_id = %s AND NOT is_static AND NOT deleted
"""

# In one order, so that two requests do not wait for each other.
_REQUEST = """
UPDATE core_cohort c SET
    is_calculating = true, pending_version = coalesce(c.pending_version, 0) + 1,
    requested_at = now(), request_rank = wanted.rank
FROM (
    SELECT c.id, w.rank FROM unnest(%(ids)s::bigint[], %(ranks)s::int[]) AS w (id, rank)
    JOIN core_cohort c ON c.id = w.id AND c.project_id = %(project_id)s
    ORDER BY c.id FOR NO KEY UPDATE OF c
) wanted WHERE c.id = wanted.id
"""


def lock_cohorts(project_id: int) -> None:
    """One transaction at a time saves cohorts of a project: two at once could make a loop."""
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_PROJECT, [str(project_id)])


def dynamic_filters(project_id: int) -> dict[int, Mapping[str, Any]]:
    """The criteria of every dynamic cohort of the project that is not deleted."""
    with connection.cursor() as cursor:
        cursor.execute(_DYNAMIC, [project_id])
        return {
            cohort_id: effective_filters(orjson.loads(filters), orjson.loads(groups))
            for cohort_id, filters, groups in cursor.fetchall()
        }


def request_with_related(project_id: int, cohort_id: int) -> None:
    """Ask for a cohort, everything that it depends on, and everything that depends on it."""
    known = references(dynamic_filters(project_id))
    related = reachable([cohort_id], known) | reachable([cohort_id], reversed_references(known))
    rank = ranks(known)
    _request(
        project_id, {one: rank[one] for one in related & known.keys()} | {cohort_id: rank.get(cohort_id, 0)}
    )


def request_one(project_id: int, cohort_id: int) -> None:
    """Ask for one cohort alone."""
    _request(project_id, {cohort_id: 0})


def _request(project_id: int, rank_of: Mapping[int, int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            _REQUEST, {"project_id": project_id, "ids": list(rank_of), "ranks": list(rank_of.values())}
        )
    transaction.on_commit(wake_calculation)


_DUE = """
SELECT project_id, array_agg(id ORDER BY id) FROM (
    SELECT id, project_id FROM core_cohort
    WHERE NOT is_static AND NOT deleted AND NOT is_calculating AND errors_calculating <= %(most_errors)s
      AND project_id NOT IN (SELECT id FROM core_project WHERE deleted_at IS NOT NULL)
      AND (last_calculation IS NULL OR last_calculation < now() - %(fresh)s)
      AND (errors_calculating = 0
        OR last_error_at < now() - %(patience)s * (2 ^ errors_calculating))
    ORDER BY last_calculation NULLS FIRST, id LIMIT %(at_once)s
) due GROUP BY project_id ORDER BY project_id
"""
INTERRUPTED = "The calculation was interrupted."


def request_due() -> int:
    """Ask for the cohorts whose result is old, of all projects, the oldest first; how many."""
    given: dict[str, Any] = {
        "fresh": FRESH,
        "patience": _PATIENCE,
        "most_errors": MOST_ERRORS,
        "at_once": AT_ONCE,
    }
    with connection.cursor() as cursor:
        cursor.execute(_DUE, given)
        due = cursor.fetchall()
    for project_id, cohort_ids in due:
        _request_due(project_id, cohort_ids)
    return sum(len(cohort_ids) for _, cohort_ids in due)


def _request_due(project_id: int, cohort_ids: Iterable[int]) -> None:
    with transaction.atomic():
        lock_cohorts(project_id)
        rank = ranks(references(dynamic_filters(project_id)))
        _request(project_id, {one: rank[one] for one in cohort_ids if one in rank})
