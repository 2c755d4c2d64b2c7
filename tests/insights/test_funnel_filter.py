"""What a funnel request says: window, steps wanted, and what is refused."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.exceptions import InvalidInput
from core.filters.properties import filters_of
from insights.filters.funnel import MOST_STEPS, FunnelPersons, read_funnel_persons
from insights.filters.project import ProjectFacts

TREND = {"funnel_viz_type": "trends", "drop_off": True, "entrance_period_start": "2025-12-30"}
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
        ({"funnel_viz_type": "trends"}, "drop_off"),
        ({"display": "ActionsLineGraph"}, "drop_off"),
        ({"funnel_viz_type": "trends", "drop_off": True}, "entrance_period_start"),
        (
            {"funnel_viz_type": "trends", "drop_off": True, "entrance_period_start": "soon"},
            "entrance_period_start",
        ),
        ({"exclusions": [{"id": "x"}]}, "exclusions[0]"),
        ({"exclusions": [{"id": "x", "type": "actions"}]}, "exclusions[0]"),
        ({"exclusions": [{"id": "x", "funnel_from_step": 0, "funnel_to_step": 1}] * 11}, "exclusions"),
        ({"exclusions": [{"id": "b", "funnel_from_step": 0, "funnel_to_step": 1}]}, "exclusions[0]"),
        (
            {
                "funnel_order_type": "unordered",
                "events": [
                    {"id": "a", "properties": [{"key": "k", "operator": "icontains", "value": str(n)}]}
                    for n in range(6)
                ],
            },
            "events",
        ),
        ({"funnel_step_breakdown": "Chrome"}, "funnel_step_breakdown"),
        ({"breakdown": "$browser", "funnel_step_breakdown": ["a", "b"]}, "funnel_step_breakdown"),
        ({"breakdowns": [{"property": "a", "type": "person"}, {"property": "b"}]}, "breakdowns"),
        ({"breakdown": [1], "breakdown_type": "cohort"}, "breakdown"),
        ({"breakdown": ["some"], "breakdown_type": "cohort"}, "breakdown"),
        (
            {"breakdown": ["all"], "breakdown_type": "cohort", "funnel_step_breakdown": 1},
            "funnel_step_breakdown",
        ),
        ({"breakdowns": [{"property": "a", "type": ["person"]}]}, "breakdowns"),
        # Where they change nothing.
        ({"breakdown_limit": 1001}, "breakdown_limit"),
        ({"breakdown_limit": "-1"}, "breakdown_limit"),
        ({"breakdown_limit": "many"}, "breakdown_limit"),
        ({"breakdown_limit": [], "breakdown": ["all"], "breakdown_type": "cohort"}, "breakdown_limit"),
        ({"breakdown_group_type_index": 5}, "breakdown_group_type_index"),
        ({"breakdown_group_type_index": "first"}, "breakdown_group_type_index"),
        ({"breakdown_group_type_index": True, "breakdown": "a"}, "breakdown_group_type_index"),
        ({"breakdown_type": "hogql"}, "breakdown_type"),
        ({"breakdown_type": {}}, "breakdown_type"),
        ({"breakdown": "a", "breakdowns": "[1]"}, "breakdowns"),
        ({"breakdown_attribution_type": "middle"}, "breakdown_attribution_type"),
        ({"breakdown_attribution_value": "first"}, "breakdown_attribution_value"),
        ({"breakdown_attribution_value": -1}, "breakdown_attribution_value"),
        ({"breakdown_attribution_value": 3}, "breakdown_attribution_value"),
        ({"funnel_custom_steps": [1], "funnel_step": "first"}, "funnel_step"),
        ({"funnel_from_step": -1}, "funnel_from_step"),
        ({"funnel_from_step": -1, "events": []}, "funnel_from_step"),
        ({"funnel_from_step": "x"}, "funnel_from_step"),
        ({"funnel_to_step": 3}, "funnel_to_step"),
        ({"funnel_to_step": -1, "events": []}, "funnel_to_step"),
        ({"entrance_period_start": "soon"}, "entrance_period_start"),
        (
            {"exclusions": [{"id": "x", "funnel_from_step": 1, "funnel_to_step": 1}], "events": []},
            "exclusions[0]",
        ),
        (
            {"exclusions": [{"id": "x", "funnel_from_step": -1, "funnel_to_step": 1}], "events": []},
            "exclusions[0]",
        ),
        ({"display": ["ActionsLineGraph"]}, "display"),
        ({**TREND, "funnel_step": "first"}, "funnel_step"),
        ({**TREND, "funnel_custom_steps": ["first"]}, "funnel_custom_steps"),
        # Not built.
        ({"funnel_aggregate_by_hogql": "properties.$session_id"}, "funnel_aggregate_by_hogql"),
        ({"actions": [{"id": 1}]}, "actions"),
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
        breakdown_limit=0,
        breakdown_group_type_index="4",
        breakdown_attribution_value="2",
        entrance_period_start="2026-01-01",
        funnel_from_step=1,
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


def test_an_exclusion_may_be_a_part_of_a_step() -> None:
    filtered = {
        "id": "b",
        "properties": [{"key": "k", "value": "x"}],
        "funnel_from_step": 0,
        "funnel_to_step": 1,
    }

    (exclusion,) = read(funnel_step=1, exclusions=[filtered]).funnel.exclusions

    assert (exclusion.entity.id, exclusion.from_step, exclusion.to_step) == ("b", 0, 1)


def test_a_strict_funnel_has_no_exclusions() -> None:
    exclusion = {"id": "x", "funnel_from_step": 0, "funnel_to_step": 1}

    assert read(funnel_step=1, funnel_order_type="strict", exclusions=[exclusion]).funnel.exclusions == ()


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ({"funnel_step_breakdown": ""}, None),
        ({"breakdown": "x", "funnel_step_breakdown": "null"}, ("null",)),
        ({"breakdown": "x", "funnel_step_breakdown": [None]}, ("null",)),
        (
            {"breakdown": "x", "funnel_step_breakdown": "12345678901234567890123"},
            ("12345678901234567890123",),
        ),
        ({"breakdown": "x", "funnel_step_breakdown": "1.50"}, ("1.5",)),
        ({"breakdown": ["x", "y"], "funnel_step_breakdown": ""}, ("", "")),
    ],
)
def test_the_value_of_a_breakdown(given: dict[str, Any], value: tuple[str, ...] | None) -> None:
    assert read(funnel_step=1, **given).value == value


@pytest.mark.parametrize(
    ("given", "reached"),
    [
        ({"drop_off": True, "funnel_from_step": 1, "funnel_to_step": 1}, ()),
        ({"drop_off": False}, (3,)),
        ({"drop_off": True}, (1, 2)),
        ({"drop_off": "true", "funnel_from_step": 1}, (2,)),
        ({"drop_off": "false", "funnel_from_step": 0, "funnel_to_step": 1}, (2, 3)),
        ({"drop_off": True, "funnel_step": -3}, (1, 2)),
    ],
)
def test_steps_of_persons_of_a_trend(given: dict[str, Any], reached: tuple[int, ...]) -> None:
    question = read(funnel_viz_type="trends", entrance_period_start="2025-12-30", **given)

    assert question.reached == reached
    assert question.entrance is not None
    assert (question.entrance.first.day, question.entrance.end.day) == (30, 31)
