"""``GET …/persons/properties/``: which properties persons have."""

from dataclasses import asdict
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.csv import JSON_OR_CSV
from core.api.persons.documents import ERRORS, PROJECT_ID
from core.api.persons.serializers import CountedSerializer
from core.api.views import ProjectViewSet
from core.selectors.property_values import property_names


class PropertiesViewSet(ProjectViewSet):
    """Properties of persons."""

    scopes: ClassVar = {"retrieve": ("person:read",)}
    renderer_classes = JSON_OR_CSV

    @extend_schema(
        operation_id="persons_properties_retrieve",
        parameters=[PROJECT_ID],
        responses={200: CountedSerializer(many=True), **ERRORS},
    )
    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        """Every property with the number of persons that have it, most frequent first."""
        return Response([asdict(one) for one in property_names(self.project.pk)])
