"""``/api/projects/{project_id}/insights/funnel/correlation/``: what goes along with completing a funnel."""

from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.persons.documents import PROJECT_ID
from insights.api.correlation_results import NOTHING, correlation_result
from insights.api.correlation_serializers import (
    CorrelationBodySerializer,
    CorrelationQuerySerializer,
    CorrelationSerializer,
)
from insights.api.funnel import with_empty_value
from insights.api.numbers import NumbersViewSet, answered_by
from insights.filters.correlation import read_correlation
from insights.filters.project import ProjectFacts

RESPONSES = answered_by(CorrelationSerializer)


class CorrelationViewSet(NumbersViewSet):
    """Events and properties that tell those who finish a funnel from those who do not."""

    @extend_schema(
        operation_id="insights_funnel_correlation_retrieve",
        parameters=[PROJECT_ID, CorrelationQuerySerializer],
        responses=RESPONSES,
    )
    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        """Events or properties with how many of those who finished have them, and of those who did not, and links to
        both; lists and objects as JSON text.
        """
        return self._answer(request, {})

    @extend_schema(
        operation_id="insights_funnel_correlation_create",
        parameters=[PROJECT_ID],
        request=CorrelationBodySerializer,
        responses=RESPONSES,
    )
    def create(self, request: Request, **kwargs: Any) -> Response:
        """The same, for a funnel in the body."""
        return self._answer(request, request.data)

    def _answer(self, request: Request, body: Any) -> Response:
        now = self.asking.now
        given = with_empty_value(query=request.query_params, body=body)
        facts = ProjectFacts.of(self.project)
        # Read here, too: a mistake is answered without troubling the queue.
        asked = read_correlation(given, project=facts, now=now)
        found = NOTHING
        if not asked.entered.is_nobody:
            found = self.asking(
                "correlation",
                {"given": given, "project": asdict(facts), "now": now.timestamp()},
                last=asked.entered.funnel.dates.last,
            )
        return self.answer(correlation_result(asked, given, found))
