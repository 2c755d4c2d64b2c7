"""The OpenAPI document: what drf-spectacular does not know by itself."""

import re
from itertools import product
from typing import Any, cast

from drf_spectacular.openapi import AutoSchema as SpectacularAutoSchema
from drf_spectacular.utils import OpenApiParameter

from core.api.account import AccountViewSet
from core.api.csv import CSVRenderer
from core.api.views import ProjectViewSet
from core.auth.scopes import alternatives

_KEY = "PersonalAPIKeyAuth"
_FORMAT = OpenApiParameter("format", str, enum=["csv", "json"], description="The form of the answer.")
#: Of what belongs to no route with a tag of its own.
_SETTINGS_TAG = "settings"
_DOCUMENTED = ("/api/projects/", "/api/organizations/", "/api/users/")
#: The same projects by a second path.
_TWICE = "/api/organizations/{organization_id}/"


class AutoSchema(SpectacularAutoSchema):
    """Names, tags and scopes of operations as the contract wants them."""

    def get_auth(self) -> list[dict[str, list[str]]]:
        """The scopes that the operation demands of a key."""
        view = self.view
        if isinstance(view, ProjectViewSet | AccountViewSet):
            demanded = map(alternatives, view.scopes.get(view.action or "", ()))
            return [{_KEY: list(scopes)} for scopes in product(*demanded)]
        return cast(list[dict[str, list[str]]], super().get_auth())

    def get_override_parameters(self) -> list[Any]:
        """Routes that have tables say how to ask for one."""
        return [_FORMAT] if CSVRenderer in self.view.renderer_classes else []

    def get_tags(self) -> list[str]:
        """The path segment after the project."""
        match = re.match(r"/api/(?:projects/\{project_id\}/)?([^/]+)", self.path)
        return [match.group(1) if match and match.group(1) != "projects" else _SETTINGS_TAG]


def only_documented(endpoints: list[Any], **kwargs: Any) -> list[Any]:
    """Leaves out second spellings of paths, what demands no scope, and what is no API."""
    return [
        endpoint
        for endpoint in endpoints
        if endpoint[0].startswith(_DOCUMENTED) and not endpoint[0].startswith(_TWICE)
    ]


def complete(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """What holds for the whole document: how to bring a key, groups of tags, tables beside JSON."""
    operations = [operation for path in result["paths"].values() for operation in path.values()]
    tags = sorted({tag for operation in operations for tag in operation["tags"]})
    result["x-tagGroups"] = [{"name": "All endpoints", "tags": tags}]
    result["components"]["securitySchemes"] = {_KEY: {"type": "http", "scheme": "bearer"}}
    for operation in operations:
        if any(parameter["name"] == _FORMAT.name for parameter in operation.get("parameters", [])):
            # The answer itself, if there is another one that only says that it comes later.
            success = min(status for status in operation["responses"] if status.startswith("2"))
            for status, response in operation["responses"].items():
                if status == success and "content" in response:
                    response["content"].setdefault("text/csv", {"schema": {"type": "string"}})
    return result
