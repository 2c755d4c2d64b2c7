"""``/api/projects/{project_id}/persons/funnel/correlation/``: who is behind a row of a correlation."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.persons.documents import PROJECT_ID
from insights.api.correlation_serializers import (
    CorrelationPersonsBodySerializer,
    CorrelationPersonsQuerySerializer,
)
from insights.api.funnel import with_empty_value
from insights.api.people import NOBODY, PeopleViewSet, answer, listed_by
from insights.api.serializers import FunnelPersonsSerializer
from insights.filters.correlation import LIMIT, OFFSET, read_correlation_actors
from insights.filters.project import ProjectFacts

RESPONSES = listed_by(FunnelPersonsSerializer)


class CorrelationPersonsViewSet(PeopleViewSet):
    """The persons or groups behind a row of a correlation."""

    @extend_schema(
        operation_id="persons_funnel_correlation_retrieve",
        parameters=[PROJECT_ID, CorrelationPersonsQuerySerializer],
        responses=RESPONSES,
    )
    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        """Those who entered a funnel and have an event on their way, or a property; lists and objects as JSON text."""
        return self._answer(request, {})

    @extend_schema(
        operation_id="persons_funnel_correlation_create",
        parameters=[
            PROJECT_ID,
            OpenApiParameter(LIMIT, int, description="Beats the one of the body."),
            OpenApiParameter(OFFSET, int, description="Beats the one of the body."),
            OpenApiParameter(
                "format", str, enum=["json", "csv"], description="`csv`: one row a person or group."
            ),
        ],
        request=CorrelationPersonsBodySerializer,
        responses=RESPONSES,
    )
    def create(self, request: Request, **kwargs: Any) -> Response:
        """The same, for a funnel in the body. Repeat the body to follow `next`."""
        return self._answer(request, request.data)

    def _answer(self, request: Request, body: Any) -> Response:
        now = self.asking.now
        given = with_empty_value(query=request.query_params, body=body)
        facts = ProjectFacts.of(self.project)
        # Read here, too: a mistake is answered without troubling the queue.
        asked = read_correlation_actors(given, project=facts, now=now)
        people = NOBODY
        if not asked.entered.is_nobody:
            people = self.find_people(
                "correlation_persons",
                given,
                facts,
                last=asked.entered.funnel.dates.last,
                group_type_index=asked.entered.funnel.group_type_index,
                page=asked.page,
            )
        return answer(request, people, asked.page, self.asking, offset=OFFSET)
