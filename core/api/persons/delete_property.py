"""``POST …/persons/{id}/delete_property/``: remove properties."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.fields import Fields, required
from core.api.persons.documents import ERRORS, PERSON_ID, PROJECT_ID
from core.api.persons.person_id import read_person_id
from core.api.persons.serializers import (
    PersonDeletePropertyErrorSerializer,
    PersonDeletePropertyRequestSerializer,
    SuccessSerializer,
)
from core.api.views import ProjectViewSet
from core.services.unset_properties import unset_properties

UNSET = "$unset"


class DeletePropertyViewSet(ProjectViewSet):
    """Remove properties of a person."""

    scopes: ClassVar = {"create": ("person:write",)}

    @extend_schema(
        operation_id="persons_delete_property_create",
        parameters=[PROJECT_ID, PERSON_ID],
        request=PersonDeletePropertyRequestSerializer,
        responses={201: SuccessSerializer, **ERRORS, 503: PersonDeletePropertyErrorSerializer},
    )
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Remove one property or several. Those that the person does not have are no error."""
        unset_properties(
            project_id=self.project.pk,
            key=read_person_id(kwargs["id"]),
            names=_read_names(Fields(request)),
            user_id=self.caller.user_id,
        )
        return Response({"success": True}, status=201)

    def handle_exception(self, exc: Exception) -> Response:
        """A failure of ours also says ``success``: clients look for it here."""
        response = super().handle_exception(exc)
        if response.status_code >= 500:
            response.data = {"success": False, **response.data}
        return response


def _read_names(fields: Fields) -> list[str]:
    names = fields.text_or_texts(UNSET)
    if not names or not all(names):
        raise required(UNSET)
    return names
