"""``POST …/persons/reset_person_distinct_id/``: repair a distinct id in the analytical store."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.fields import Fields
from core.api.persons.documents import ERRORS, PROJECT_ID
from core.api.persons.serializers import PersonResetDistinctIdRequestSerializer, SuccessSerializer
from core.api.views import ProjectViewSet
from core.exceptions import InvalidInput
from core.services.reset_distinct_id import reset_distinct_id


class ResetDistinctIdViewSet(ProjectViewSet):
    """Repair a distinct id."""

    scopes: ClassVar = {"create": ("person:write",)}

    @extend_schema(
        operation_id="persons_reset_person_distinct_id_create",
        parameters=[PROJECT_ID],
        request=PersonResetDistinctIdRequestSerializer,
        responses={202: SuccessSerializer, **ERRORS},
    )
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Send a distinct id and its person to the analytical store again. Nothing else changes."""
        distinct_id = Fields(request).text("distinct_id")
        if not distinct_id:
            raise InvalidInput("Must be a non-empty string.", attr="distinct_id")
        reset_distinct_id(project_id=self.project.pk, distinct_id=distinct_id)
        return Response({"success": True}, status=202)
