"""``GET …/persons/lifecycle/``: who is new, returning, resurrecting or dormant at a date."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.errors import envelope
from core.api.persons.documents import PROJECT_ID
from core.filters.parameters import merged
from insights.api.people import NOBODY, PeopleViewSet, listed_by, short_answer
from insights.api.trend_serializers import ActorsSerializer, LifecyclePersonsQuerySerializer
from insights.filters.lifecycle import MissingParameter, read_lifecycle_persons
from insights.filters.project import ProjectFacts


class LifecycleViewSet(PeopleViewSet):
    """The persons in one state of a lifecycle."""

    @extend_schema(
        operation_id="persons_lifecycle_retrieve",
        parameters=[PROJECT_ID, LifecyclePersonsQuerySerializer],
        responses=listed_by(ActorsSerializer),
    )
    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        """Those who are in `lifecycle_type` in the interval of `target_date`."""
        now = self.asking.now
        given = merged(query=request.query_params, body={})
        facts = ProjectFacts.of(self.project)
        try:
            # Read here, too: a mistake is answered without troubling the queue.
            asked = read_lifecycle_persons(given, project=facts, now=now)
        except MissingParameter as error:
            return _missing(error)
        people = NOBODY
        if asked.lifecycle is not None and not asked.is_nobody:
            people = self.find_people(
                "lifecycle_persons",
                given,
                facts,
                last=asked.lifecycle.selection.dates.last,
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
