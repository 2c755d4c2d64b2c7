"""Takes up calculations of cohorts and notes how they end. One process at a time does this (``LOCK``)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from core.filters.cohort_groups import effective_filters
from core.services.cohorts.request_calculation import INTERRUPTED
from core.services.cohorts.store_members import (
    Calculated,
    DoesNotAddUp,
    Found,
    Overtaken,
    journal_end,
    store_members,
)

#: The advisory lock of whoever calculates.
LOCK = (7_263_005, 0)
#: Runs of one request that may end with the death of their process.
_MOST_DEATHS = 2
#: A replica that went wrong, which does not happen, would be made good by the calculations with such a number.
_WHOLE_EVERY = 100
#: Runs of a cohort that are remembered.
_KEPT = 100


@dataclass(frozen=True, slots=True)
class Run:
    """A calculation that has begun. ``filters`` are criteria in their kept form, empty when there are none; a static
    cohort is filled by them or by its ``query``.
    """

    calculated: Calculated
    is_static: bool
    #: Whether members are compared with what is found here; else ClickHouse compares them with its replica first.
    is_whole: bool
    filters: Mapping[str, Any]
    query: Mapping[str, Any] | None
    zone: ZoneInfo
    test_account_filters: Sequence[Any]


_NEXT = """
SELECT c.id, c.project_id, c.pending_version, c.version IS NULL, c.is_static,
    c.filters::text, c.groups::text, c.query::text, p.timezone, p.test_account_filters::text
FROM core_cohort c JOIN core_project p ON p.id = c.project_id
WHERE c.is_calculating AND NOT c.deleted AND p.deleted_at IS NULL
ORDER BY c.requested_at, c.request_rank, c.id LIMIT 1
"""
_DEATHS = """
SELECT count(*) FROM core_cohortcalculation
WHERE project_id = %(project_id)s AND cohort_id = %(cohort_id)s AND version = %(version)s
  AND (finished_at IS NULL OR error = %(interrupted)s)
"""
_BURY_RUNS = """
UPDATE core_cohortcalculation SET finished_at = now(), error = %(interrupted)s
WHERE project_id = %(project_id)s AND cohort_id = %(cohort_id)s AND finished_at IS NULL
"""
_BEGIN = """
INSERT INTO core_cohortcalculation (project_id, cohort_id, version, filters, started_at)
VALUES (%(project_id)s, %(cohort_id)s, %(version)s, %(filters)s, clock_timestamp())
RETURNING id, started_at
"""
_FORGET_OLD = """
DELETE FROM core_cohortcalculation WHERE project_id = %(project_id)s AND cohort_id = %(cohort_id)s AND id <= (
    SELECT id FROM core_cohortcalculation WHERE cohort_id = %(cohort_id)s ORDER BY id DESC OFFSET %(kept)s LIMIT 1
)
"""


def begin_next() -> Run | None:
    """Take up the calculation that has waited longest, those that others depend on first; null when none waits."""
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_NEXT)
            row = cursor.fetchone()
            if row is None:
                return None
            run = _begin(cursor, *row)
        if run is not None:
            return run


def _begin(
    cursor: CursorWrapper,
    cohort_id: int,
    project_id: int,
    version: int,
    is_first: bool,
    is_static: bool,
    filters: str,
    groups: str,
    query: str | None,
    timezone: str,
    test_account_filters: str,
) -> Run | None:
    """Null when its process has died too often; then it has failed."""
    effective = effective_filters(orjson.loads(filters), orjson.loads(groups))
    given: dict[str, Any] = {
        "project_id": project_id,
        "cohort_id": cohort_id,
        "version": version,
        "filters": orjson.dumps(effective).decode(),
        "interrupted": INTERRUPTED,
        "kept": _KEPT,
    }
    # Nobody else calculates: a run that has not ended never will.
    cursor.execute(_DEATHS, given)
    (deaths,) = cursor.fetchone()
    cursor.execute(_BURY_RUNS, given)
    if deaths >= _MOST_DEATHS:
        cursor.execute(_FAIL, {**given, "error": INTERRUPTED})
        return None
    journal = journal_end()
    cursor.execute(_FORGET_OLD, given)
    cursor.execute(_BEGIN, given)
    run_id, started_at = cursor.fetchone()
    return Run(
        Calculated(project_id, cohort_id, run_id, version, journal, started_at),
        is_static,
        is_static or is_first or version % _WHOLE_EVERY == 0,
        effective,
        orjson.loads(query) if query else None,
        ZoneInfo(timezone),
        orjson.loads(test_account_filters),
    )


def finish(run: Run, found: Found) -> bool:
    """The persons who were found are the members now. Those of a static cohort join the others. Whether that is so:
    it is not when ``found`` was compared with a replica that has other members; then nothing has changed.

    Nothing changes either when the run was overtaken.
    """
    try:
        store_members(run.calculated, found, replace=not run.is_static)
    except Overtaken:
        _end(run, "Another calculation was asked for meanwhile.")
    except DoesNotAddUp:
        return False
    return True


# Members stay as they are. Of a run that was overtaken only its own row tells.
_FAIL = """
UPDATE core_cohort SET is_calculating = false, errors_calculating = errors_calculating + 1,
    last_error_at = now(), last_error_message = %(error)s
WHERE id = %(cohort_id)s AND project_id = %(project_id)s AND pending_version = %(version)s
"""


def fail(run: Run, error: str) -> None:
    """The calculation failed; ``error`` is for people. The members stay those of the last success."""
    of = run.calculated
    given: dict[str, Any] = {
        "project_id": of.project_id,
        "cohort_id": of.cohort_id,
        "version": of.version,
        "error": error,
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_FAIL, given)
        _end(run, error)


_END = """
UPDATE core_cohortcalculation SET finished_at = clock_timestamp(), error = %s WHERE project_id = %s AND id = %s
"""


def _end(run: Run, error: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_END, [error, run.calculated.project_id, run.calculated.run_id])


_WAITING = """
SELECT EXISTS (
    SELECT 1 FROM core_cohort c JOIN core_project p ON p.id = c.project_id
    WHERE c.is_calculating AND NOT c.deleted AND p.deleted_at IS NULL
)
"""


def is_waiting() -> bool:
    """Whether any calculation was asked for and has not ended."""
    with connection.cursor() as cursor:
        cursor.execute(_WAITING)
        return bool(cursor.fetchone()[0])
