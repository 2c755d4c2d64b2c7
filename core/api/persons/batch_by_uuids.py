"""``POST …/persons/batch_by_uuids/``: many persons at once, by their uuids."""

from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.fields import Fields
from core.api.persons.batches import MOST, batch_response
from core.api.persons.documents import ERRORS, PROJECT_ID
from core.api.persons.serializers import PersonBatchByUuidsRequestSerializer, PersonBatchSerializer
from core.api.views import ProjectViewSet
from core.exceptions import InvalidInput
from core.selectors.persons import minimal_persons


class BatchByUuidsViewSet(ProjectViewSet):
    """Look up persons by uuids."""

    scopes: ClassVar = {"create": ("person:read",)}

    @extend_schema(
        operation_id="persons_batch_by_uuids_create",
        parameters=[PROJECT_ID],
        request=PersonBatchByUuidsRequestSerializer,
        responses={200: PersonBatchSerializer, **ERRORS},
    )
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Persons by uuid, unknown ones left out. Only the first 200 uuids count."""
        asked = Fields(request).members("uuids")
        uuids = [_read_uuid(one) for one in asked[:MOST]]
        persons = minimal_persons(self.project, uuids) if uuids else {}
        return batch_response(persons, asked)


def _read_uuid(value: Any) -> UUID:
    try:
        return UUID(value)
    except (ValueError, TypeError, AttributeError):
        raise InvalidInput("Must be a list of valid UUIDs.", attr="uuids") from None
