"""Routes that older servers had below ``persons/``: they are not here, and their names are no ids of persons."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.views import ProjectViewSet


class GoneViewSet(ProjectViewSet):
    """``path`` and ``retention``."""

    scopes: ClassVar = {"retrieve": ("person:read",), "create": ("person:read",)}

    @extend_schema(exclude=True)
    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        """There is nothing."""
        raise NotFound("Endpoint not found.")

    @extend_schema(exclude=True)
    def create(self, request: Request, **kwargs: Any) -> Response:
        """There is nothing."""
        raise NotFound("Endpoint not found.")
