"""Shapes of funnels, for the OpenAPI document."""

from typing import Any

from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema_field
from rest_framework import serializers

from core.api.persons.serializers import PersonListRowSerializer
from core.clickhouse.group_columns import GROUP_TYPES
from core.filters.dates import INTERVALS
from core.filters.parameters import MOST_ROWS
from insights.api.serializers import DATE_HELP, FILTERS_HELP, LIMIT_HELP, OFFSET_HELP
from insights.filters.attribution import Touch
from insights.filters.breakdown import MOST_VALUES
from insights.filters.exclusions import MOST_EXCLUSIONS
from insights.filters.funnel import MOST_STEPS, ORDERS, VISUALISATIONS, WINDOW_UNITS

EVENTS_HELP = (
    f"The steps, {MOST_STEPS} at most: objects `{{id, order, properties}}`, where `id` is the event's name, or null "
    "for any event. JSON text is taken too."
)
EXCLUSIONS_HELP = (
    f"Events, {MOST_EXCLUSIONS} at most, that void an attempt when they happen after its `funnel_from_step` and until "
    "its `funnel_to_step` (from 0 on): objects `{id, properties, funnel_from_step, funnel_to_step}`. In an unordered "
    "funnel they are for all of it; in a strict one nothing can be in between."
)
CUSTOM_STEPS_HELP = "A list of exact numbers of steps reached; beats `funnel_step`."
BREAKDOWN_HELP = (
    "The name of a property, or a list of names whose values are taken together. With `breakdown_type` cohort ids of "
    "cohorts, `all` for everybody: the funnel of the members of each."
)
BREAKDOWNS_HELP = "Older spelling of the list: objects `{property, type}`."
STEP_BREAKDOWN_HELP = (
    "Only actors with this value of the breakdown: a text, or a list of one for each property; empty: not set; "
    "`Other`: every value that is not among the most frequent ones. By cohorts an id, or `all`."
)


class FunnelWordsSerializer(serializers.Serializer[object]):
    """The parameters of every funnel that are a word, a number or a date."""

    funnel_order_type = serializers.ChoiceField(
        choices=list(ORDERS),
        required=False,
        default="ordered",
        help_text="`strict`: steps follow each other without another event in between; `unordered`: in any order.",
    )
    funnel_window_interval = serializers.IntegerField(
        required=False,
        default=14,
        min_value=0,
        help_text="Time from the first step to the last, in units; 0: the default.",
    )
    funnel_window_interval_unit = serializers.ChoiceField(
        choices=list(WINDOW_UNITS), required=False, default="day"
    )
    funnel_window_days = serializers.IntegerField(
        required=False, help_text="Older spelling of the window; wins when above 0."
    )
    date_from = serializers.CharField(required=False, default="-7d", help_text=DATE_HELP)
    date_to = serializers.CharField(required=False, help_text=DATE_HELP + " Now, when not given.")
    explicit_date = serializers.BooleanField(
        required=False, default=False, help_text="Take dates as they are, without rounding them to days."
    )
    interval = serializers.ChoiceField(
        choices=list(INTERVALS), required=False, default="day", help_text="Periods of a trend."
    )
    filter_test_accounts = serializers.BooleanField(
        required=False, default=False, help_text="Also apply the project's filters against test accounts."
    )
    aggregation_group_type_index = serializers.IntegerField(
        required=False,
        min_value=0,
        max_value=GROUP_TYPES - 1,
        help_text="Count groups of this type instead of persons; events without one are left out.",
    )
    funnel_aggregate_by_hogql = serializers.ChoiceField(choices=["person_id"], required=False)
    sampling_factor = serializers.FloatField(
        required=False, help_text="Above 0, at most 1. Everything is counted all the same."
    )
    breakdown_type = serializers.ChoiceField(
        choices=["event", "person", "group", "cohort"], required=False, default="event"
    )
    breakdown_group_type_index = serializers.IntegerField(
        required=False, min_value=0, max_value=GROUP_TYPES - 1, help_text="For `breakdown_type` group."
    )
    breakdown_limit = serializers.IntegerField(
        required=False,
        default=25,
        min_value=0,
        max_value=MOST_VALUES,
        help_text="Values that are kept, by their frequency; the rest is `Other`. 0: the default.",
    )
    breakdown_normalize_url = serializers.BooleanField(
        required=False, default=False, help_text="Leave out `/`, `?` and `#` at the end of values."
    )
    breakdown_attribution_type = serializers.ChoiceField(
        choices=[touch.value for touch in Touch],
        required=False,
        default=Touch.FIRST.value,
        help_text="Which event of an actor has the value: the first or last one with any, each (the funnel of each "
        "value by itself), or those of a step.",
    )
    breakdown_attribution_value = serializers.IntegerField(
        required=False, min_value=0, help_text="The step, from 0 on, for `breakdown_attribution_type` step."
    )


class FunnelScalarsSerializer(FunnelWordsSerializer):
    """The same with what is asked of the funnel."""

    funnel_viz_type = serializers.ChoiceField(choices=list(VISUALISATIONS), required=False, default="steps")
    display = serializers.CharField(
        required=False, help_text="`ActionsLineGraph` without `funnel_viz_type` means trends."
    )
    funnel_from_step = serializers.IntegerField(
        required=False, default=0, min_value=0, help_text="Of trends and times: the first step, from 0 on."
    )
    funnel_to_step = serializers.IntegerField(
        required=False,
        min_value=0,
        help_text="Of trends and times: the last step; 0 and nothing mean that of the funnel.",
    )


class FunnelPersonsScalarsSerializer(FunnelScalarsSerializer):
    """What says which persons or groups of a funnel are wanted."""

    funnel_step = serializers.IntegerField(
        required=False, help_text="k: reached step k. -k: reached step k-1 and dropped off before step k."
    )
    entrance_period_start = serializers.CharField(
        required=False, help_text="Of trends: a date in the period in which attempts start."
    )
    drop_off = serializers.BooleanField(
        required=False, help_text="Of trends: those who dropped off, not those who went through."
    )
    include_recordings = serializers.BooleanField(
        required=False, default=False, help_text="Taken; this server has no recordings, so none match."
    )
    search = serializers.CharField(
        required=False,
        help_text="Part of the person's `email` or `name`, or of a distinct id that events came under; "
        "when groups are counted also of the group's `name` or `slug`.",
    )
    limit = serializers.IntegerField(
        required=False, default=100, min_value=0, max_value=MOST_ROWS, help_text=LIMIT_HELP
    )
    offset = serializers.IntegerField(required=False, default=0, min_value=0, help_text=OFFSET_HELP)


class FunnelInsightScalarsSerializer(FunnelScalarsSerializer):
    """What is asked of a funnel."""

    bin_count = serializers.IntegerField(
        required=False, help_text="Of times: how many bins, 1 to 90; else by the number of actors."
    )


class FunnelInsightBodySerializer(FunnelInsightScalarsSerializer):
    """A funnel, and what is asked of it. Each parameter may also stand in the query string."""

    events = serializers.JSONField(required=False, help_text=EVENTS_HELP)
    exclusions = serializers.JSONField(required=False, help_text=EXCLUSIONS_HELP)
    properties = serializers.JSONField(required=False, help_text=FILTERS_HELP)
    breakdown = serializers.JSONField(required=False, help_text=BREAKDOWN_HELP)
    breakdowns = serializers.JSONField(required=False, help_text=BREAKDOWNS_HELP)


class FunnelInsightQuerySerializer(FunnelInsightScalarsSerializer):
    """The same in a query string, where what is no scalar is JSON text."""

    events = serializers.CharField(required=False, help_text=EVENTS_HELP)
    exclusions = serializers.CharField(required=False, help_text=EXCLUSIONS_HELP)
    properties = serializers.CharField(required=False, help_text=FILTERS_HELP)
    breakdown = serializers.CharField(required=False, help_text=BREAKDOWN_HELP)
    breakdowns = serializers.CharField(required=False, help_text=BREAKDOWNS_HELP)


class FunnelPersonsBodySerializer(FunnelPersonsScalarsSerializer):
    """A funnel and which of its persons or groups are wanted. Each parameter may also stand in the query string."""

    events = serializers.JSONField(required=False, help_text=EVENTS_HELP)
    exclusions = serializers.JSONField(required=False, help_text=EXCLUSIONS_HELP)
    properties = serializers.JSONField(required=False, help_text=FILTERS_HELP)
    funnel_custom_steps = serializers.JSONField(required=False, help_text=CUSTOM_STEPS_HELP)
    breakdown = serializers.JSONField(required=False, help_text=BREAKDOWN_HELP)
    breakdowns = serializers.JSONField(required=False, help_text=BREAKDOWNS_HELP)
    funnel_step_breakdown = serializers.JSONField(required=False, help_text=STEP_BREAKDOWN_HELP)


class FunnelPersonsQuerySerializer(FunnelPersonsScalarsSerializer):
    """The same in a query string, where what is no scalar is JSON text."""

    events = serializers.CharField(required=False, help_text=EVENTS_HELP)
    exclusions = serializers.CharField(required=False, help_text=EXCLUSIONS_HELP)
    properties = serializers.CharField(required=False, help_text=FILTERS_HELP)
    funnel_custom_steps = serializers.CharField(required=False, help_text=CUSTOM_STEPS_HELP)
    breakdown = serializers.CharField(required=False, help_text=BREAKDOWN_HELP)
    breakdowns = serializers.CharField(required=False, help_text=BREAKDOWNS_HELP)
    funnel_step_breakdown = serializers.CharField(required=False, help_text=STEP_BREAKDOWN_HELP)
    format = serializers.ChoiceField(
        choices=["json", "csv"], required=False, default="json", help_text="`csv`: one row a person or group."
    )


class FunnelStepSerializer(serializers.Serializer[object]):
    """A step of a funnel, and how many got there."""

    action_id = serializers.CharField(allow_null=True, help_text="The event's name; null for any event.")
    name = serializers.CharField()
    custom_name = serializers.CharField(allow_null=True)
    order = serializers.IntegerField()
    type = serializers.CharField(help_text="`events`.")
    people = PersonListRowSerializer(many=True, help_text="Always empty; follow the links.")
    count = serializers.IntegerField(help_text="Actors who reached the step.")
    average_conversion_time = serializers.FloatField(
        allow_null=True,
        help_text="Seconds from the step before; null for the first one, and when nobody got there.",
    )
    median_conversion_time = serializers.FloatField(allow_null=True)
    breakdown = serializers.JSONField(required=False)
    breakdown_value = serializers.JSONField(
        required=False,
        help_text="With a breakdown: a list of texts; of a group's property a text; of a cohort its id, or `all`.",
    )
    converted_people_url = serializers.CharField(help_text="Who reached the step: exactly `count`.")
    dropped_people_url = serializers.CharField(
        allow_null=True, help_text="Who reached the step before and not this one; null for the first step."
    )


class FunnelTrendSerializer(serializers.Serializer[object]):
    """The rate of conversion of each period in which attempts start."""

    count = serializers.IntegerField(help_text="How many periods there are.")
    data = serializers.ListField(child=serializers.FloatField(), help_text="Percent.")  # type: ignore[assignment]
    days = serializers.ListField(child=serializers.CharField())
    labels = serializers.ListField(child=serializers.CharField())
    breakdown_value = serializers.JSONField(required=False)


class ConversionTimesSerializer(serializers.Serializer[object]):
    """How long actors take, as bins."""

    bins = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField(), min_length=2, max_length=2),
        help_text="Pairs: where a bin begins, in seconds, and how many actors are in it.",
    )
    average_conversion_time = serializers.FloatField(allow_null=True)


_STEPS_OF_VALUES: Any = serializers.ListSerializer(child=FunnelStepSerializer(many=True))


@extend_schema_field(
    PolymorphicProxySerializer(
        component_name="FunnelResult",
        serializers=[
            FunnelStepSerializer(many=True),
            _STEPS_OF_VALUES,
            FunnelTrendSerializer(many=True),
            ConversionTimesSerializer,
        ],
        resource_type_field_name=None,
        many=False,
    )
)
class FunnelResultField(serializers.JSONField):
    """Steps, with a breakdown a list of steps for each value; periods of a trend; or times."""


class FunnelInsightSerializer(serializers.Serializer[object]):
    """The numbers of a funnel."""

    result = FunnelResultField()
    timezone = serializers.CharField()
    last_refresh = serializers.DateTimeField()
    is_cached = serializers.BooleanField()
