"""``GET …/persons/values/?key=…&value=…``: values to choose from."""

from dataclasses import asdict
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.csv import JSON_OR_CSV
from core.api.parameters import read_text
from core.api.persons.documents import ERRORS, PROJECT_ID
from core.api.persons.serializers import PropertyValuesSerializer
from core.api.views import ProjectViewSet
from core.selectors.property_values import Counted, distinct_ids_containing, property_values

#: Properties that are computed when asked for have no values here.
_VIRTUAL = "$virt"


class ValuesViewSet(ProjectViewSet):
    """Values of a property."""

    scopes: ClassVar = {"retrieve": ("person:read",)}
    renderer_classes = JSON_OR_CSV

    @extend_schema(
        operation_id="persons_values_retrieve",
        parameters=[
            PROJECT_ID,
            OpenApiParameter("key", str, description="A property, or `distinct_id`."),
            OpenApiParameter("value", str, description="Only values that contain this, whatever the case."),
        ],
        responses={200: PropertyValuesSerializer, **ERRORS},
    )
    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        """The 20 most frequent values of a property among the persons of the project, as text."""
        query = request.query_params
        found = _values(self.project.pk, read_text(query, "key") or "", read_text(query, "value") or "")
        body = {"results": [asdict(one) for one in found], "refreshing": False}
        return Response(body, headers={"Cache-Control": "max-age=10"})


def _values(project_id: int, key: str, wanted: str) -> list[Counted]:
    if not key or key.startswith(_VIRTUAL):
        return []
    if key == "distinct_id":
        return distinct_ids_containing(project_id, wanted)
    return property_values(project_id, key=key, wanted=wanted)
