"""Shapes of correlations, for the OpenAPI document."""

from rest_framework import serializers

from core.filters.parameters import MOST_ROWS
from insights.api.funnel_serializers import (
    BREAKDOWN_HELP,
    BREAKDOWNS_HELP,
    CUSTOM_STEPS_HELP,
    EVENTS_HELP,
    EXCLUSIONS_HELP,
    STEP_BREAKDOWN_HELP,
    FunnelWordsSerializer,
)
from insights.api.serializers import FILTERS_HELP, LIMIT_HELP, OFFSET_HELP
from insights.filters.correlation import KINDS

NAMES_HELP = 'Of properties: their names, or `["$all"]`.'
LEFT_OUT_HELP = "Of properties: names that are left out."
EVENT_NAMES_HELP = "Of event_with_properties: the events to look at."
LEFT_OUT_EVENTS_HELP = "Of events: names that are left out."
LEFT_OUT_PROPERTIES_HELP = "Of event_with_properties: names of properties that are left out."
ENTITY_HELP = (
    "Of events and event_with_properties: those with such an event on their way, as `{id, type, properties}`."
)
VALUES_HELP = "Of properties: those who pass these filters `{key, value, type, operator, group_type_index}`."


class CorrelationScalarsSerializer(FunnelWordsSerializer):
    """The parameters of every correlation that are a word, a number or a date."""

    funnel_step = serializers.IntegerField(
        required=False,
        default=1,
        help_text="Who reached this step is looked at. -k: reached step k-1, not step k.",
    )
    funnel_correlation_type = serializers.ChoiceField(
        choices=list(KINDS), required=False, default="events", help_text="Every other word means events."
    )


class CorrelationPersonsScalarsSerializer(CorrelationScalarsSerializer):
    """What says which persons or groups of a correlation are wanted."""

    funnel_correlation_person_converted = serializers.CharField(
        required=False,
        help_text="`true`: who finished the funnel; any other text: who did not. Both without it.",
    )
    include_recordings = serializers.BooleanField(
        required=False, default=False, help_text="Taken; this server has no recordings, so none match."
    )
    search = serializers.CharField(
        required=False,
        help_text="Part of the person's `email` or `name`, or of a distinct id that events came under; "
        "when groups are counted also of the group's `name` or `slug`.",
    )
    funnel_correlation_person_limit = serializers.IntegerField(
        required=False, default=100, min_value=0, max_value=MOST_ROWS, help_text=LIMIT_HELP
    )
    funnel_correlation_person_offset = serializers.IntegerField(
        required=False, default=0, min_value=0, help_text=OFFSET_HELP
    )


class FunnelInBodySerializer(serializers.Serializer[object]):
    """What a funnel of a correlation is made of, besides scalars."""

    events = serializers.JSONField(required=False, help_text=EVENTS_HELP)
    exclusions = serializers.JSONField(required=False, help_text=EXCLUSIONS_HELP)
    properties = serializers.JSONField(required=False, help_text=FILTERS_HELP)
    funnel_custom_steps = serializers.JSONField(required=False, help_text=CUSTOM_STEPS_HELP)
    breakdown = serializers.JSONField(required=False, help_text=BREAKDOWN_HELP)
    breakdowns = serializers.JSONField(required=False, help_text=BREAKDOWNS_HELP)
    funnel_step_breakdown = serializers.JSONField(required=False, help_text=STEP_BREAKDOWN_HELP)


class FunnelInQuerySerializer(serializers.Serializer[object]):
    """The same in a query string, as JSON text."""

    events = serializers.CharField(required=False, help_text=EVENTS_HELP)
    exclusions = serializers.CharField(required=False, help_text=EXCLUSIONS_HELP)
    properties = serializers.CharField(required=False, help_text=FILTERS_HELP)
    funnel_custom_steps = serializers.CharField(required=False, help_text=CUSTOM_STEPS_HELP)
    breakdown = serializers.CharField(required=False, help_text=BREAKDOWN_HELP)
    breakdowns = serializers.CharField(required=False, help_text=BREAKDOWNS_HELP)
    funnel_step_breakdown = serializers.CharField(required=False, help_text=STEP_BREAKDOWN_HELP)


class CorrelationBodySerializer(FunnelInBodySerializer, CorrelationScalarsSerializer):
    """A funnel, and what is to be compared. Each parameter may also stand in the query string."""

    funnel_correlation_names = serializers.JSONField(required=False, help_text=NAMES_HELP)
    funnel_correlation_exclude_names = serializers.JSONField(required=False, help_text=LEFT_OUT_HELP)
    funnel_correlation_event_names = serializers.JSONField(required=False, help_text=EVENT_NAMES_HELP)
    funnel_correlation_exclude_event_names = serializers.JSONField(
        required=False, help_text=LEFT_OUT_EVENTS_HELP
    )
    funnel_correlation_event_exclude_property_names = serializers.JSONField(
        required=False, help_text=LEFT_OUT_PROPERTIES_HELP
    )


class CorrelationQuerySerializer(FunnelInQuerySerializer, CorrelationScalarsSerializer):
    """The same in a query string, where what is no scalar is JSON text."""

    funnel_correlation_names = serializers.CharField(required=False, help_text=NAMES_HELP)
    funnel_correlation_exclude_names = serializers.CharField(required=False, help_text=LEFT_OUT_HELP)
    funnel_correlation_event_names = serializers.CharField(required=False, help_text=EVENT_NAMES_HELP)
    funnel_correlation_exclude_event_names = serializers.CharField(
        required=False, help_text=LEFT_OUT_EVENTS_HELP
    )
    funnel_correlation_event_exclude_property_names = serializers.CharField(
        required=False, help_text=LEFT_OUT_PROPERTIES_HELP
    )


class CorrelationPersonsBodySerializer(FunnelInBodySerializer, CorrelationPersonsScalarsSerializer):
    """A funnel, and whom of those who entered it is wanted. Each parameter may also stand in the query string."""

    funnel_correlation_person_entity = serializers.JSONField(required=False, help_text=ENTITY_HELP)
    funnel_correlation_property_values = serializers.JSONField(required=False, help_text=VALUES_HELP)


class CorrelationPersonsQuerySerializer(FunnelInQuerySerializer, CorrelationPersonsScalarsSerializer):
    """The same in a query string, where what is no scalar is JSON text."""

    funnel_correlation_person_entity = serializers.CharField(required=False, help_text=ENTITY_HELP)
    funnel_correlation_property_values = serializers.CharField(required=False, help_text=VALUES_HELP)
    format = serializers.ChoiceField(
        choices=["json", "csv"], required=False, default="json", help_text="`csv`: one row a person or group."
    )


class CorrelatedElementSerializer(serializers.Serializer[object]):
    """An element of a page that was autocaptured."""

    text = serializers.CharField(allow_null=True)
    tag_name = serializers.CharField(allow_null=True)
    attr_class = serializers.ListField(child=serializers.CharField(), allow_null=True)
    href = serializers.CharField(allow_null=True)
    attr_id = serializers.CharField(allow_null=True)
    nth_child = serializers.IntegerField(allow_null=True)
    nth_of_type = serializers.IntegerField(allow_null=True)
    attributes = serializers.DictField(child=serializers.CharField())
    order = serializers.IntegerField(help_text="0 is the element itself, then what it is in.")


class CorrelatedEventSerializer(serializers.Serializer[object]):
    """What goes along with success or failure."""

    event = serializers.CharField(
        help_text="The event's name; `event::property::value`; `property::value`; "
        "`$autocapture::elements_chain::type__~~__chain`."
    )
    properties = serializers.DictField(
        child=serializers.CharField(), help_text="Of an autocaptured event `$event_type`; else empty."
    )
    elements = CorrelatedElementSerializer(many=True, help_text="Of an autocaptured event; else empty.")


class CorrelationRowSerializer(serializers.Serializer[object]):
    """What so many of those who finished have, and so many of those who did not."""

    success_count = serializers.IntegerField()
    success_people_url = serializers.CharField(help_text="Exactly these.")
    failure_count = serializers.IntegerField()
    failure_people_url = serializers.CharField(help_text="Exactly these.")
    odds_ratio = serializers.FloatField()
    correlation_type = serializers.ChoiceField(choices=["success", "failure"])
    event = CorrelatedEventSerializer()


class CorrelationTableSerializer(serializers.Serializer[object]):
    """At most ten rows of success, best first, then at most ten of failure."""

    events = CorrelationRowSerializer(many=True)
    skewed = serializers.BooleanField(help_text="One side has more than ten times as many as the other.")


class CorrelationSerializer(serializers.Serializer[object]):
    """What goes along with completing a funnel."""

    result = CorrelationTableSerializer()
    last_refresh = serializers.DateTimeField()
    is_cached = serializers.BooleanField()
