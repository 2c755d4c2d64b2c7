"""``GET …/persons/stickiness/``: who was active in exactly so many intervals."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.persons.documents import PROJECT_ID
from core.filters.parameters import merged
from insights.api.people import NOBODY, PeopleViewSet, listed_by, short_answer
from insights.api.trend_serializers import ActorsSerializer, StickinessPersonsQuerySerializer
from insights.filters.project import ProjectFacts
from insights.filters.stickiness import read_stickiness_persons


class StickinessViewSet(PeopleViewSet):
    """The persons or groups who were active in exactly so many intervals."""

    @extend_schema(
        operation_id="persons_stickiness_retrieve",
        parameters=[PROJECT_ID, StickinessPersonsQuerySerializer],
        responses=listed_by(ActorsSerializer),
    )
    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        """Those with events of a series in exactly `stickiness_days` intervals."""
        now = self.asking.now
        given = merged(query=request.query_params, body={})
        facts = ProjectFacts.of(self.project)
        # Read here, too: a mistake is answered without troubling the queue.
        asked = read_stickiness_persons(given, project=facts, now=now)
        people = NOBODY
        if not asked.is_nobody:
            people = self.find_people(
                "stickiness_persons",
                given,
                facts,
                last=asked.stickiness.selection.dates.last,
                group_type_index=asked.stickiness.series.math.group_type_index,
                page=asked.page,
            )
        return short_answer(request, people, asked.page)
