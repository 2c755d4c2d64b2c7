"""In how many periods somebody was active: the SQL against a plain count over random projects.

``INSIGHTS_EXAMPLES`` sets how many projects are tried.
"""

import os
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.exceptions import InvalidInput
from insights.filters.stickiness import StickinessPersons, read_stickiness_persons
from insights.limits import Limits
from insights.queries import stickiness
from tests.insights.crowd import (
    INTERVALS,
    Actor,
    Place,
    Seen,
    crowds,
    living,
    matching,
    period,
    places,
    ranges,
)

EXAMPLES = int(os.environ.get("INSIGHTS_EXAMPLES", "40"))
LIMITS = Limits(seconds=20, memory=10**9)
SERIES: list[dict[str, Any]] = [
    {"id": "look"},
    {"id": "look", "properties": [{"key": "colour", "value": ["red", ""]}]},
]


def ask(place: Place, series: dict[str, Any], **given: Any) -> StickinessPersons:
    parameters = {"events": [series], "entity_type": "events", "entity_order": 0, "limit": 1000, **given}
    return read_stickiness_persons(parameters, project=place.facts, now=place.now)


def active(seen: list[Seen], question: StickinessPersons, place: Place, **given: Any) -> Counter[str]:
    """The number of periods with an event, by person or group."""
    dates = question.stickiness.selection.dates
    found = {
        (
            event.group if given["by_group"] else event.actor,
            period(event.at, given["interval"], place.zone, place.week_start_day),
        )
        for event in matching(seen, dates.first, dates.last, given["series"])
    }
    return Counter(actor for actor, _ in found if actor)


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="INSIGHTS_EXAMPLES" not in os.environ,
    suppress_health_check=list(HealthCheck),
)
@given(
    crowd=crowds,
    zone=places,
    days=ranges,
    interval=st.sampled_from(INTERVALS),
    week_start_day=st.integers(0, 1),
    series=st.sampled_from(SERIES),
    by_group=st.booleans(),
)
def test_the_sql_agrees_with_a_plain_count(
    crowd: list[Actor],
    zone: str,
    days: tuple[int, int],
    interval: str,
    week_start_day: int,
    series: dict[str, Any],
    by_group: bool,
) -> None:
    place = Place(zone=zone, week_start_day=week_start_day)
    seen = place.fill(crowd)
    grouped = {"math": "unique_group", "math_group_type_index": 2} if by_group else {}
    given: dict[str, Any] = {"interval": interval, **place.dates(days, interval)}

    expected = active(
        seen, ask(place, series, stickiness_days=1, **given), place,
        interval=interval, series=series, by_group=by_group,
    )  # fmt: skip
    expected = expected if by_group else Counter({p: n for p, n in expected.items() if p in living(crowd)})

    if not ask(place, series, stickiness_days=1, **given).stickiness.bounds:
        # A day that was left out.
        assert not expected
        return
    for count in {1, max(expected.values(), default=2)}:
        question = ask(place, {**series, **grouped}, stickiness_days=count, **given)
        found = stickiness.find_actors(question, offset=0, rows=100, limits=LIMITS)
        wanted = {actor for actor, periods in expected.items() if periods == count}
        # Persons come in ClickHouse's order of ids.
        assert sorted(found) == sorted(wanted if by_group else (str(place.person_id(one)) for one in wanted))
    question = ask(place, {**series, **grouped}, stickiness_days=1, **given)
    counts = stickiness.find_counts(question.stickiness, limits=LIMITS)
    assert counts == dict(Counter(expected.values()))


@pytest.mark.parametrize(
    ("given", "attr"),
    [
        ({"stickiness_days": None}, "stickiness_days"),
        ({"stickiness_days": 0}, "stickiness_days"),
        ({"stickiness_days": -1}, "stickiness_days"),
        ({"stickiness_days": "many"}, "stickiness_days"),
        ({"stickiness_days": None, "selected_interval": 0}, "selected_interval"),
        ({"selected_interval": "many"}, "selected_interval"),
        ({"aggregation_group_type_index": 5}, "aggregation_group_type_index"),
        ({"interval": "hour", "date_from": "all", "date_to": "2026-01-01"}, "interval"),
    ],
)
def test_mistakes_are_named(given: dict[str, Any], attr: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        ask(Place(), SERIES[0], **{"stickiness_days": 1, **given})

    assert caught.value.attr == attr


def test_a_range_that_ends_before_it_begins_has_nobody() -> None:
    question = ask(Place(), SERIES[0], stickiness_days=1, date_from="2026-01-02", date_to="2026-01-01")

    assert question.is_nobody


def test_more_periods_than_there_are_have_nobody() -> None:
    given = {"date_from": "2026-01-01", "date_to": "2026-01-03"}

    assert [ask(Place(), SERIES[0], stickiness_days=days, **given).is_nobody for days in (3, 4)] == [
        False,
        True,
    ]
