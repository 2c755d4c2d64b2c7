"""``GET …/persons/lifecycle/``: who is new, returning, resurrecting or dormant at a date."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.csv import JSON_OR_CSV
from core.api.errors import envelope
from core.api.persons.documents import ERRORS, PROJECT_ID
from core.api.persons.serializers import ErrorSerializer
from core.api.rate_limits import RateClass
from core.api.views import ProjectViewSet
from core.filters.parameters import merged
from insights.api.people import NOBODY, find_people, short_answer
from insights.api.trend_serializers import ActorsSerializer, LifecyclePersonsQuerySerializer
from insights.filters.lifecycle import MissingParameter, read_lifecycle_persons
from insights.filters.project import ProjectFacts


class LifecycleViewSet(ProjectViewSet):
    """The persons in one state of a lifecycle."""

    scopes: ClassVar = {"retrieve": ("person:read",)}
    rate_class: ClassVar = RateClass.ANALYTICS
    renderer_classes = JSON_OR_CSV

    @extend_schema(
        operation_id="persons_lifecycle_retrieve",
        parameters=[PROJECT_ID, LifecyclePersonsQuerySerializer],
        responses={
            (200, "application/json"): ActorsSerializer,
            (200, "text/csv"): OpenApiTypes.STR,
            **ERRORS,
            503: ErrorSerializer,
            504: ErrorSerializer,
        },
    )
    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        """Those who are in `lifecycle_type` in the interval of `target_date`."""
        now = datetime.now(UTC)
        given = merged(query=request.query_params, body={})
        facts = ProjectFacts.of(self.project)
        try:
            # Read here, too: a mistake is answered without troubling the queue.
            asked = read_lifecycle_persons(given, project=facts, now=now)
        except MissingParameter as error:
            return _missing(error)
        people = NOBODY
        if not asked.is_nobody:
            people = find_people(
                self.project,
                "lifecycle_persons",
                {"given": given, "project": asdict(facts), "now": now.timestamp()},
                group_type_index=None,
                page=asked.page,
            )
        return short_answer(request, people, asked.page)


def _missing(error: MissingParameter) -> Response:
    """The one error form, with the key that older clients look for."""
    body = envelope(error.type, error.code, error.detail, error.attr)
    response = Response({**body, "message": "Missing parameter"}, status=error.status)
    response.exception = True
    return response
