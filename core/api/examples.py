"""Examples in the OpenAPI document: of a shape, wherever it is sent or answered, and of a parameter by its name."""

from collections.abc import Mapping
from typing import Any

from core.api.examples_of_accounts import ACCOUNTS
from core.api.examples_of_cohorts import COHORTS
from core.api.examples_of_persons import ERRORS, PERSONS
from core.api.examples_of_webhooks import WEBHOOKS

#: By the component that a body is.
SHAPES: dict[str, Any] = {**PERSONS, **COHORTS, **WEBHOOKS, **ACCOUNTS}
#: By the name of a parameter, of those whose text has a form.
PARAMETERS: dict[str, Any] = {
    "properties": '[{"key": "plan", "value": "team", "type": "person"}]',
    "timestamp": "2026-06-15T14:30:00Z",
    "updated_since": "2026-11-22T10:00:00Z",
}
_REFERENCE = "#/components/schemas/"


def add_examples(
    document: dict[str, Any], *, shapes: Mapping[str, Any], parameters: Mapping[str, Any]
) -> None:
    """Give every body of one of ``shapes`` and every text parameter among ``parameters`` its example."""
    for path in document["paths"].values():
        for operation in path.values():
            for parameter in operation.get("parameters", []):
                if parameter["in"] == "query" and parameter["name"] in parameters:
                    parameter["example"] = parameters[parameter["name"]]
            for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
                if media_type == "application/json":
                    _add(content, shapes)
            for status, response in operation["responses"].items():
                if json := response.get("content", {}).get("application/json"):
                    _add(json, {**shapes, **_errors(status)})


def _add(content: dict[str, Any], shapes: Mapping[str, Any]) -> None:
    schema = content["schema"]
    name = schema.get("$ref", "").removeprefix(_REFERENCE)
    of_list = schema.get("items", {}).get("$ref", "").removeprefix(_REFERENCE)
    if name in shapes:
        content["example"] = shapes[name]
    elif of_list in shapes:
        content["example"] = [shapes[of_list]]


def _errors(status: str) -> dict[str, Any]:
    error = ERRORS.get(status)
    if error is None:
        return {}
    return {
        "Error": error,
        "PersonPropertiesAtTimeError": {"error": error["detail"], **error},
        "PersonDeletePropertyError": {"success": False, **error},
    }
