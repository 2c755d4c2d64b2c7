"""Pages of persons or groups behind a number, as the routes below ``persons/`` answer with them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.csv import JSON_OR_CSV, CSVRenderer
from core.api.pages import with_parameters
from core.api.persons.documents import ERRORS
from core.api.persons.serializers import ErrorSerializer
from core.api.rate_limits import RateClass
from core.json import iso
from core.models import Project
from core.selectors.full_page import People, Show, full_page
from core.selectors.groups import group_rows
from core.selectors.persons import list_rows
from insights.api.views import AnalyticalViewSet
from insights.filters.project import ProjectFacts
from insights.filters.selection import Page
from insights.run import Asking

NOBODY = People([], has_more=False)


class PeopleViewSet(AnalyticalViewSet):
    """Base of the routes that list persons or groups."""

    scopes: ClassVar = {"retrieve": ("person:read",), "create": ("person:read",)}
    rate_class: ClassVar = RateClass.ANALYTICS
    renderer_classes = JSON_OR_CSV

    def find_people(
        self,
        kind: str,
        given: Mapping[str, Any],
        facts: ProjectFacts,
        *,
        last: datetime | None,
        group_type_index: int | None,
        page: Page,
    ) -> People:
        """A page of the answer to a question of ``kind``: ids, or ids with values, of groups of a type or of persons.

        No event after ``last`` matters to it (null: any may). Raises as ``insights.run.Asking``.
        """
        question = {"given": given, "project": asdict(facts), "now": self.asking.now.timestamp()}
        without_values = _show(self.project, group_type_index)
        values: dict[str, Any] = {}

        def fetch(offset: int, rows: int) -> Sequence[str]:
            rows_found = self.asking(kind, {**question, "offset": offset, "rows": rows}, last=last)
            found = [_with_value(one) for one in rows_found]
            values.update(found)
            return [actor for actor, _ in found]

        def show(ids: Sequence[str]) -> list[dict[str, Any]]:
            return [{**row, "value_at_data_point": values[str(row["id"])]} for row in without_values(ids)]

        return full_page(fetch, show, limit=page.limit, offset=page.offset)


def listed_by(serializer: type[Any]) -> dict[Any, Any]:
    """The documented answers of a route of persons or groups."""
    return {
        (200, "application/json"): serializer,
        (200, "text/csv"): OpenApiTypes.STR,
        **ERRORS,
        503: ErrorSerializer,
        504: ErrorSerializer,
    }


def _with_value(found: Any) -> tuple[str, Any]:
    return (found, None) if isinstance(found, str) else (found[0], found[1])


def _show(project: Project, group_type_index: int | None) -> Show[str]:
    if group_type_index is None:
        return lambda uuids: list_rows(project, [UUID(uuid) for uuid in uuids])
    return partial(group_rows, project.pk, group_type_index)


def answer(
    request: Request, people: People, page: Page, asking: Asking, *, offset: str = "offset"
) -> Response:
    """The page with what is known of its question; as CSV the rows alone. ``offset`` is the parameter by which pages
    differ.
    """
    if _wants_table(request):
        return Response(people.rows)
    return Response(
        {
            **_linked(request, people, page, offset),
            "initial": request.build_absolute_uri(),
            "missing_persons": 0,
            "is_cached": asking.is_cached,
            "last_refresh": iso(asking.last_refresh),
        }
    )


def short_answer(request: Request, people: People, page: Page) -> Response:
    """The page and the link to the next one; as CSV the rows alone."""
    if _wants_table(request):
        return Response(people.rows)
    return Response(_linked(request, people, page))


def _wants_table(request: Request) -> bool:
    return bool(request.accepted_renderer.format == CSVRenderer.format)


def _linked(request: Request, people: People, page: Page, offset: str = "offset") -> dict[str, Any]:
    following = with_parameters(request, **{offset: page.offset + page.limit}) if people.has_more else None
    return {"results": [{"people": people.rows, "count": len(people.rows)}], "next": following}
