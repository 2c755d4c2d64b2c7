"""``GET …/persons/trends/``: who is behind a point of a trend."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.csv import JSON_OR_CSV
from core.api.persons.documents import ERRORS, PROJECT_ID
from core.api.persons.serializers import ErrorSerializer
from core.api.rate_limits import RateClass
from core.api.views import ProjectViewSet
from core.filters.parameters import merged
from insights.api.people import answer, find_people
from insights.api.trend_serializers import TrendPersonsQuerySerializer, TrendPersonsSerializer
from insights.filters.project import ProjectFacts
from insights.filters.trends import VALUE, read_trend_persons


class TrendPersonsViewSet(ProjectViewSet):
    """The persons or groups behind a point of a trend."""

    scopes: ClassVar = {"retrieve": ("person:read",)}
    rate_class: ClassVar = RateClass.ANALYTICS
    renderer_classes = JSON_OR_CSV

    @extend_schema(
        operation_id="persons_trends_retrieve",
        parameters=[PROJECT_ID, TrendPersonsQuerySerializer],
        responses={
            (200, "application/json"): TrendPersonsSerializer,
            (200, "text/csv"): OpenApiTypes.STR,
            **ERRORS,
            503: ErrorSerializer,
            504: ErrorSerializer,
        },
    )
    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        """Those with events of a series, most events first; `value_at_data_point` says how many."""
        now = datetime.now(UTC)
        given = merged(query=request.query_params, body={})
        if request.query_params.get(VALUE) == "":
            # The one parameter that is given when it is blank.
            given[VALUE] = ""
        facts = ProjectFacts.of(self.project)
        # Read here, too: a mistake is answered without troubling the queue.
        asked = read_trend_persons(given, project=facts, now=now)
        people = find_people(
            self.project,
            "trend_persons",
            {"given": given, "project": asdict(facts), "now": now.timestamp()},
            group_type_index=asked.series.math.group_type_index,
            page=asked.page,
        )
        return answer(request, people, asked.page, now=now)
