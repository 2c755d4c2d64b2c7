"""Shapes of the parts of a question for the OpenAPI document: each refers to filters, which serializers cannot."""

from typing import Any

from core.clickhouse.group_columns import GROUP_TYPES
from insights.filters.exclusions import MOST_EXCLUSIONS
from insights.filters.funnel import MOST_STEPS
from insights.filters.maths import WORDS

_FILTERS = {"$ref": "#/components/schemas/PropertyFilters"}
_EVENT: dict[str, Any] = {
    "id": {"type": ["string", "null"], "description": "The event's name; null for any event."},
    "type": {"type": "string", "enum": ["events"]},
    "name": {"type": ["string", "null"], "description": "A label; without one the event's name."},
    "custom_name": {"type": ["string", "null"], "description": "Another label."},
    "properties": _FILTERS,
}
_ORDER = {"type": ["integer", "null"], "description": "Its place; what has none stays in front."}


def _object(description: str, properties: dict[str, Any], *required: str) -> dict[str, Any]:
    shape = {"type": "object", "description": description, "properties": properties}
    return {**shape, "required": list(required)} if required else shape


#: Components by their names.
QUESTION_SCHEMAS: dict[str, Any] = {
    "FunnelEvent": _object("A step of a funnel.", {**_EVENT, "order": _ORDER}),
    "FunnelExclusion": _object(
        "Events that void an attempt at a funnel between two of its steps.",
        {
            **_EVENT,
            "funnel_from_step": {"type": "integer", "minimum": 0, "description": "After this step, from 0."},
            "funnel_to_step": {"type": "integer", "minimum": 1, "description": "Up to this step."},
        },
        "funnel_from_step",
        "funnel_to_step",
    ),
    "SeriesEvent": _object(
        "A series of a trend.",
        {
            **_EVENT,
            "order": _ORDER,
            "math": {
                "anyOf": [{"type": "string", "enum": [*WORDS]}, {"type": "null"}],
                "description": "What is counted.",
            },
            "math_property": {"type": ["string", "null"], "description": "The number that is summed."},
            "math_group_type_index": {
                "type": ["integer", "null"],
                "minimum": 0,
                "maximum": GROUP_TYPES - 1,
                "description": "Of `unique_group`: which kind.",
            },
        },
    ),
    "BreakdownItem": _object(
        "A property whose values are told apart.",
        {
            "property": {"type": "string"},
            "type": {"type": "string", "enum": ["event", "person", "group"]},
        },
        "property",
    ),
}


def _list_of(component: str, most: int | None = None) -> dict[str, Any]:
    items = {"type": "array", "items": {"$ref": f"#/components/schemas/{component}"}}
    return items if most is None else {**items, "maxItems": most}


_NAMES = {"type": "array", "items": {"type": "string"}}
_NAME_OR_ID = {"anyOf": [{"type": "string"}, {"type": "integer"}]}
_ONE_OR_MANY = {"anyOf": [*_NAME_OR_ID["anyOf"], {"type": "array", "items": _NAME_OR_ID}]}
_STEPS = _list_of("FunnelEvent", MOST_STEPS)
_FUNNEL = {
    "events": _STEPS,
    "exclusions": _list_of("FunnelExclusion", MOST_EXCLUSIONS),
    "properties": _FILTERS,
    "breakdown": _ONE_OR_MANY,
    "breakdowns": _list_of("BreakdownItem"),
}
_PERSONS_OF_FUNNEL = {
    **_FUNNEL,
    "funnel_custom_steps": {"type": "array", "items": {"type": "integer"}},
    "funnel_step_breakdown": _ONE_OR_MANY,
}
_CORRELATION = dict.fromkeys(
    (
        "funnel_correlation_names",
        "funnel_correlation_exclude_names",
        "funnel_correlation_event_names",
        "funnel_correlation_exclude_event_names",
        "funnel_correlation_event_exclude_property_names",
    ),
    _NAMES,
)
#: What is any JSON to the serializer of a body has these shapes.
PARTS_OF_BODIES: dict[str, dict[str, Any]] = {
    "FunnelInsightBody": _FUNNEL,
    "FunnelPersonsBody": _PERSONS_OF_FUNNEL,
    "CorrelationBody": {**_PERSONS_OF_FUNNEL, **_CORRELATION},
    "CorrelationPersonsBody": {
        **_PERSONS_OF_FUNNEL,
        "funnel_correlation_person_entity": {"$ref": "#/components/schemas/FunnelEvent"},
        "funnel_correlation_property_values": _list_of("PropertyFilter"),
    },
    "TrendBody": {
        "events": _list_of("SeriesEvent"),
        "properties": _FILTERS,
        "breakdown": _ONE_OR_MANY,
    },
}
#: The same of answers.
PARTS_OF_ANSWERS: dict[str, dict[str, Any]] = {
    "FunnelStep": {"breakdown": _ONE_OR_MANY, "breakdown_value": _ONE_OR_MANY},
    "FunnelTrend": {"breakdown_value": _ONE_OR_MANY},
    "TrendSeries": {"days": {"type": "array", "items": _NAME_OR_ID}, "breakdown_value": _ONE_OR_MANY},
}
