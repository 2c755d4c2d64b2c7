"""Persons of a project: a list that costs the same whatever their number, and one of them with all about it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse

from core.admin.parts import Action, Page, Pager, Search, Table, badge, code, link, number, show, when
from core.admin.requests import ROWS, find_project, with_choices
from core.exceptions import InvalidInput, PersonNotFound
from core.models import Project
from core.selectors.activity import list_activity
from core.selectors.cohorts_of_person import cohorts_of_person
from core.selectors.persons import PersonFilter, PersonPage, get_person, list_persons, list_rows
from core.selectors.place import Place

#: Distinct ids of a person that its page shows, and entries of its activity.
MOST_IDS = 200
MOST_ENTRIES = 20
_SHOWN_IDS = 2
_LONGEST_VALUE = 300


def persons(request: HttpRequest, project_id: int) -> TemplateResponse:
    """Newest first; each page goes on after the last row of the one before."""
    project = find_project(project_id)
    wanted = request.GET.get("q", "").strip()
    if wanted:
        page, pager = _found(project, wanted), Pager()
    else:
        page = list_persons(project, where=PersonFilter(), limit=ROWS, offset=0, after=_place(request))
        following = Place.of_row(page.rows[-1]).text() if page.has_more else None
        pager = Pager(
            previous="?" if "after" in request.GET else None,
            next=with_choices(request, {"after": following}) if following else None,
        )
    return show(
        request,
        Page(
            title=f"Persons of {project.name}",
            search=Search("Exact distinct id, uuid or e-mail", wanted),
            tables=[_table(project, page.rows, empty="Nobody found." if wanted else "No persons yet.")],
            pager=pager,
        ),
    )


def person(request: HttpRequest, project_id: int, person_uuid: UUID) -> TemplateResponse:
    project = find_project(project_id)
    found = get_person(project, person_uuid)
    if found is None:
        raise PersonNotFound
    ids = found["distinct_ids"]
    more = f", the first {MOST_IDS} of {number(len(ids))}" if len(ids) > MOST_IDS else ""
    properties: dict[str, Any] = orjson.loads(orjson.dumps(found["properties"]))
    activity = list_activity(project.pk, scope="Person", item_id=found["id"], page=1, limit=MOST_ENTRIES)
    return show(
        request,
        Page(
            title=f"Person {found['name']}",
            facts=[
                ("Uuid", code(found["uuid"])),
                ("Id", code(found["id"])),
                ("Created", when(found["created_at"])),
                ("Last seen", when(found["last_seen_at"])),
            ],
            actions=[
                Action("Split", _url("split", project, found), icon="call_split"),
                Action("Merge", _url("merge", project, found), icon="call_merge"),
                Action("Undo", _url("undo", project, found), icon="undo"),
                Action("Erase", _url("erase", project, found), icon="delete_forever", variant="danger"),
            ],
            tables=[
                Table(
                    ("Property", "Value"),
                    [(name, code(_text(value))) for name, value in sorted(properties.items())],
                    title="Properties",
                    empty="No properties.",
                ),
                Table(
                    ("Distinct id",), [(code(one),) for one in ids[:MOST_IDS]], title=f"Distinct ids{more}"
                ),
                Table(
                    ("Cohort", "Persons"),
                    [
                        (_cohort(project, one), number(one["count"]))
                        for one in cohorts_of_person(project.pk, found["id"])
                    ],
                    title="Cohorts",
                    empty="In no cohort.",
                ),
                Table(
                    ("When", "What", "Who"),
                    [
                        (when(entry["created_at"]), entry["activity"].replace("_", " "), _who(entry["user"]))
                        for entry in activity.rows
                    ],
                    title="Recent activity",
                    empty="Nothing was done to this person.",
                ),
            ],
        ),
    )


def _found(project: Project, wanted: str) -> PersonPage:
    """Whoever is meant by a uuid, a distinct id or an e-mail, in this order: each by an index."""
    if "\0" in wanted:
        return PersonPage([], has_more=False)
    try:
        rows = list_rows(project, [UUID(wanted)])
    except ValueError:
        rows = []
    if rows:
        return PersonPage(rows, has_more=False)
    by_id = list_persons(project, where=PersonFilter(distinct_id=wanted), limit=1, offset=0)
    return (
        by_id if by_id.rows else list_persons(project, where=PersonFilter(email=wanted), limit=ROWS, offset=0)
    )


def _place(request: HttpRequest) -> Place | None:
    text = request.GET.get("after")
    if not text:
        return None
    try:
        place = Place.read(text)
    except ValueError:
        raise InvalidInput("This is no place in the list.", attr="after") from None
    if place.created_at.tzinfo is None:
        raise InvalidInput("This is no place in the list.", attr="after")
    return place


def _table(project: Project, rows: Sequence[Mapping[str, Any]], *, empty: str) -> Table:
    return Table(
        ("Name", "Distinct ids", "", "Created", "Last seen"),
        [
            (
                link(reverse("admin:persons_one", args=[project.pk, row["uuid"]]), row["name"]),
                _ids(row["distinct_ids"]),
                badge("identified", "success") if row["is_identified"] else badge("anonymous"),
                when(row["created_at"]),
                when(row["last_seen_at"]),
            )
            for row in rows
        ],
        empty=empty,
    )


def _ids(distinct_ids: Sequence[str]) -> str:
    more = len(distinct_ids) - _SHOWN_IDS
    return ", ".join(distinct_ids[:_SHOWN_IDS]) + (f" and {more} more" if more > 0 else "")


def _cohort(project: Project, cohort: Mapping[str, Any]) -> str:
    return link(reverse("admin:cohorts_one", args=[project.pk, cohort["id"]]), cohort["name"] or cohort["id"])


def _who(user: Mapping[str, Any]) -> str:
    return user["email"] or "system"


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"


def _url(page: str, project: Project, found: Mapping[str, Any]) -> str:
    return reverse(f"admin:persons_{page}", args=[project.pk, found["uuid"]])
