"""``GET …/persons/trends/``: who is behind a point of a trend."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.persons.documents import PROJECT_ID
from core.filters.parameters import is_given, merged
from insights.api.people import PeopleViewSet, answer, listed_by
from insights.api.trend_serializers import TrendPersonsQuerySerializer, TrendPersonsSerializer
from insights.filters.project import ProjectFacts
from insights.filters.trends import VALUE, read_trend_persons


class TrendPersonsViewSet(PeopleViewSet):
    """The persons or groups behind a point of a trend."""

    @extend_schema(
        operation_id="persons_trends_retrieve",
        parameters=[PROJECT_ID, TrendPersonsQuerySerializer],
        responses=listed_by(TrendPersonsSerializer),
    )
    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        """Those with events of a series, most events first; `value_at_data_point` says how many."""
        now = self.asking.now
        given = merged(query=request.query_params, body={})
        value = request.query_params.get(VALUE)
        if value is not None and not is_given(value):
            # The one parameter that is given when it is blank.
            given[VALUE] = value
        facts = ProjectFacts.of(self.project)
        # Read here, too: a mistake is answered without troubling the queue.
        asked = read_trend_persons(given, project=facts, now=now)
        people = self.find_people(
            "trend_persons",
            given,
            facts,
            last=asked.selection.dates.last,
            group_type_index=asked.series.math.group_type_index,
            page=asked.page,
        )
        return answer(request, people, asked.page, self.asking)
