"""``GET …/persons/{id}/properties_timeline/``: when the properties that matter to a question changed."""

from dataclasses import asdict
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.persons.documents import ERRORS, PERSON_ID, PROJECT_ID
from core.api.persons.person_id import read_person_id
from core.api.persons.serializers import ErrorSerializer
from core.api.rate_limits import RateClass
from core.exceptions import PersonNotFound
from core.filters.parameters import merged
from core.selectors.persons import find_person
from insights.api.serializers import PropertiesTimelineQuerySerializer, PropertiesTimelineSerializer
from insights.api.views import AnalyticalViewSet
from insights.filters.project import ProjectFacts
from insights.filters.properties_timeline import read_timeline


class PropertiesTimelineViewSet(AnalyticalViewSet):
    """How a person changed."""

    scopes: ClassVar = {"retrieve": ("person:read",)}
    rate_class: ClassVar = RateClass.ANALYTICS

    @extend_schema(
        operation_id="persons_properties_timeline_retrieve",
        parameters=[PROJECT_ID, PERSON_ID, PropertiesTimelineQuerySerializer],
        responses={
            200: PropertiesTimelineSerializer,
            **ERRORS,
            503: ErrorSerializer,
            504: ErrorSerializer,
        },
    )
    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        """The person's properties at the first event of the series, and whenever one that matters has changed."""
        person = find_person(self.project, read_person_id(kwargs["id"]))
        if person is None:
            raise PersonNotFound
        now = self.asking.now
        given = merged(query=request.query_params, body={})
        facts = ProjectFacts.of(self.project)
        # Read here, too: a mistake is answered without troubling the queue.
        asked = read_timeline(given, project=facts, now=now)
        question = {
            "given": given,
            "project": asdict(facts),
            "now": now.timestamp(),
            "person": str(person.uuid),
        }
        return Response(
            {
                "points": self.asking("properties_timeline", question, last=asked.last),
                "crucial_property_keys": asked.crucial,
                "effective_date_from": asked.first.isoformat(),
                "effective_date_to": asked.last.isoformat(),
            }
        )
