"""Shapes of trends, stickiness and lifecycle, for the OpenAPI document."""

from rest_framework import serializers

from core.clickhouse.group_columns import GROUP_TYPES
from core.filters.dates import INTERVALS
from core.filters.parameters import MOST_ROWS
from insights.api.serializers import (
    DATE_HELP,
    FILTERS_HELP,
    LIMIT_HELP,
    OFFSET_HELP,
    FunnelPersonsSerializer,
    PeopleSerializer,
)
from insights.filters.breakdown import MOST_VALUES
from insights.filters.lifecycle import State
from insights.filters.maths import WORDS
from insights.filters.trend_series import MOST_SMOOTHED

SERIES_HELP = (
    "The series: objects `{id, order, math, math_property, math_group_type_index, properties}`, where `id` is the "
    f"event's name, or null for any event, and `math` one of {', '.join(WORDS)}. JSON text is taken too."
)

BREAKDOWN_HELP = (
    "The name of a property, or a list of names. With `breakdown_type` cohort a list of ids of cohorts, `all` for "
    "everybody."
)


class SelectionSerializer(serializers.Serializer[object]):
    """Which events are looked at."""

    date_from = serializers.CharField(required=False, default="-7d", help_text=DATE_HELP)
    date_to = serializers.CharField(required=False, help_text=DATE_HELP + " Now, when not given.")
    explicit_date = serializers.BooleanField(
        required=False, default=False, help_text="Take dates as they are, without rounding them to days."
    )
    interval = serializers.ChoiceField(choices=list(INTERVALS), required=False, default="day")
    filter_test_accounts = serializers.BooleanField(
        required=False, default=False, help_text="Also apply the project's filters against test accounts."
    )


class ActorsQuerySerializer(SelectionSerializer):
    """What the routes that list persons or groups have in common."""

    events = serializers.CharField(required=False, help_text=SERIES_HELP)
    properties = serializers.CharField(required=False, help_text=FILTERS_HELP)
    search = serializers.CharField(
        required=False,
        help_text="Part of the person's `email` or `name`, or of a distinct id that events came under; "
        "when groups are counted also of the group's `name` or `slug`.",
    )
    limit = serializers.IntegerField(
        required=False, default=100, min_value=0, max_value=MOST_ROWS, help_text=LIMIT_HELP
    )
    offset = serializers.IntegerField(required=False, default=0, min_value=0, help_text=OFFSET_HELP)
    format = serializers.ChoiceField(
        choices=["json", "csv"], required=False, default="json", help_text="`csv`: one row a person or group."
    )


class TargetQuerySerializer(ActorsQuerySerializer):
    """Which series is meant."""

    entity_id = serializers.CharField(required=False, help_text="The event's name; without one, any event.")
    entity_type = serializers.ChoiceField(choices=["events"], required=False)
    entity_math = serializers.ChoiceField(choices=list(WORDS), required=False, default="total")
    entity_order = serializers.IntegerField(
        required=False, help_text="The place of the series among `events`, from 0 on; wins when it exists."
    )


class TrendPersonsQuerySerializer(TargetQuerySerializer):
    """The query of a trend, and which of its points is meant."""

    breakdown = serializers.CharField(required=False, help_text=BREAKDOWN_HELP)
    breakdown_type = serializers.ChoiceField(
        choices=["event", "person", "group", "cohort"], required=False, default="event"
    )
    breakdown_group_type_index = serializers.IntegerField(
        required=False, min_value=0, max_value=GROUP_TYPES - 1, help_text="For `breakdown_type` group."
    )
    breakdown_value = serializers.CharField(
        required=False,
        help_text="Only this value of the breakdown; empty: not set; a cohort by its id, or `all`. With "
        "`breakdown_histogram_bin_count` a JSON list `[low, high]`.",
    )
    breakdown_histogram_bin_count = serializers.IntegerField(required=False, min_value=1)


class StickinessPersonsQuerySerializer(TargetQuerySerializer):
    """A series, and in how many intervals it was done."""

    stickiness_days = serializers.IntegerField(
        min_value=1, help_text="Exactly so many intervals. `selected_interval` is the same."
    )


class LifecyclePersonsQuerySerializer(ActorsQuerySerializer):
    """A lifecycle of the first series, and which of its points is meant."""

    target_date = serializers.CharField(help_text="A date in the interval.")
    lifecycle_type = serializers.ChoiceField(choices=list(State))


class TrendPersonsSerializer(FunnelPersonsSerializer):
    """A page of the persons or groups behind a point of a trend."""


class ActorsSerializer(serializers.Serializer[object]):
    """A page of persons or groups."""

    results = PeopleSerializer(many=True, help_text="Exactly one element.")
    next = serializers.URLField(allow_null=True, help_text="The next page; null when nobody follows.")


class TrendScalarsSerializer(SelectionSerializer):
    """The parameters of a trend that are a word, a number or a date."""

    insight = serializers.ChoiceField(
        choices=["TRENDS", "STICKINESS", "LIFECYCLE"], required=False, default="TRENDS"
    )
    shown_as = serializers.ChoiceField(
        choices=["Volume", "Stickiness", "Lifecycle"],
        required=False,
        help_text="Older spelling of `insight`; wins.",
    )
    display = serializers.CharField(
        required=False,
        help_text="`ActionsLineGraphCumulative`: each point looks at everything up to it. A display of one value "
        "(`ActionsTable`, `ActionsPie`, `ActionsBarValue`, `BoldNumber`, `WorldMap`): `aggregated_value` for the whole "
        "range. Everything else: a number an interval.",
    )
    compare = serializers.BooleanField(
        required=False, default=False, help_text="Also the range before, just as long."
    )
    smoothing_intervals = serializers.IntegerField(
        required=False,
        default=1,
        min_value=0,
        max_value=MOST_SMOOTHED,
        help_text="The mean of so many points, without its fraction; 0: the default.",
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
        help_text="So many values, the most frequent first; more follow by `next`. 0: the default.",
    )
    breakdown_normalize_url = serializers.BooleanField(required=False, default=False)
    offset = serializers.IntegerField(
        required=False, default=0, min_value=0, help_text="Values of the breakdown to pass over."
    )


class TrendBodySerializer(TrendScalarsSerializer):
    """A question. Each parameter may also stand in the query string."""

    events = serializers.JSONField(required=False, help_text=SERIES_HELP)
    properties = serializers.JSONField(required=False, help_text=FILTERS_HELP)
    breakdown = serializers.JSONField(required=False, help_text=BREAKDOWN_HELP)


class TrendQuerySerializer(TrendScalarsSerializer):
    """The same in a query string, where what is no scalar is JSON text."""

    events = serializers.CharField(required=False, help_text=SERIES_HELP)
    properties = serializers.CharField(required=False, help_text=FILTERS_HELP)
    breakdown = serializers.CharField(required=False, help_text=BREAKDOWN_HELP)


class PersonsLinkSerializer(serializers.Serializer[object]):
    """A link to the persons or groups behind a number."""

    filter = serializers.DictField(
        child=serializers.JSONField(), help_text="What the link adds to the question."
    )
    url = serializers.CharField(help_text="Relative to the root of the server, without a leading slash.")


class SeriesActionSerializer(serializers.Serializer[object]):
    """The event of a series."""

    id = serializers.CharField(allow_null=True)
    type = serializers.ChoiceField(choices=["events"])
    order = serializers.IntegerField()
    name = serializers.CharField()
    custom_name = serializers.CharField(allow_null=True)
    math = serializers.ChoiceField(choices=list(WORDS))
    math_property = serializers.CharField(allow_null=True)
    math_group_type_index = serializers.IntegerField(allow_null=True)


class TrendSeriesSerializer(serializers.Serializer[object]):
    """A series of numbers."""

    action = SeriesActionSerializer()
    label = serializers.CharField()  # type: ignore[assignment] # the name that the contract gives
    count = serializers.FloatField(help_text="The sum of `data`.")
    data = serializers.ListField(child=serializers.FloatField())  # type: ignore[assignment]
    labels = serializers.ListField(child=serializers.CharField())
    days = serializers.ListField(
        child=serializers.JSONField(), help_text="Dates; of stickiness numbers of intervals."
    )
    persons_urls = PersonsLinkSerializer(many=True, help_text="One a number.")
    filter = serializers.DictField(child=serializers.JSONField())
    breakdown_value = serializers.JSONField(
        required=False,
        help_text="A text, or a list of texts for several properties; empty: not set. A cohort's id, or `all`.",
    )
    compare = serializers.BooleanField(required=False)
    compare_label = serializers.ChoiceField(choices=["current", "previous"], required=False)
    aggregated_value = serializers.FloatField(required=False, help_text="Of displays of one value.")
    persons = PersonsLinkSerializer(
        required=False, allow_null=True, help_text="Who is behind `aggregated_value`."
    )
    status = serializers.ChoiceField(choices=list(State), required=False, help_text="Of lifecycles.")


class TrendSerializer(serializers.Serializer[object]):
    """Series of numbers."""

    result = TrendSeriesSerializer(many=True)
    next = serializers.URLField(allow_null=True, help_text="More values of the breakdown.")
    timezone = serializers.CharField()
    last_refresh = serializers.DateTimeField()
    is_cached = serializers.BooleanField()
