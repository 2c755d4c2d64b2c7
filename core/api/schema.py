"""The OpenAPI document: what drf-spectacular does not know by itself."""

import re
from typing import Any, cast

from drf_spectacular.openapi import AutoSchema as SpectacularAutoSchema

from core.api.views import ProjectViewSet


class AutoSchema(SpectacularAutoSchema):
    """Names, tags and scopes of operations as the contract wants them."""

    def get_auth(self) -> list[dict[str, list[str]]]:
        """The scopes that the operation demands of a key."""
        view = self.view
        if isinstance(view, ProjectViewSet):
            return [{"PersonalAPIKeyAuth": list(view.scopes.get(view.action or "", ()))}]
        return cast(list[dict[str, list[str]]], super().get_auth())

    def get_tags(self) -> list[str]:
        """The path segment after the project."""
        match = re.match(r"/api/projects/\{project_id\}/([^/]+)", self.path)
        return [match.group(1)] if match else super().get_tags()


def only_documented(endpoints: list[Any], **kwargs: Any) -> list[Any]:
    """Leaves out the deprecated spelling of the paths and what is no API."""
    return [endpoint for endpoint in endpoints if endpoint[0].startswith("/api/projects/")]
