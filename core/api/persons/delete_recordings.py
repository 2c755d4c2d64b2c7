"""``POST …/persons/{id}/delete_recordings/``: this server stores no recordings, so there is nothing to do."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.persons.documents import ERRORS, PERSON_ID, PROJECT_ID
from core.api.persons.person_id import read_person_id
from core.api.persons.serializers import SuccessSerializer
from core.api.rate_limits import RateClass
from core.api.views import ProjectViewSet
from core.exceptions import PersonNotFound
from core.selectors.persons import find_person


class DeleteRecordingsViewSet(ProjectViewSet):
    """Erase the recordings of a person."""

    scopes: ClassVar = {"create": ("person:write",)}
    rate_class: ClassVar = RateClass.PERSON_DELETES

    @extend_schema(
        operation_id="persons_delete_recordings_create",
        parameters=[PROJECT_ID, PERSON_ID],
        request=None,
        responses={202: SuccessSerializer, **ERRORS},
    )
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Recordings of sessions are not stored by this server: there is nothing to erase."""
        if find_person(self.project, read_person_id(kwargs["id"])) is None:
            raise PersonNotFound
        return Response({"success": True}, status=202)
