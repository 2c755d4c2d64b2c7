"""Shapes of property filters for the OpenAPI document. They refer to each other, which serializers cannot."""

from typing import Any

from core.clickhouse.group_columns import GROUP_TYPES
from core.filters.properties import OPERATORS, Joiner, Source

_SCALAR = [{"type": "string"}, {"type": "number"}, {"type": "boolean"}]
_ANY_OBJECT = {"type": "object", "additionalProperties": {}}
_MEMBERS = {
    "type": "array",
    "items": {
        "anyOf": [
            {"$ref": "#/components/schemas/PropertyFilter"},
            {"$ref": "#/components/schemas/PropertyGroup"},
        ]
    },
}

_NUMBER = {"type": ["integer", "string", "null"], "description": "A number above 0, or its text."}
_TEXT = {"type": ["string", "null"]}
_CRITERION: dict[str, Any] = {
    "type": {"type": "string", "enum": ["person", "cohort", "behavioral", "person_metadata"]},
    "key": {
        "type": ["string", "integer"],
        "description": "The name of a property or an event; of a cohort `id`.",
    },
    "value": {"$ref": "#/components/schemas/PropertyFilterValue"},
    "operator": _TEXT,
    "negation": {"type": ["boolean", "null"], "description": "Everybody else."},
    "event_type": _TEXT,
    "event_filters": {
        "anyOf": [
            {"type": "array", "items": {"$ref": "#/components/schemas/PropertyFilter"}},
            {"type": "null"},
        ]
    },
    "time_interval": _TEXT,
    "seq_time_interval": _TEXT,
    "explicit_datetime": _TEXT,
    "explicit_datetime_to": _TEXT,
    "seq_event": _TEXT,
    "seq_event_type": _TEXT,
    **dict.fromkeys(
        ("time_value", "operator_value", "seq_time_value", "total_periods", "min_periods"), _NUMBER
    ),
}

#: Components by their names.
FILTER_SCHEMAS: dict[str, Any] = {
    "PropertyFilterValue": {
        "description": "What the text form of the property is compared with; of a list any member.",
        "anyOf": [*_SCALAR, {"type": "array", "items": {}}, _ANY_OBJECT, {"type": "null"}],
    },
    "PropertyFilter": {
        "type": "object",
        "description": "A test of one property.",
        "properties": {
            "key": {"type": "string", "description": "The name of the property; of a cohort `id`."},
            "value": {"$ref": "#/components/schemas/PropertyFilterValue"},
            "operator": {
                "anyOf": [{"type": "string", "enum": [*OPERATORS]}, {"type": "null"}],
                "description": "Without one `exact`; of a cohort `in`.",
            },
            "type": {
                "type": "string",
                "enum": [*(source.value for source in Source), "static-cohort", "precalculated-cohort"],
                "description": "Whose property it is.",
            },
            "negation": {"type": "boolean", "description": "Flips the test."},
            "group_type_index": {
                "type": ["integer", "null"],
                "minimum": 0,
                "maximum": GROUP_TYPES - 1,
                "description": "Of groups: which kind.",
            },
        },
        "required": ["key"],
    },
    "PropertyGroup": {
        "type": "object",
        "description": "Filters or groups of which all have to pass, or any. Both do not stand in one list.",
        "properties": {
            "type": {"type": "string", "enum": [joiner.value for joiner in Joiner]},
            "values": _MEMBERS,
        },
        "required": ["type", "values"],
    },
    "CohortCriterion": {
        "type": "object",
        "description": "What persons are, or did. See docs/howto/cohorts.md.",
        "properties": _CRITERION,
        "required": ["key", "type"],
    },
    "CohortGroup": {
        "type": "object",
        "description": "Criteria or groups of which all have to hold, or any.",
        "properties": {
            "type": {"type": "string", "enum": [joiner.value for joiner in Joiner]},
            "values": {
                "type": "array",
                "items": {
                    "anyOf": [
                        {"$ref": "#/components/schemas/CohortGroup"},
                        {"$ref": "#/components/schemas/CohortCriterion"},
                    ]
                },
            },
        },
        "required": ["type", "values"],
    },
    "CohortFilters": {
        "type": "object",
        "description": "The criteria of a cohort.",
        "properties": {"properties": {"$ref": "#/components/schemas/CohortGroup"}},
        "required": ["properties"],
    },
    "PropertyFiltersByKey": {
        "type": "object",
        "description": 'The older form: `{"key": value, "key__operator": value}`.',
        "additionalProperties": {"$ref": "#/components/schemas/PropertyFilterValue"},
    },
    "PropertyFilters": {
        "description": "A list of which all have to pass, a group, or the older form.",
        "anyOf": [
            _MEMBERS,
            {"$ref": "#/components/schemas/PropertyGroup"},
            {"$ref": "#/components/schemas/PropertyFiltersByKey"},
        ],
    },
}
#: Fields that refer to them, by component. What a static cohort is given as criteria is kept as it is.
FILTER_FIELDS: dict[str, dict[str, Any]] = {
    **{
        name: {"filters": {"anyOf": [{"$ref": "#/components/schemas/CohortFilters"}, _ANY_OBJECT]}}
        for name in ("Cohort", "CohortRow", "CohortCalculation")
    },
    **{
        name: {
            "filters": {
                "anyOf": [
                    {"$ref": "#/components/schemas/CohortFilters"},
                    _ANY_OBJECT,
                    {"type": "null"},
                ]
            }
        }
        for name in ("CohortRequest", "PatchedCohort")
    },
    **{
        name: {
            "test_account_filters": {
                "type": "array",
                "items": {"$ref": "#/components/schemas/PropertyFilter"},
                "maxItems": 500,
            }
        }
        for name in ("Project", "ProjectSettings", "PatchedProjectSettings")
    },
}
