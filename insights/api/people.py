"""Pages of persons or groups behind a number, as the routes below ``persons/`` answer with them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from core.api.csv import CSVRenderer
from core.api.pages import page_links
from core.json import iso
from core.models import Project
from core.selectors.full_page import People, Show, full_page
from core.selectors.groups import group_rows
from core.selectors.persons import list_rows
from insights.filters.selection import Page
from insights.run import ask, deadline

NOBODY = People([], has_more=False)


def find_people(
    project: Project,
    kind: str,
    question: Mapping[str, Any],
    *,
    group_type_index: int | None,
    page: Page,
) -> People:
    """A page of the answer to a question of ``kind``: ids, or ids with values, of groups of a type or of persons.

    Raises as ``insights.run.ask``.
    """
    until = deadline()
    without_values = _show(project, group_type_index)
    values: dict[str, Any] = {}

    def fetch(offset: int, rows: int) -> Sequence[str]:
        rows_found = ask(kind, {**question, "offset": offset, "rows": rows}, until=until)
        found = [_with_value(one) for one in rows_found]
        values.update(found)
        return [actor for actor, _ in found]

    def show(ids: Sequence[str]) -> list[dict[str, Any]]:
        return [{**row, "value_at_data_point": values[str(row["id"])]} for row in without_values(ids)]

    return full_page(fetch, show, limit=page.limit, offset=page.offset)


def _with_value(found: Any) -> tuple[str, Any]:
    return (found, None) if isinstance(found, str) else (found[0], found[1])


def _show(project: Project, group_type_index: int | None) -> Show[str]:
    if group_type_index is None:
        return lambda uuids: list_rows(project, [UUID(uuid) for uuid in uuids])
    return partial(group_rows, project.pk, group_type_index)


def answer(request: Request, people: People, page: Page, *, now: datetime) -> Response:
    """The page with what is known of its question; as CSV the rows alone."""
    if _wants_table(request):
        return Response(people.rows)
    return Response(
        {
            **_linked(request, people, page),
            "initial": request.build_absolute_uri(),
            "missing_persons": 0,
            "is_cached": False,
            "last_refresh": iso(now),
        }
    )


def short_answer(request: Request, people: People, page: Page) -> Response:
    """The page and the link to the next one; as CSV the rows alone."""
    if _wants_table(request):
        return Response(people.rows)
    return Response(_linked(request, people, page))


def _wants_table(request: Request) -> bool:
    return bool(request.accepted_renderer.format == CSVRenderer.format)


def _linked(request: Request, people: People, page: Page) -> dict[str, Any]:
    following, _ = page_links(request, limit=page.limit, offset=page.offset, has_more=people.has_more)
    return {"results": [{"people": people.rows, "count": len(people.rows)}], "next": following}
