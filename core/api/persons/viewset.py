"""``/api/projects/{project_id}/persons/``: the routes of persons, each in a module of its own name."""

from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.csv import JSON_OR_CSV
from core.api.fields import Fields, required
from core.api.persons.change import set_and_answer
from core.api.persons.documents import ERRORS, PERSON_ID, PROJECT_ID
from core.api.persons.erasure import erase_one
from core.api.persons.person_id import read_person_id
from core.api.persons.serializers import (
    PersonRecordSerializer,
    SuccessSerializer,
)
from core.api.views import ProjectViewSet
from core.exceptions import PersonNotFound
from core.models import Project
from core.selectors.persons import get_person
from core.services.bulk_delete import Wanted


def person_of(project: Project, person_id: str) -> dict[str, Any]:
    """The person with this uuid or pk, in full. Raises ``PersonNotFound`` or ``InvalidInput``."""
    person = get_person(project, read_person_id(person_id))
    if person is None:
        raise PersonNotFound
    return person


class PersonViewSet(ProjectViewSet):
    """Persons of a project. They come into being by events, not by this API."""

    scopes: ClassVar = {
        "retrieve": ("person:read",),
        "update": ("person:write",),
        "partial_update": ("person:write",),
        "destroy": ("person:write",),
    }
    renderer_classes = JSON_OR_CSV

    @extend_schema(
        operation_id="persons_retrieve",
        parameters=[
            PROJECT_ID,
            PERSON_ID,
        ],
        responses={
            (200, "application/json"): PersonRecordSerializer,
            (200, "text/csv"): OpenApiTypes.STR,
            **ERRORS,
        },
    )
    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        """One person with all distinct ids."""
        return Response(person_of(self.project, kwargs["id"]))

    @extend_schema(
        operation_id="persons_update",
        parameters=[PROJECT_ID, PERSON_ID],
        request=PersonRecordSerializer,
        responses={202: PersonRecordSerializer, **ERRORS},
    )
    def update(self, request: Request, **kwargs: Any) -> Response:
        """Set properties; those that are not named stay. The answer is the person as it now is."""
        properties = Fields(request).object("properties")
        if properties is None:
            raise required("properties")
        return set_and_answer(self, kwargs["id"], properties, attr="properties")

    @extend_schema(
        operation_id="persons_partial_update",
        parameters=[PROJECT_ID, PERSON_ID],
        request=PersonRecordSerializer,
        responses={202: PersonRecordSerializer, **ERRORS},
    )
    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """The same as `PUT`: set properties; those that are not named stay."""
        return self.update(request, **kwargs)

    @extend_schema(
        operation_id="persons_destroy",
        parameters=[
            PROJECT_ID,
            PERSON_ID,
            *(
                OpenApiParameter(name, OpenApiTypes.BOOL, default=False)
                for name in ("delete_events", "delete_recordings", "keep_person")
            ),
        ],
        request=None,
        responses={202: SuccessSerializer, **ERRORS},
    )
    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Delete a person and all its distinct ids, at once. With `delete_events` its events follow within seconds:
        `deletion_status` tells when. There are no recordings.
        """
        fields = Fields(request)
        wanted = Wanted(delete_events=fields.flag("delete_events"), keep_person=fields.flag("keep_person"))
        fields.flag("delete_recordings")
        erase_one(self, read_person_id(kwargs["id"]), wanted)
        return Response({"success": True}, status=202)
