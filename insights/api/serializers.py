"""Shapes of the analytical routes, for the OpenAPI document."""

from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema_field
from rest_framework import serializers

from core.api.persons.serializers import MatchedRecordingSerializer, PersonListRowSerializer
from core.filters.dates import INTERVALS
from core.filters.parameters import MOST_ROWS
from core.filters.properties import OPERATORS, Source

FILTERS_HELP = (
    "A list of filters `{key, value, operator, type}` (all must pass), a group "
    "`{type: AND|OR, values: […]}` of filters or groups, or the same as JSON text. Types: "
    + ", ".join(Source)
    + " (with `group_type_index`). Operators: "
    + ", ".join(OPERATORS)
    + "."
)
LIMIT_HELP = f"Persons or groups a page, {MOST_ROWS} at most; 0: the default."
OFFSET_HELP = "Persons or groups to skip."
DATE_HELP = "A date (`2026-01-31`, `2026-01-31T12:00:00Z`) or a relative one (`-7d`, `mStart`, `all`)."


class GroupRowSerializer(serializers.Serializer[object]):
    """A group in a list."""

    type = serializers.ChoiceField(choices=["group"])
    id = serializers.CharField(help_text="The same as `group_key`.")
    group_key = serializers.CharField()
    group_type_index = serializers.IntegerField()
    properties = serializers.DictField(child=serializers.JSONField())
    created_at = serializers.DateTimeField(
        allow_null=True, help_text="Null for a group that is known by its events only."
    )
    matched_recordings = MatchedRecordingSerializer(many=True, help_text="Always empty.")
    value_at_data_point = serializers.FloatField(allow_null=True)


@extend_schema_field(
    PolymorphicProxySerializer(
        component_name="Actor",
        serializers={"person": PersonListRowSerializer, "group": GroupRowSerializer},
        resource_type_field_name="type",
        many=True,
    )
)
class ActorsField(serializers.ListField):
    """Persons, or groups when these are counted."""


class PeopleSerializer(serializers.Serializer[object]):
    """The persons or groups of a page."""

    people = ActorsField()
    count = serializers.IntegerField(help_text="How many persons or groups are on this page.")


class FunnelPersonsSerializer(serializers.Serializer[object]):
    """A page of the persons or groups behind a funnel step."""

    results = PeopleSerializer(many=True, help_text="Exactly one element.")
    next = serializers.URLField(allow_null=True, help_text="The next page; null when nobody follows.")
    initial = serializers.URLField(help_text="The URL of this request.")
    missing_persons = serializers.IntegerField(help_text="Always 0: persons that do not exist are not found.")
    is_cached = serializers.BooleanField()
    last_refresh = serializers.DateTimeField()


class PropertiesTimelineQuerySerializer(serializers.Serializer[object]):
    """The query of an insight, as far as it says which events are looked at and which properties matter."""

    events = serializers.CharField(required=False, help_text="JSON list of series; none: every event counts.")
    properties = serializers.CharField(
        required=False, help_text="JSON filters. Person properties named here matter; nothing is filtered."
    )
    breakdown = serializers.CharField(required=False, help_text="With `breakdown_type` person: matters, too.")
    breakdown_type = serializers.CharField(required=False)
    date_from = serializers.CharField(required=False, default="-7d", help_text=DATE_HELP)
    date_to = serializers.CharField(required=False, help_text=DATE_HELP + " Now, when not given.")
    explicit_date = serializers.BooleanField(required=False, default=False)
    display = serializers.CharField(
        required=False,
        help_text="Unless it shows one value, equal dates mean the interval that begins there.",
    )
    interval = serializers.ChoiceField(choices=list(INTERVALS), required=False, default="day")


class PropertiesTimelinePointSerializer(serializers.Serializer[object]):
    """From here on the properties that matter were these, for so many events."""

    timestamp = serializers.DateTimeField()
    properties = serializers.DictField(child=serializers.JSONField())
    relevant_event_count = serializers.IntegerField()


class PropertiesTimelineSerializer(serializers.Serializer[object]):
    """When properties of a person changed."""

    points = PropertiesTimelinePointSerializer(many=True)
    crucial_property_keys = serializers.ListField(child=serializers.CharField())
    effective_date_from = serializers.DateTimeField()
    effective_date_to = serializers.DateTimeField()
