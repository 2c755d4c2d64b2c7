"""Reads cohorts and shows them as the contract wants."""

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from core.exceptions import CohortNotFound
from core.filters.cohort_groups import effective_filters
from core.filters.cohort_references import behavioral, references
from core.json import iso
from core.models import Cohort, CohortCalculation
from core.selectors.users import show_basic_user

#: What `used_in` names of each kind.
MOST_NAMED = 100


@dataclass(frozen=True, slots=True)
class CohortFilter:
    """What a list is narrowed to; null means: not by this."""

    is_static: bool | None = None
    created_by_id: int | None = None
    #: Part of the name, in any case.
    search: str | None = None
    #: Without cohorts that look at events, and those that refer to one.
    hides_behavioral: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """``total`` counts the rows of all pages."""

    rows: list[dict[str, Any]]
    total: int


def cohort_exists(project_id: int, cohort_id: int) -> bool:
    """Whether the project has this cohort; a deleted one does not count."""
    return Cohort.objects.for_project(project_id).filter(pk=cohort_id, deleted=False).exists()


def cohort_names(project_id: int) -> dict[int, str]:
    """The names of the cohorts that are not deleted, by id; one without a name goes by its id."""
    found = Cohort.objects.for_project(project_id).filter(deleted=False).order_by("pk")
    return {pk: name or str(pk) for pk, name in found.values_list("pk", "name")}


def get_cohort(project_id: int, cohort_id: int) -> Cohort:
    """The cohort, also a deleted one. Raises ``CohortNotFound``."""
    found = Cohort.objects.for_project(project_id).select_related("created_by").filter(pk=cohort_id).first()
    if found is None:
        raise CohortNotFound
    return found


def list_cohorts(project_id: int, where: CohortFilter, *, limit: int, offset: int, basic: bool) -> Page:
    """Cohorts that are not deleted, newest first; ``basic`` ones without their criteria."""
    found = _matching(project_id, where)
    rows = found.select_related("created_by").order_by("-created_at", "-pk")[offset : offset + limit]
    return Page([show_cohort(cohort, basic=basic) for cohort in rows], found.count())


def _matching(project_id: int, where: CohortFilter) -> QuerySet[Cohort]:
    found = Cohort.objects.for_project(project_id).filter(deleted=False)
    if where.is_static is not None:
        found = found.filter(is_static=where.is_static)
    if where.created_by_id is not None:
        found = found.filter(created_by_id=where.created_by_id)
    if where.search is not None:
        found = found.filter(name__icontains=where.search)
    if where.hides_behavioral:
        found = found.exclude(pk__in=behavioral(_criteria(project_id)))
    return found


def _criteria(project_id: int) -> dict[int, Any]:
    """The criteria of every dynamic cohort that is not deleted."""
    cohorts = Cohort.objects.for_project(project_id).filter(deleted=False, is_static=False)
    return {
        pk: effective_filters(filters, groups)
        for pk, filters, groups in cohorts.values_list("pk", "filters", "groups")
    }


def cohorts_using(project_id: int, cohort_id: int) -> Page:
    """Id and name of the cohorts whose criteria refer to this one, by id, at most ``MOST_NAMED``."""
    known = references(_criteria(project_id))
    users = sorted(other for other, named in known.items() if cohort_id in named)
    cohorts = Cohort.objects.for_project(project_id).filter(pk__in=users[:MOST_NAMED]).order_by("pk")
    return Page([{"id": one.pk, "name": one.name} for one in cohorts], len(users))


def list_calculations(project_id: int, cohort_id: int, *, limit: int, offset: int) -> Page:
    """How the cohort was calculated, the latest first."""
    found = CohortCalculation.objects.for_project(project_id).filter(cohort_id=cohort_id)
    rows = found.order_by("-pk")[offset : offset + limit]
    return Page([_show_calculation(run) for run in rows], found.count())


def show_cohort(cohort: Cohort, *, basic: bool = False) -> dict[str, Any]:
    """The object of the API."""
    criteria = {
        "groups": cohort.groups,
        # Of a static one whatever was sent.
        "filters": cohort.filters if cohort.is_static else effective_filters(cohort.filters, cohort.groups),
        "query": cohort.query,
    }
    return {
        "id": cohort.pk,
        "name": cohort.name,
        "description": cohort.description,
        "deleted": cohort.deleted,
        **({} if basic else criteria),
        "version": cohort.version,
        "pending_version": cohort.pending_version,
        "is_calculating": cohort.is_calculating or cohort.filling_since is not None,
        "created_by": show_basic_user(cohort.created_by),
        "created_at": iso(cohort.created_at),
        "last_calculation": iso(cohort.last_calculation),
        "last_backfill_person_properties_at": None,
        "errors_calculating": cohort.errors_calculating,
        "last_error_message": cohort.last_error_message,
        "count": cohort.count,
        "is_static": cohort.is_static,
        "cohort_type": cohort.cohort_type,
        "experiment_set": [],
        # Only of those that were given a file.
        **({} if basic or cohort.upload is None else {"upload": cohort.upload}),
    }


def _show_calculation(run: CohortCalculation) -> dict[str, Any]:
    finished = run.finished_at
    # ClickHouse does not say how much it needed in all of its versions.
    work = {
        "query_ms": run.query_ms,
        "memory_mb": None if run.memory_bytes is None else run.memory_bytes // 1_000_000,
        "read_rows": run.read_rows,
        "written_rows": run.written_rows,
    }
    query = {"query": run.main_query, "query_id": None, **work}
    return {
        "id": run.pk,
        "filters": run.filters,
        "count": run.count,
        "started_at": iso(run.started_at),
        "finished_at": iso(finished),
        "queries": None if run.main_query is None else [query],
        "error": run.error,
        "duration_seconds": None if finished is None else (finished - run.started_at).total_seconds(),
        "is_completed": finished is not None,
        "is_successful": finished is not None and run.error is None,
        **{f"total_{name}": value for name, value in work.items()},
        "main_query": run.main_query,
        "main_query_id": None,
    }
