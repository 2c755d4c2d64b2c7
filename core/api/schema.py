"""The OpenAPI document: what drf-spectacular does not know by itself."""

import re
from itertools import product
from typing import Any, cast

from drf_spectacular.openapi import AutoSchema as SpectacularAutoSchema
from drf_spectacular.utils import OpenApiParameter

from core.api.account import AccountViewSet
from core.api.csv import CSVRenderer
from core.api.examples import PARAMETERS, SHAPES, add_examples
from core.api.filter_schemas import FILTER_FIELDS, FILTER_SCHEMAS
from core.api.once import HEADER, LONGEST
from core.api.persons.serializers import ErrorSerializer
from core.api.views import ProjectViewSet
from core.auth.scopes import alternatives

_KEY = "PersonalAPIKeyAuth"
_FORMAT = OpenApiParameter("format", str, enum=["csv", "json"], description="The form of the answer.")
#: What words of it mean, beside JSON.
_MEDIA = {"csv": "text/csv", "svg": "image/svg+xml"}
_ONCE = OpenApiParameter(
    HEADER,
    {"type": "string", "minLength": 1, "maxLength": LONGEST, "pattern": r"^[!-~]([ -~]*[!-~])?$"},
    OpenApiParameter.HEADER,
    description="A name for this request: sent again under it within 24 hours, it changes nothing more and is "
    "answered as the first time.",
)
#: Of what belongs to no route with a tag of its own.
_SETTINGS_TAG = "settings"
_DOCUMENTED = ("/api/projects/", "/api/organizations/", "/api/users/")
#: The same projects by a second path.
_TWICE = "/api/organizations/{organization_id}/projects"

#: What every operation may answer with besides what it names itself, ...
_ERRORS = ("401", "403", "404", "406", "429", "503")
#: ... those with a body, ...
_BODY_ERRORS = ("413", "415")
#: ... and those that take an ``Idempotency-Key``.
_ONCE_ERRORS = ("409",)
_DESCRIPTIONS = {
    "200": "What was asked for.",
    "201": "It is done.",
    "202": "It is done.",
    "204": "It is done.",
    "400": "Something in the request cannot be used; `attr` names it.",
    "401": "No key, or none that counts.",
    "403": "The key lacks a scope, or does not reach this project.",
    "404": "There is no such thing here.",
    "405": "Not possible in this way.",
    "406": "No form of the answer is accepted.",
    "409": "Something is in the way.",
    "413": "The body is too large.",
    "415": "The body has a form that is not taken.",
    "429": "Too many requests with this key.",
    "500": "A defect of the server.",
    "503": "A part of the server is away for the moment: try again.",
    "504": "The question took too long or too much memory.",
}
_HEADERS = {
    "RetryAfter": {
        "description": "Seconds until another try makes sense.",
        "required": True,
        "schema": {"type": "integer", "minimum": 0},
    },
    "Challenge": {
        "description": "How to authenticate.",
        "required": True,
        "schema": {"type": "string", "pattern": "^Bearer"},
    },
    "Budget": {
        "description": "Requests that the tightest limit allows; absent where nothing limits.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "BudgetLeft": {
        "description": "How many of them are left.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "BudgetReset": {
        "description": "Seconds until more are left.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "Replayed": {
        "description": "There when the request was made before under this `Idempotency-Key`.",
        "schema": {"type": "string", "enum": ["true"]},
    },
}
_BUDGET = {
    "X-RateLimit-Limit": "Budget",
    "X-RateLimit-Remaining": "BudgetLeft",
    "X-RateLimit-Reset": "BudgetReset",
}
_HEADERS_OF = {
    "401": {"WWW-Authenticate": "Challenge"},
    "429": {"Retry-After": "RetryAfter"},
    "503": {"Retry-After": "RetryAfter"},
}
#: Fields that PATCH demands, too. drf-spectacular makes all of them optional.
_DEMANDED = {
    "PatchedPersonRecord": ["properties"],
    "PatchedAddPersonsToStaticCohortRequest": ["person_ids"],
    "PatchedRemovePersonFromStaticCohortRequest": ["person_id"],
}


class AutoSchema(SpectacularAutoSchema):
    """Names, tags, scopes and errors of operations as the contract wants them."""

    def get_auth(self) -> list[dict[str, list[str]]]:
        """The scopes that the operation demands of a key; none when it takes no keys."""
        view = self.view
        if isinstance(view, ProjectViewSet | AccountViewSet):
            demanded = [alternatives(scope) for scope in view.scopes.get(view.action or "", ())]
            return [{_KEY: list(scopes)} for scopes in product(*demanded)] if demanded else []
        return cast(list[dict[str, list[str]]], super().get_auth())

    def get_override_parameters(self) -> list[Any]:
        """Routes that have tables say how to ask for one, those that change something how to do it once."""
        table = [_FORMAT] if CSVRenderer in self.view.renderer_classes else []
        return [*table, _ONCE] if self._happens_once() else table

    def get_tags(self) -> list[str]:
        """The path segment after the project."""
        match = re.match(r"/api/(?:projects/\{project_id\}/)?([^/]+)", self.path)
        return [match.group(1) if match and match.group(1) != "projects" else _SETTINGS_TAG]

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        """Errors that any operation may answer with are in the form of those that it names."""
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        error: dict[str, Any] = bodies.get("401") or self._get_response_for_code(  # type: ignore[no-untyped-call]
            ErrorSerializer, "401"
        )
        possible = [
            *_ERRORS,
            *(_BODY_ERRORS if self.method in ("POST", "PUT", "PATCH") else ()),
            *(_ONCE_ERRORS if self._happens_once() else ()),
        ]
        return {**dict.fromkeys(possible, error), **bodies}

    def _happens_once(self) -> bool:
        view = self.view
        scopes = view.scopes.get(view.action or "", ()) if isinstance(view, ProjectViewSet) else ()
        return self.method == "POST" and any(scope.endswith(":write") for scope in scopes)


def only_documented(endpoints: list[Any], **kwargs: Any) -> list[Any]:
    """Leaves out second spellings of paths, what demands no scope, and what is no API."""
    return [
        endpoint
        for endpoint in endpoints
        if endpoint[0].startswith(_DOCUMENTED) and not endpoint[0].startswith(_TWICE)
    ]


def complete(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """What holds for the whole document: how to bring a key, groups of tags, tables beside JSON, headers, examples."""
    operations = [operation for path in result["paths"].values() for operation in path.values()]
    tags = sorted({tag for operation in operations for tag in operation["tags"]})
    result["x-tagGroups"] = [{"name": "All endpoints", "tags": tags}]
    components = result["components"]
    components["securitySchemes"] = {_KEY: {"type": "http", "scheme": "bearer"}}
    components["headers"] = _HEADERS
    components["schemas"] = dict(sorted({**components["schemas"], **FILTER_SCHEMAS}.items()))
    for operation in operations:
        _complete_parameters(operation)
        _complete_responses(operation)
    _complete_schemas(components["schemas"])
    add_examples(result, shapes=SHAPES, parameters=PARAMETERS)
    components["responses"] = _shared_errors(operations)
    return result


def _complete_parameters(operation: dict[str, Any]) -> None:
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "query":
            # An empty value counts as none; drf-spectacular says of texts that they have to be longer.
            parameter["schema"].pop("minLength", None)


def _complete_responses(operation: dict[str, Any]) -> None:
    responses = operation["responses"] = dict(sorted(operation["responses"].items()))
    parameters = {parameter["name"] for parameter in operation.get("parameters", [])}
    # The answer itself, if there is another one that only says that it comes later.
    success = min((status for status in responses if status.startswith("2")), default=None)
    for status, response in responses.items():
        # One error stands for many statuses, and here each gets what is its own.
        response = responses[status] = {**response}
        response["description"] = response["description"] or _DESCRIPTIONS[status]
        headers = _HEADERS_OF.get(status, {})
        if status.startswith("2"):
            headers = {**_BUDGET, **({"Idempotency-Replayed": "Replayed"} if HEADER in parameters else {})}
        if headers:
            response["headers"] = {
                name: {"$ref": f"#/components/headers/{header}"} for name, header in headers.items()
            }
        if "content" in response:
            response["content"] = {media: {**content} for media, content in response["content"].items()}
            if status == success:
                for media in _other_forms(operation):
                    response["content"].setdefault(media, {"schema": {"type": "string"}})


def _other_forms(operation: dict[str, Any]) -> list[str]:
    """The media types of what an operation answers with besides JSON."""
    formats = [one for one in operation.get("parameters", []) if one["name"] == _FORMAT.name]
    return [_MEDIA[word] for one in formats for word in one["schema"].get("enum", ()) if word in _MEDIA]


def _shared_errors(operations: list[dict[str, Any]]) -> dict[str, Any]:
    """Errors that are the same everywhere stand in one place; operations refer to it."""
    shared: dict[str, Any] = {}
    for operation in operations:
        for status, response in operation["responses"].items():
            shape = response.get("content", {}).get("application/json", {}).get("schema", {}).get("$ref", "")
            if status >= "400" and shape.endswith("Error"):
                name = f"{shape.removeprefix('#/components/schemas/')}{status}"
                shared[name] = response
                operation["responses"][status] = {"$ref": f"#/components/responses/{name}"}
    return dict(sorted(shared.items()))


def _complete_schemas(schemas: dict[str, Any]) -> None:
    for name, demanded in _DEMANDED.items():
        schemas[name]["required"] = demanded
    for name, fields in FILTER_FIELDS.items():
        for field, shape in fields.items():
            give_shape(schemas[name]["properties"], field, shape)
    for schema in schemas.values():
        if "oneOf" in schema and "discriminator" not in schema:
            # A page of nobody is a page of each kind.
            schema["anyOf"] = schema.pop("oneOf")


def give_shape(properties: dict[str, Any], field: str, shape: dict[str, Any]) -> None:
    """``field`` has this shape; what is said of it stays."""
    described = properties[field].get("description")
    properties[field] = {**shape, "description": described} if described else shape
