"""``GET …/persons/stickiness/``: who was active in exactly so many intervals."""

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
from insights.api.people import NOBODY, find_people, short_answer
from insights.api.trend_serializers import ActorsSerializer, StickinessPersonsQuerySerializer
from insights.filters.project import ProjectFacts
from insights.filters.stickiness import read_stickiness_persons


class StickinessViewSet(ProjectViewSet):
    """The persons or groups who were active in exactly so many intervals."""

    scopes: ClassVar = {"retrieve": ("person:read",)}
    rate_class: ClassVar = RateClass.ANALYTICS
    renderer_classes = JSON_OR_CSV

    @extend_schema(
        operation_id="persons_stickiness_retrieve",
        parameters=[PROJECT_ID, StickinessPersonsQuerySerializer],
        responses={
            (200, "application/json"): ActorsSerializer,
            (200, "text/csv"): OpenApiTypes.STR,
            **ERRORS,
            503: ErrorSerializer,
            504: ErrorSerializer,
        },
    )
    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        """Those with events of a series in exactly `stickiness_days` intervals."""
        now = datetime.now(UTC)
        given = merged(query=request.query_params, body={})
        facts = ProjectFacts.of(self.project)
        # Read here, too: a mistake is answered without troubling the queue.
        asked = read_stickiness_persons(given, project=facts, now=now)
        people = NOBODY
        if not asked.is_nobody:
            people = find_people(
                self.project,
                "stickiness_persons",
                {"given": given, "project": asdict(facts), "now": now.timestamp()},
                group_type_index=asked.stickiness.series.math.group_type_index,
                page=asked.page,
            )
        return short_answer(request, people, asked.page)
