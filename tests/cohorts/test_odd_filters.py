"""Whatever filters are sent: they are refused with a reason, or kept and calculated, or told to be impossible."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.exceptions import InvalidInput
from core.filters.cohort_criteria import property_filters
from core.sql.patterns import check_patterns
from insights.queries import cohort
from tests.api.test_odd_input import anything, text
from tests.cohorts.world import CohortWorld, read
from tests.insights.world import NOON

KINDS = [
    "performed_event", "performed_event_first_time", "performed_event_multiple", "performed_event_sequence",
    "stopped_performing_event", "restarted_performing_event", "performed_event_regularly",
]  # fmt: skip
numbers = st.integers(-1, 3) | st.sampled_from([10**17, 10**19, "5", "x", 1.5, None, True])
units = st.sampled_from(["minute", "hour", "day", "week", "month", "year"]) | text
dates = st.sampled_from(
    ["-7d", "2026-01-05", "-1mStart", "-99999999d", "2026-01-05T00:00:00Z", "0001-01-01", "x"]
)
operators = st.sampled_from(
    ["exact", "is_not", "icontains", "regex", "gt", "lte", "eq", "gte", "is_set", "is_date_after", "in", "x"]
)
values = anything | st.sampled_from(["2", "(", "-3d", "2026-01-01", "\0", "'", "\\", "{p0:String}"])
criteria = st.one_of(
    anything,
    st.fixed_dictionaries(
        {"type": st.sampled_from(["person", "person_metadata"]), "key": text | st.just("created_at")},
        optional={"operator": operators, "value": values, "negation": st.booleans()},
    ),
    st.fixed_dictionaries({"type": st.just("cohort"), "key": st.just("id"), "value": numbers}),
    st.fixed_dictionaries(
        {
            "type": st.just("behavioral"),
            "key": text,
            "event_type": st.just("events"),
            "value": st.sampled_from(KINDS),
            "time_value": numbers,
            "time_interval": units,
            "seq_time_value": numbers,
            "seq_time_interval": units,
            "seq_event": text,
            "operator_value": numbers,
            "total_periods": numbers,
            "min_periods": numbers,
        },
        optional={
            "operator": operators,
            "explicit_datetime": dates,
            "explicit_datetime_to": dates,
            "event_filters": st.lists(
                st.fixed_dictionaries({"key": text}, optional={"value": values, "operator": operators}),
                max_size=2,
            )
            | anything,
        },
    ),
)
trees = st.recursive(
    st.builds(
        lambda joiner, members: {"type": joiner, "values": members},
        st.sampled_from(["AND", "or"]),
        st.lists(criteria, max_size=2),
    ),
    lambda inner: st.builds(
        lambda joiner, members: {"type": joiner, "values": members},
        st.sampled_from(["AND", "OR"]),
        st.lists(inner, max_size=2),
    ),
    max_leaves=3,
)


@settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(filters=st.builds(lambda tree: {"properties": tree}, trees) | anything)
def test_filters(filters: Any) -> None:
    world = CohortWorld(project_id=1)
    try:
        found = read(filters, now=NOON)
        check_patterns(property_filters(found))
    except InvalidInput:
        return

    world.ask(cohort.members(found, {}, overridden=True))
