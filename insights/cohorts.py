"""Calculates the cohorts for which it was asked, one after the other: the worker's side of
``core.services.cohorts.request_calculation``.

What is to be done is in PostgreSQL. A worker that dies leaves a calculation that has begun; the next one begins it
again.
"""

import logging
import time
from collections.abc import Mapping, Sequence

from django.conf import settings
from django.utils import timezone

from core.advisory_lock import only_one
from core.clickhouse import client
from core.exceptions import ClickHouseUnavailable, InvalidInput, QueryTooHeavy, ReplicaTooLate
from core.filters.cohort_criteria import (
    NOBODY,
    CriteriaReader,
    ImpossibleCriteria,
    property_filters,
)
from core.filters.properties import (
    PropertyFilter,
    PropertyGroup,
    PropertyReader,
    Source,
    cohorts_of,
    filters_of,
)
from core.outbox.drain import drain
from core.selectors.cohorts import cohort_names
from core.selectors.waiting_rows import waiting_members
from core.services.cohorts.calculations import LOCK, Run, begin_next, fail, finish, is_waiting
from core.services.cohorts.store_members import Found
from core.sql.members import WaitingMembers, member_ids
from core.sql.patterns import check_patterns
from core.sql.text import Sql
from insights.limits import Limits
from insights.queries import cohort
from insights.sql.person_of_event import has_overrides

logger = logging.getLogger(__name__)

#: Seconds that a calculation waits for what was written before it to reach ClickHouse. When more waits than that, it
#: goes by what is there: the next one sees the rest.
_DELIVERY = 10.0

TOO_LONG = "The query is taking too long. Use shorter time ranges or fewer criteria."
TOO_LARGE = "The query needs too much memory. Use shorter time ranges or fewer criteria."
BAD_PATTERN = "A criterion has an invalid regular expression: {detail}"
IMPOSSIBLE = "The criteria cannot be calculated: {detail}"
BUSY = "ClickHouse did not answer. The calculation will be tried again."
UNKNOWN = "The calculation failed for an unexpected reason; the log of the server has it."


def calculate_waiting() -> None:
    """Calculate until nothing waits. Does nothing while another process is at it."""
    while is_waiting():
        with only_one(*LOCK) as is_alone:
            if not is_alone:
                return
            while run := begin_next():
                _calculate(run)
        # Whoever asked between the last look and now found the lock taken, and went away: so look again.


def _calculate(run: Run) -> None:
    """ClickHouse compares with its own members, so that hardly anything travels; where that cannot be done, or leads
    nowhere, everybody who was found is compared with PostgreSQL's.
    """
    for is_whole in (True,) if run.is_whole else (False, True):
        try:
            found = _find(run, is_whole=is_whole)
        except Exception as error:
            if isinstance(error, ReplicaTooLate | QueryTooHeavy) and not is_whole:
                continue
            fail(run, _told(error))
            return
        if finish(run, found):
            return


def _find(run: Run, *, is_whole: bool) -> Found:
    """Who meets the criteria, all of them or compared with the members that ClickHouse knows of."""
    of = run.calculated
    query = _query(run)
    if is_whole:
        query = cohort.listed(query)
    else:
        waiting = waiting_members(of.project_id, [of.cohort_id])
        query = cohort.compared(query, member_ids(of.cohort_id, waiting))
    text, parameters = query.rendered()
    limits = Limits(seconds=settings.COHORT_SECONDS, memory=settings.INSIGHTS_MEMORY)
    started = time.monotonic()
    rows, work = client.query_with_work(
        text,
        project_id=of.project_id,
        parameters=parameters,
        settings=limits.settings(purpose=f"cohort {of.cohort_id}"),
    )
    query_ms = int((time.monotonic() - started) * 1000)
    count, joining, leaving = rows[0]
    return Found(
        count=count,
        joining=joining.encode(),
        leaving=None if is_whole else leaving.encode(),
        main_query=text,
        query_ms=query_ms,
        read_rows=_number(work, "read_rows"),
        memory_bytes=_number(work, "memory_usage"),
    )


def _number(work: Mapping[str, str], name: str) -> int | None:
    return int(work[name]) if name in work else None


def _query(run: Run) -> Sql:
    """The question for the members; what it needs is in ClickHouse then, or goes along."""
    project_id = run.calculated.project_id
    sources = (Source.PERSON, Source.COHORT)
    reader = PropertyReader(run.zone, timezone.now(), sources, cohorts=cohort_names(project_id))
    if run.query is not None:
        properties = reader.read(run.query.get("properties"), attr="query")
        waiting = _prepare(project_id, list(filters_of(properties)))
        return cohort.found(properties, run.query.get("search"), waiting)
    criteria = CriteriaReader(reader, run.test_account_filters).read(run.filters) if run.filters else NOBODY
    waiting = _prepare(project_id, list(property_filters(criteria)))
    return cohort.members(criteria, waiting, overridden=has_overrides(project_id))


def _prepare(project_id: int, filters: Sequence[PropertyFilter]) -> WaitingMembers:
    """Wait for delivery; the changes of members that still wait. A cohort goes by what another one was just found to
    have, however long that takes to arrive.
    """
    check_patterns(filters)
    drain(timeout_seconds=_DELIVERY)
    return waiting_members(project_id, cohorts_of(PropertyGroup(members=tuple(filters))))


def _told(error: Exception) -> str:
    """What people are told about a failure; the error itself goes to the log."""
    if isinstance(error, ImpossibleCriteria):
        return IMPOSSIBLE.format(detail=error.detail)
    if isinstance(error, InvalidInput):
        return BAD_PATTERN.format(detail=error.detail)
    if isinstance(error, QueryTooHeavy):
        return TOO_LARGE if "MEMORY_LIMIT" in str(error.__cause__) else TOO_LONG
    if isinstance(error, ClickHouseUnavailable | ReplicaTooLate):
        logger.warning("ClickHouse does not answer; a cohort keeps its members")
        return BUSY
    logger.error("the calculation of a cohort failed", exc_info=error)
    return UNKNOWN
