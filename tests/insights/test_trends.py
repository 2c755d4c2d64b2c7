"""Numbers of trends and the actors behind them: the SQL against plain sums over random projects.

``INSIGHTS_EXAMPLES`` sets how many projects are tried.
"""

import os
from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from insights.api.trend_results import trend_result
from insights.filters.maths import WORDS
from insights.filters.trend_series import Trend, read_trends
from insights.filters.trends import TrendPersons, read_trend_persons
from insights.limits import Limits
from insights.queries import trend_series, trends
from tests.insights import trend_oracle as oracle
from tests.insights.crowd import (
    COHORT,
    INTERVALS,
    Actor,
    Place,
    Seen,
    crowds,
    living,
    matching,
    name_of,
    period,
    periods,
    places,
    ranges,
)

EXAMPLES = int(os.environ.get("INSIGHTS_EXAMPLES", "25"))
LIMITS = Limits(seconds=20, memory=10**9)
DISPLAYS = ["ActionsLineGraph", "ActionsLineGraphCumulative", "BoldNumber"]
BREAKDOWNS: list[dict[str, Any]] = [
    {},
    {"breakdown": "colour"},
    {"breakdown": '["colour", "price"]', "breakdown_limit": 2},
    {"breakdown": "plan", "breakdown_type": "person"},
    {"breakdown": f'[{COHORT}, "all"]', "breakdown_type": "cohort"},
]
FILTERS: list[list[dict[str, Any]]] = [
    [],
    [{"key": "colour", "value": ["red", ""]}],
    [{"key": "id", "value": COHORT, "type": "cohort", "operator": "in"}],
    [{"key": "id", "value": COHORT, "type": "cohort", "operator": "not_in"}],
]
LOOKED_BACK = {"weekly_active": 7, "monthly_active": 30}

random_projects = given(
    crowd=crowds,
    zone=places,
    days=ranges,
    interval=st.sampled_from(INTERVALS),
    week_start_day=st.integers(0, 1),
    math=st.sampled_from(WORDS),
    filters=st.sampled_from(FILTERS),
    breakdown=st.sampled_from(BREAKDOWNS),
    display=st.sampled_from(DISPLAYS),
)
quick = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="INSIGHTS_EXAMPLES" not in os.environ,
    suppress_health_check=list(HealthCheck),
)


def ask(place: Place, **given: Any) -> Trend:
    return read_trends(given, project=place.facts, now=place.now)[0]


def ask_persons(place: Place, **given: Any) -> TrendPersons:
    return read_trend_persons({"limit": 1000, **given}, project=place.facts, now=place.now)


def found(place: Place, question: TrendPersons, crowd: Sequence[Actor]) -> list[tuple[str, Any]]:
    """Actors by name, in the order of the answer."""
    rows = trends.find_actors(question, offset=0, rows=100, limits=LIMITS)
    by_id = {str(place.person_id(name_of(index))): name_of(index) for index in range(len(crowd))}
    return [(by_id.get(actor, actor), value) for actor, value in rows]


def points(seen: list[Seen], place: Place, **given: Any) -> list[list[Seen]]:
    """The events that each point looks at."""
    interval, math, display = given["interval"], given["math"], given["display"]
    name = (interval, place.zone, place.week_start_day)
    first, last = place.moment_of(given["date_from"]), place.last_second(given["date_to"])
    keys = periods(first, last, *name)
    events = matching(seen, place.moment(-(10**6)), last, given["series"])
    own = [[event for event in events if period(event.at, *name) == key] for key in keys]
    back = LOOKED_BACK.get(math)
    if display == "BoldNumber" or display == "ActionsLineGraphCumulative":
        until = [[event for one in own[: place_of + 1] for event in one] for place_of in range(len(keys))]
        if back is not None:
            earliest = _day(keys[0]) - timedelta(days=back)
            before = [event for event in events if earliest <= _date(event, place) < _day(keys[0])]
            until = [[*before, *point] for point in until]
        return [until[-1]] if display == "BoldNumber" else until
    if back is None:
        return own
    return [
        [event for event in events if _day(key) - timedelta(days=back) < _date(event, place) <= _day(key)]
        for key in keys
    ]


def _date(event: Seen, place: Place) -> date:
    return event.at.astimezone(ZoneInfo(place.zone)).date()


def _day(key: Any) -> date:
    """The first day of a period of days, weeks or months."""
    return key if isinstance(key, date) else date(year=key[0], month=key[1], day=1)


def values_of(event: Seen, crowd: Sequence[Actor], breakdown: dict[str, Any]) -> list[tuple[str, ...]]:
    """Of cohorts there may be several."""
    if breakdown.get("breakdown_type") == "cohort":
        return [(str(COHORT),), ("all",)] if event.by_member else [("all",)]
    return [value_of(event, crowd, breakdown)]


def value_of(event: Seen, crowd: Sequence[Actor], breakdown: dict[str, Any]) -> tuple[str, ...]:
    match breakdown.get("breakdown"):
        case None:
            return ()
        case "colour":
            return (event.texts.get("colour", ""),)
        case "plan":
            actor = crowd[int(event.actor[1:])]
            return (actor.plan if actor.is_live else "",)
    return event.texts.get("colour", ""), event.texts.get("price", "")


def most_frequent(
    events: Sequence[Seen], crowd: Sequence[Actor], breakdown: dict[str, Any], math: str
) -> Any:
    """The values that have a series of their own, in their order."""
    if not breakdown:
        return [()]
    if breakdown.get("breakdown_type") == "cohort":
        # As they were asked for.
        return [(str(COHORT),), ("all",)]
    counts = Counter(
        value_of(event, crowd, breakdown) for event in events if event.group or math != "unique_group"
    )
    ordered = sorted(counts, key=lambda value: (counts[value], value), reverse=True)
    return ordered[: breakdown.get("breakdown_limit", 25)]


@quick
@random_projects
def test_numbers_and_the_actors_behind_them_agree_with_plain_sums(
    crowd: list[Actor],
    zone: str,
    days: tuple[int, int],
    interval: str,
    week_start_day: int,
    math: str,
    filters: list[dict[str, Any]],
    breakdown: dict[str, Any],
    display: str,
) -> None:
    if math in LOOKED_BACK and interval == "hour":
        interval = "day"
    place = Place(zone=zone, week_start_day=week_start_day)
    seen = place.fill(crowd)
    live = living(crowd)
    series = oracle.series_of(math, properties=filters)
    given: dict[str, Any] = {
        "events": [{"id": "buy"}, {**series, "order": 1}], "interval": interval, "display": display,
        **place.dates(days, interval), **breakdown,
    }  # fmt: skip
    looked_at = points(seen, place, math=math, series=series, **given)
    whole = points(seen, place, math="total", series=series, **{**given, "display": "BoldNumber"})[0]

    trend = ask(place, **given)
    values = trend_series.find_values(trend, trend.series[1], limits=LIMITS).values
    numbers = trend_series.find_numbers(trend, trend.series[1], values, limits=LIMITS)

    assert values == most_frequent(whole, crowd, breakdown, math)
    busiest: list[tuple[int, str, float, list[Seen]]] = []
    for value in values:
        own = [[one for one in point if value in values_of(one, crowd, breakdown)] for point in looked_at]
        assert numbers[value] == pytest.approx([oracle.number(math, point, live) for point in own])
        result = trend_result(given, trend, 1, value, numbers[value], compared=None)
        links = [result["persons"]] if display == "BoldNumber" else result["persons_urls"]
        urls = [link["url"] for link in links]
        behind = zip(map(len, own), urls, numbers[value], own, strict=True)
        busiest = sorted([*busiest, *behind], key=lambda point: point[0])[-2:]
    for _, url, number, events in busiest:
        people = found(place, followed(place, url), crowd)
        assert dict(people) == pytest.approx(oracle.values(math, events, live))
        _check_beside(math, people, number, events, live)


def followed(place: Place, url: str) -> TrendPersons:
    """The question that a link asks."""
    parts = urlsplit(url)
    assert parts.path == f"api/projects/{place.project_id}/persons/trends/"
    return ask_persons(place, **dict(parse_qsl(parts.query, keep_blank_values=True)))


def _check_beside(
    math: str, behind: list[tuple[str, Any]], number: float, events: Sequence[Seen], live: set[str]
) -> None:
    """The list is as long as the number beside it, or adds up to it where all events are of somebody who exists."""
    if math in ("dau", "unique_group", *LOOKED_BACK):
        assert len(behind) == number
    elif math in ("total", "sum") and all(event.actor in live for event in events):
        assert sum(value or 0 for _, value in behind) == number


@quick
@given(
    crowd=crowds, math=st.sampled_from(["total", "dau", "sum", "max", "unique_group"]), size=st.integers(1, 3)
)
def test_pages_fit_together_in_the_order_of_the_contract(crowd: list[Actor], math: str, size: int) -> None:
    place = Place()
    seen = place.fill(crowd)
    series = oracle.series_of(math)
    dates = {"date_from": "2025-12-01", "date_to": "2026-02-28"}
    given: dict[str, Any] = {"events": [series], "entity_type": "events", "entity_order": 0, **dates}

    expected = oracle.values(math, seen_looks(seen), living(crowd))
    question = ask_persons(place, **given)
    pages = [
        trends.find_actors(question, offset=offset, rows=size, limits=LIMITS)
        for offset in range(0, len(expected) + 1, size)
    ]

    rank = {
        str(place.person_id(name_of(index))): (-actor.created, str(place.person_id(name_of(index))))
        for index, actor in enumerate(crowd)
    }
    by_id = {
        actor if actor in ("acme", "umbrella") else str(place.person_id(actor)): value
        for actor, value in expected.items()
    }
    ordered = sorted(
        by_id.items(), key=lambda row: (row[1] is None, -(row[1] or 0), rank.get(row[0], row[0]))
    )
    assert [row for page in pages for row in page] == ordered


def seen_looks(seen: Sequence[Seen]) -> list[Seen]:
    return [event for event in seen if event.name == "look"]
