"""Cohorts of a project: how many persons each has, how it was calculated, and doing that again."""

import json
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from core.admin.parts import (
    NOTHING,
    Action,
    Page,
    Search,
    Table,
    badge,
    code,
    link,
    number,
    post_button,
    show,
    when,
)
from core.admin.requests import ROWS, find_project, page_number, pager
from core.auth.authentication import LARGEST_ID
from core.exceptions import CohortNotFound, RequestError
from core.models import Cohort
from core.selectors.cohorts import CohortFilter, get_cohort, list_calculations, list_cohorts, show_cohort
from core.services.cohorts.recalculate import recalculate as ask_for_calculation

_CALCULATIONS = 10


def cohorts(request: HttpRequest, project_id: int) -> TemplateResponse:
    project = find_project(project_id)
    wanted, page = request.GET.get("q", "").replace("\0", "").strip(), page_number(request)
    offset = (page - 1) * ROWS
    found = list_cohorts(
        project_id, CohortFilter(search=wanted or None), limit=ROWS, offset=offset, basic=True
    )
    return show(
        request,
        Page(
            title=f"Cohorts of {project.name}",
            search=Search("Part of the name", wanted),
            tables=[
                Table(
                    ("Name", "Kind", "Persons", "Calculated", "State", ""),
                    [_row(request, project_id, row) for row in found.rows],
                    empty="No cohorts.",
                )
            ],
            pager=pager(request, page, has_more=offset + len(found.rows) < found.total),
        ),
    )


def cohort(request: HttpRequest, project_id: int, cohort_id: int) -> TemplateResponse:
    find_project(project_id)
    found = _find(project_id, cohort_id)
    shown = show_cohort(found)
    runs = list_calculations(project_id, found.pk, limit=_CALCULATIONS, offset=0)
    again = reverse("admin:cohorts_recalculate", args=[project_id, cohort_id])
    return show(
        request,
        Page(
            title=f"Cohort {_name(shown)}",
            facts=[
                ("Kind", "static" if found.is_static else "dynamic"),
                ("Persons", number(found.count)),
                ("Calculated", when(found.last_calculation)),
                ("State", _state(shown)),
                ("Description", found.description or NOTHING),
            ],
            actions=[]
            if found.is_static or found.deleted
            else [Action("Recalculate", again, icon="refresh", posts=True)],
            tables=[
                Table(
                    ("Criteria",),
                    [(code(json.dumps(shown["filters"], indent=2, ensure_ascii=False)),)],
                ),
                Table(
                    ("Began", "Persons", "Took", "Outcome"),
                    [
                        (
                            when(run["started_at"]),
                            number(run["count"]),
                            NOTHING
                            if run["duration_seconds"] is None
                            else f"{run['duration_seconds']:.1f} s",
                            _outcome(run),
                        )
                        for run in runs.rows
                    ],
                    title="Calculations",
                    empty="Not calculated yet.",
                ),
            ],
        ),
    )


@require_POST
def recalculate(request: HttpRequest, project_id: int, cohort_id: int) -> HttpResponse:
    find_project(project_id)
    found = _find(project_id, cohort_id)
    try:
        ask_for_calculation(project_id=project_id, cohort_id=found.pk)
    except RequestError as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, "The calculation was asked for; the number of persons follows.")
    return redirect("admin:cohorts_one", project_id=project_id, cohort_id=cohort_id)


def _find(project_id: int, cohort_id: int) -> Cohort:
    """Raises ``CohortNotFound``."""
    if cohort_id > LARGEST_ID:
        raise CohortNotFound
    return get_cohort(project_id, cohort_id)


def _row(request: HttpRequest, project_id: int, row: dict[str, Any]) -> tuple[Any, ...]:
    here = [project_id, row["id"]]
    again = reverse("admin:cohorts_recalculate", args=here)
    return (
        link(reverse("admin:cohorts_one", args=here), _name(row)),
        "static" if row["is_static"] else "dynamic",
        number(row["count"]),
        when(row["last_calculation"]),
        _state(row),
        "" if row["is_static"] else post_button(request, again, "Recalculate"),
    )


def _name(row: dict[str, Any]) -> str:
    return row["name"] or f"Cohort {row['id']}"


def _state(row: dict[str, Any]) -> SafeString:
    if row["deleted"]:
        return badge("deleted", "danger")
    if row["is_calculating"]:
        return badge("calculating", "info")
    return badge("failed", "danger") if row["errors_calculating"] else badge("ready", "success")


def _outcome(run: dict[str, Any]) -> Any:
    if not run["is_completed"]:
        return badge("running", "info")
    return badge("done", "success") if run["is_successful"] else run["error"]
