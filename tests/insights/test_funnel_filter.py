"""What a funnel request says: window, steps wanted, and what is refused."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.exceptions import InvalidInput
from core.filters.properties import filters_of
from insights.filters.funnel import MOST_STEPS, FunnelPersons, read_funnel_persons
from insights.filters.project import ProjectFacts

STEPS = [{"id": "a"}, {"id": "b", "order": 1}, {"id": "c", "order": 2}]


def read(**given: Any) -> FunnelPersons:
    project = ProjectFacts(
        1,
        test_account_filters=[
            {"key": "email", "value": "@us", "operator": "not_icontains", "type": "person"}
        ],
    )
    return read_funnel_persons(
        {"events": STEPS, **given}, project=project, now=datetime(2026, 1, 1, tzinfo=UTC)
    )


@pytest.mark.parametrize(
    ("given", "reached"),
    [
        ({"funnel_step": 1}, (1, 2, 3)),
        ({"funnel_step": 0}, (1, 2, 3)),
        ({"funnel_step": "2"}, (2, 3)),
        ({"funnel_step": 3}, (3,)),
        ({"funnel_step": 4}, ()),
        ({"funnel_step": -2}, (1,)),
        ({"funnel_step": -3}, (2,)),
        ({"funnel_step": "-4"}, (3,)),
        ({"funnel_step": -5}, ()),
        ({"funnel_custom_steps": [3, 1, 3]}, (1, 3)),
        ({"funnel_custom_steps": "[1, 3]"}, (1, 3)),
        ({"funnel_custom_steps": ["2"], "funnel_step": -1}, (2,)),
        ({"funnel_custom_steps": [0, 7, -1]}, ()),
        ({"funnel_custom_steps": [], "funnel_step": 3}, (3,)),
    ],
)
def test_which_numbers_of_steps_are_wanted(given: dict[str, Any], reached: tuple[int, ...]) -> None:
    assert read(**given).reached == reached


@pytest.mark.parametrize(
    ("given", "window"),
    [
        ({}, timedelta(days=14)),
        ({"funnel_window_interval": 0}, timedelta(days=14)),
        ({"funnel_window_interval": 3}, timedelta(days=3)),
        ({"funnel_window_interval": "90", "funnel_window_interval_unit": "second"}, timedelta(seconds=90)),
        ({"funnel_window_interval": 90, "funnel_window_interval_unit": "Minute"}, timedelta(minutes=90)),
        ({"funnel_window_interval": 2, "funnel_window_interval_unit": "HOUR"}, timedelta(hours=2)),
        ({"funnel_window_interval": 2, "funnel_window_interval_unit": "week"}, timedelta(days=14)),
        ({"funnel_window_interval": 2, "funnel_window_interval_unit": "month"}, timedelta(days=62)),
        ({"funnel_window_interval_unit": "hour"}, timedelta(hours=14)),
        (
            {"funnel_window_days": 5, "funnel_window_interval": 2, "funnel_window_interval_unit": "week"},
            timedelta(days=5),
        ),
        ({"funnel_window_days": 0, "funnel_window_interval": 2}, timedelta(days=2)),
        ({"funnel_window_days": -3}, timedelta(days=14)),
    ],
)
def test_windows(given: dict[str, Any], window: timedelta) -> None:
    assert read(funnel_step=1, **given).funnel.window == window


def test_a_window_longer_than_time_is_as_long_as_time() -> None:
    longest = read(
        funnel_step=1, funnel_window_interval=10**17, funnel_window_interval_unit="month"
    ).funnel.window

    assert timedelta(days=365 * 399) < longest < timedelta(days=365 * 402)


def test_without_steps_there_is_nobody() -> None:
    assert read(funnel_step=1, events=[]).is_nobody
    assert read(funnel_step=4).is_nobody
    assert not read(funnel_step=3).is_nobody


def test_test_accounts_are_kept_out_when_asked_for() -> None:
    plain = read(funnel_step=1, properties=[{"key": "x", "value": 1}]).funnel.properties
    filtered = read(
        funnel_step=1, properties=[{"key": "x", "value": 1}], filter_test_accounts="true"
    ).funnel.properties

    assert [item.key for item in filters_of(plain)] == ["x"]
    assert [item.key for item in filters_of(filtered)] == ["x", "email"]


@pytest.mark.parametrize(
    ("given", "attr"),
    [
        ({"funnel_step": None}, "funnel_step"),
        ({"funnel_step": -1}, "funnel_step"),
        ({"funnel_step": "first"}, "funnel_step"),
        ({"funnel_custom_steps": ["first"]}, "funnel_custom_steps"),
        ({"funnel_custom_steps": "[1"}, "funnel_custom_steps"),
        ({"funnel_window_interval": "two"}, "funnel_window_interval"),
        ({"funnel_window_interval": -2}, "funnel_window_interval"),
        ({"funnel_window_interval_unit": "decade"}, "funnel_window_interval_unit"),
        ({"funnel_window_days": "x"}, "funnel_window_days"),
        ({"funnel_order_type": "sideways"}, "funnel_order_type"),
        ({"funnel_viz_type": "pie"}, "funnel_viz_type"),
        ({"aggregation_group_type_index": 5}, "aggregation_group_type_index"),
        ({"aggregation_group_type_index": -1}, "aggregation_group_type_index"),
        ({"aggregation_group_type_index": "x"}, "aggregation_group_type_index"),
        ({"properties": [{"key": "plan", "value": "x", "type": "group"}]}, "properties[0]"),
        (
            {"properties": [{"key": "plan", "value": "x", "type": "group", "group_type_index": 5}]},
            "properties[0]",
        ),
        ({"sampling_factor": 0}, "sampling_factor"),
        ({"sampling_factor": "1.5"}, "sampling_factor"),
        ({"sampling_factor": True}, "sampling_factor"),
        ({"interval": "year"}, "interval"),
        ({"limit": 1001}, "limit"),
        ({"events": [{"id": f"step {index}"} for index in range(MOST_STEPS + 1)]}, "events"),
        ({"events": [{"id": "a"}] * 11}, "events"),
        ({"events": "a"}, "events"),
        ({"search": ["a"]}, "search"),
        # Not built yet.
        ({"funnel_order_type": "strict"}, "funnel_order_type"),
        ({"funnel_order_type": "unordered"}, "funnel_order_type"),
        ({"funnel_viz_type": "trends"}, "funnel_viz_type"),
        ({"funnel_viz_type": "time_to_convert"}, "funnel_viz_type"),
        ({"display": "ActionsLineGraph"}, "funnel_viz_type"),
        ({"exclusions": [{"id": "x"}]}, "exclusions"),
        ({"breakdown": "$browser"}, "breakdown"),
        ({"breakdowns": '[{"property": "$browser"}]'}, "breakdowns"),
        ({"funnel_step_breakdown": "Chrome"}, "funnel_step_breakdown"),
        ({"funnel_aggregate_by_hogql": "properties.$session_id"}, "funnel_aggregate_by_hogql"),
        ({"actions": [{"id": 1}]}, "actions"),
        ({"properties": [{"key": "id", "value": 1, "type": "cohort"}]}, "properties[0]"),
    ],
)
def test_mistakes_and_what_is_not_built_are_named(given: dict[str, Any], attr: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read(**{"funnel_step": 1, **given})

    assert caught.value.attr == attr


def test_what_changes_nothing_is_taken() -> None:
    read(
        funnel_step=1,
        exclusions=[],
        breakdown=[],
        breakdowns="[]",
        funnel_viz_type="STEPS",
        display="ActionsLineGraph",
        funnel_order_type="Ordered",
        breakdown_attribution_type="first_touch",
        funnel_aggregate_by_hogql="person_id",
        sampling_factor="0.1",
        insight="TRENDS",
        new_entity="[]",
        include_recordings="true",
        drop_off="false",
    )
