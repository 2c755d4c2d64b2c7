"""``/api/projects/{project_id}/persons/funnel/``: who reached, or dropped off at, a step of a funnel."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.pages import page_links
from core.api.persons.documents import ERRORS, PROJECT_ID
from core.api.persons.serializers import ErrorSerializer
from core.api.views import ProjectViewSet
from core.filters.parameters import merged
from core.json import iso
from core.selectors.full_page import Fetch, People, Show, full_page
from core.selectors.groups import group_rows
from core.selectors.persons import list_rows
from insights.api.serializers import (
    FunnelPersonsBodySerializer,
    FunnelPersonsQuerySerializer,
    FunnelPersonsSerializer,
)
from insights.filters.funnel import read_funnel_persons
from insights.filters.project import ProjectFacts
from insights.run import ask, deadline

RESPONSES = {200: FunnelPersonsSerializer, **ERRORS, 503: ErrorSerializer, 504: ErrorSerializer}


class FunnelViewSet(ProjectViewSet):
    """The persons or groups behind a funnel."""

    scopes: ClassVar = {"retrieve": ("person:read",), "create": ("person:read",)}

    @extend_schema(
        operation_id="persons_funnel_retrieve",
        parameters=[PROJECT_ID, FunnelPersonsQuerySerializer],
        responses=RESPONSES,
    )
    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        """Persons of a funnel step; lists and objects as JSON text."""
        return self._answer(request, {})

    @extend_schema(
        operation_id="persons_funnel_create",
        parameters=[
            PROJECT_ID,
            OpenApiParameter("limit", int, description="Beats the one of the body."),
            OpenApiParameter("offset", int, description="Beats the one of the body."),
        ],
        request=FunnelPersonsBodySerializer,
        responses=RESPONSES,
    )
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Persons of a funnel step, for a funnel in the body. Repeat the body to follow `next`."""
        return self._answer(request, request.data)

    def _answer(self, request: Request, body: Any) -> Response:
        now = datetime.now(UTC)
        given = merged(query=request.query_params, body=body)
        facts = ProjectFacts.of(self.project)
        # Read here, too: a mistake is answered without troubling the queue.
        asked = read_funnel_persons(given, project=facts, now=now)
        people = People([], has_more=False)
        if not asked.is_nobody:
            people = full_page(
                _fetch(given, facts, now),
                self._show(asked.funnel.group_type_index),
                limit=asked.limit,
                offset=asked.offset,
            )
        following, _ = page_links(request, limit=asked.limit, offset=asked.offset, has_more=people.has_more)
        return Response(
            {
                "results": [{"people": people.rows, "count": len(people.rows)}],
                "next": following,
                "initial": request.build_absolute_uri(),
                "missing_persons": 0,
                "is_cached": False,
                "last_refresh": iso(now),
            }
        )

    def _show(self, group_type_index: int | None) -> Show[str]:
        if group_type_index is None:
            return lambda uuids: list_rows(self.project, [UUID(uuid) for uuid in uuids])
        return partial(group_rows, self.project.pk, group_type_index)


def _fetch(given: Mapping[str, Any], facts: ProjectFacts, now: datetime) -> Fetch[str]:
    until = deadline()
    question = {"given": given, "project": asdict(facts), "now": now.timestamp()}

    def fetch(offset: int, rows: int) -> Sequence[str]:
        found: list[str] = ask("funnel_persons", {**question, "offset": offset, "rows": rows}, until=until)
        return found

    return fetch
