"""``/api/projects/{project_id}/persons/funnel/``: who reached, or dropped off at, a step of a funnel."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.csv import JSON_OR_CSV
from core.api.persons.documents import ERRORS, PROJECT_ID
from core.api.persons.serializers import ErrorSerializer
from core.api.rate_limits import RateClass
from core.api.views import ProjectViewSet
from core.filters.parameters import merged
from insights.api.funnel_serializers import FunnelPersonsBodySerializer, FunnelPersonsQuerySerializer
from insights.api.people import NOBODY, answer, find_people
from insights.api.serializers import FunnelPersonsSerializer
from insights.filters.funnel import read_funnel_persons
from insights.filters.project import ProjectFacts

RESPONSES: dict[Any, Any] = {
    (200, "application/json"): FunnelPersonsSerializer,
    (200, "text/csv"): OpenApiTypes.STR,
    **ERRORS,
    503: ErrorSerializer,
    504: ErrorSerializer,
}


class FunnelViewSet(ProjectViewSet):
    """The persons or groups behind a funnel."""

    scopes: ClassVar = {"retrieve": ("person:read",), "create": ("person:read",)}
    rate_class: ClassVar = RateClass.ANALYTICS
    renderer_classes = JSON_OR_CSV

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
            OpenApiParameter(
                "format", str, enum=["json", "csv"], description="`csv`: one row a person or group."
            ),
        ],
        request=FunnelPersonsBodySerializer,
        responses=RESPONSES,
    )
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Persons of a funnel step, for a funnel in the body. Repeat the body to follow `next`."""
        return self._answer(request, request.data)

    def _answer(self, request: Request, body: Any) -> Response:
        now = datetime.now(UTC)
        given = {
            **merged(query=request.query_params, body=body),
            **_empty_value(request.query_params, body),
        }
        facts = ProjectFacts.of(self.project)
        # Read here, too: a mistake is answered without troubling the queue.
        asked = read_funnel_persons(given, project=facts, now=now)
        people = NOBODY
        if not asked.is_nobody:
            people = find_people(
                self.project,
                "funnel_persons",
                {"given": given, "project": asdict(facts), "now": now.timestamp()},
                group_type_index=asked.funnel.group_type_index,
                page=asked.page,
            )
        return answer(request, people, asked.page, now=now)


def _empty_value(query: Mapping[str, str], body: Mapping[str, Any]) -> dict[str, Any]:
    """The one parameter whose empty text means something: the value of what lacks the property."""
    name = "funnel_step_breakdown"
    return {name: '""'} if body.get(name, query.get(name)) == "" else {}
