"""``POST …/persons/{id}/update_property/``: set one property."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.fields import Fields, required
from core.api.persons.change import set_and_answer
from core.api.persons.documents import ERRORS, PERSON_ID, PROJECT_ID
from core.api.persons.serializers import PersonRecordSerializer, PersonUpdatePropertyRequestSerializer
from core.api.views import ProjectViewSet


class UpdatePropertyViewSet(ProjectViewSet):
    """Set a property of a person."""

    scopes: ClassVar = {"create": ("person:write",)}

    @extend_schema(
        operation_id="persons_update_property_create",
        parameters=[PROJECT_ID, PERSON_ID],
        request=PersonUpdatePropertyRequestSerializer,
        responses={202: PersonRecordSerializer, **ERRORS},
    )
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Set one property; the others stay. The answer is the person as it now is."""
        name, value = _read_property(Fields(request))
        return set_and_answer(self, kwargs["id"], {name: value}, attr="value")


def _read_property(fields: Fields) -> tuple[str, Any]:
    """Name and value; null is a value."""
    if "value" not in fields:
        raise required("value")
    key = fields.value("key")
    if not isinstance(key, str) or not key:
        raise required("key")
    return key, fields.value("value")
