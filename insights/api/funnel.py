"""``/api/projects/{project_id}/persons/funnel/``: who reached, or dropped off at, a step of a funnel."""

from collections.abc import Mapping
from typing import Any

import orjson
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.persons.documents import PROJECT_ID
from core.filters.parameters import is_given, merged
from insights.api.funnel_serializers import FunnelPersonsBodySerializer, FunnelPersonsQuerySerializer
from insights.api.people import NOBODY, PeopleViewSet, answer, listed_by
from insights.api.serializers import FunnelPersonsSerializer
from insights.filters.funnel import read_funnel_persons
from insights.filters.project import ProjectFacts

RESPONSES = listed_by(FunnelPersonsSerializer)


class FunnelViewSet(PeopleViewSet):
    """The persons or groups behind a funnel."""

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
        now = self.asking.now
        given = with_empty_value(query=request.query_params, body=body)
        facts = ProjectFacts.of(self.project)
        # Read here, too: a mistake is answered without troubling the queue.
        asked = read_funnel_persons(given, project=facts, now=now)
        people = NOBODY
        if not asked.is_nobody:
            people = self.find_people(
                "funnel_persons",
                given,
                facts,
                last=asked.funnel.dates.last,
                group_type_index=asked.funnel.group_type_index,
                page=asked.page,
            )
        return answer(request, people, asked.page, self.asking)


def with_empty_value(*, query: Mapping[str, str], body: Any) -> dict[str, Any]:
    """What was given, with the one parameter whose blank text means something where there is a breakdown: the value of
    what lacks the property, or is blank itself.
    """
    given = merged(query=query, body=body)
    name = "funnel_step_breakdown"
    value = body.get(name, query.get(name))
    is_blank = isinstance(value, str) and not is_given(value)
    if not is_blank or not {"breakdown", "breakdowns"} & given.keys():
        return given
    return {**given, name: orjson.dumps(value).decode()}
