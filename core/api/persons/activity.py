"""``GET …/persons/activity/`` and ``GET …/persons/{id}/activity/``: what was done to persons."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.activity import PAGE, activity_page
from core.api.csv import JSON_OR_CSV
from core.api.documents import numbered_page
from core.api.persons.documents import ERRORS, PERSON_ID, PROJECT_ID
from core.api.persons.person_id import read_person_id
from core.api.persons.serializers import ActivityPageSerializer
from core.api.rate_limits import RateClass
from core.api.views import ProjectViewSet
from core.exceptions import PersonNotFound
from core.selectors.persons import find_person

_PAGE = numbered_page(size=PAGE)


class ActivityViewSet(ProjectViewSet):
    """The activity log of persons. Values of properties are never in it."""

    scopes: ClassVar = {"list": ("activity_log:read",), "retrieve": ("activity_log:read",)}
    rate_class: ClassVar = RateClass.PERSONS
    renderer_classes = JSON_OR_CSV

    @extend_schema(
        operation_id="persons_all_activity_retrieve",
        parameters=[PROJECT_ID, *_PAGE],
        responses={200: ActivityPageSerializer, **ERRORS},
    )
    def list(self, request: Request, **kwargs: Any) -> Response:
        """What was done to persons of the project, deleted ones included, newest first."""
        return activity_page(request, self.project.pk, scope="Person")

    @extend_schema(
        operation_id="persons_activity_retrieve",
        parameters=[PROJECT_ID, PERSON_ID, *_PAGE],
        responses={200: ActivityPageSerializer, **ERRORS},
    )
    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        """What was done to one person, newest first."""
        person = find_person(self.project, read_person_id(kwargs["id"]))
        if person is None:
            raise PersonNotFound
        return activity_page(request, self.project.pk, scope="Person", item_id=person.id)
