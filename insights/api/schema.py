"""What is particular to the analytical routes in the OpenAPI document: shapes of questions, and examples."""

from typing import Any

from core.api.examples import add_examples
from core.api.schema import give_shape
from insights.api.examples import PARAMETERS, SHAPES
from insights.api.question_schemas import PARTS_OF_ANSWERS, PARTS_OF_BODIES, QUESTION_SCHEMAS


def complete(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """A hook of drf-spectacular."""
    schemas: dict[str, Any] = result["components"]["schemas"]
    for name, parts in {**PARTS_OF_BODIES, **PARTS_OF_ANSWERS}.items():
        for part, shape in parts.items():
            give_shape(schemas[name]["properties"], part, shape)
    result["components"]["schemas"] = dict(sorted({**schemas, **QUESTION_SCHEMAS}.items()))
    add_examples(result, shapes=SHAPES, parameters=PARAMETERS)
    return result
