"""``GET …/persons/cohorts/?person_id=…``: the cohorts that a person is in."""

from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.csv import JSON_OR_CSV
from core.api.fields import required
from core.api.persons.documents import ERRORS, PROJECT_ID
from core.api.persons.person_id import read_person_id
from core.api.persons.serializers import CohortsOfPersonSerializer
from core.api.views import ProjectViewSet
from core.exceptions import PersonNotFound
from core.selectors.cohorts_of_person import cohorts_of_person
from core.selectors.persons import find_person


class CohortsViewSet(ProjectViewSet):
    """Cohorts of a person."""

    scopes: ClassVar = {"retrieve": ("person:read", "cohort:read")}
    renderer_classes = JSON_OR_CSV

    @extend_schema(
        operation_id="persons_cohorts_retrieve",
        parameters=[
            PROJECT_ID,
            OpenApiParameter("person_id", str, required=True, description="The person's uuid or integer id."),
        ],
        responses={200: CohortsOfPersonSerializer, **ERRORS},
    )
    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        """Static and dynamic cohorts, by id."""
        person_id = request.query_params.get("person_id")
        if not person_id:
            raise required("person_id")
        person = find_person(self.project, read_person_id(person_id, attr="person_id"))
        if person is None:
            raise PersonNotFound
        return Response({"results": cohorts_of_person(self.project.pk, person.id)})
