"""Who is new, returning, resurrecting or dormant: the SQL against the table of the contract over random projects.

``INSIGHTS_EXAMPLES`` sets how many projects are tried.
"""

import os
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.exceptions import InvalidInput, RequestError
from insights.filters.lifecycle import LifecyclePersons, MissingParameter, State, read_lifecycle_persons
from insights.limits import Limits
from insights.queries import lifecycle
from tests.insights.crowd import (
    INTERVALS,
    QUARTER,
    Actor,
    Place,
    Seen,
    crowds,
    matching,
    name_of,
    period,
    periods,
    places,
    ranges,
)

EXAMPLES = int(os.environ.get("INSIGHTS_EXAMPLES", "30"))
LIMITS = Limits(seconds=20, memory=10**9)
MONDAY = 1
SERIES = {"id": "look"}


def ask(place: Place, **given: Any) -> LifecyclePersons:
    parameters = {"events": [SERIES], "limit": 1000, "lifecycle_type": "new", **given}
    return read_lifecycle_persons(parameters, project=place.facts, now=place.now)


def states(
    seen: list[Seen], crowd: list[Actor], place: Place, **given: Any
) -> dict[Any, list[tuple[str, State]]]:
    """Who is in which state, for each period of the range and by the period's name."""
    interval: str = given.pop("interval")
    name = (interval, place.zone, MONDAY)
    first, last = place.moment_of(given["date_from"]), place.last_second(given["date_to"])
    wanted = periods(first, last, *name)
    before = _before(first, name)
    found: dict[Any, list[tuple[str, State]]] = {one: [] for one in wanted}
    for index, actor in enumerate(crowd):
        if not actor.is_live:
            continue
        person = name_of(index)
        everything = matching(seen, place.moment(-(10**6)), place.moment(10**6), SERIES)
        active = {period(event.at, *name) for event in everything if event.actor == person}
        looked_at = [one for one in [before, *wanted] if one in active]
        created = period(place.moment(actor.created), *name)
        for earlier, one in zip([before, *wanted], wanted, strict=False):
            if one in active:
                if earlier in active:
                    state = State.RETURNING
                elif one == looked_at[0] and one == created:
                    state = State.NEW
                else:
                    state = State.RESURRECTING
            elif earlier in active:
                state = State.DORMANT
            else:
                continue
            found[one].append((person, state))
    return found


def _before(first: Any, name: Any) -> Any:
    """The period before the one of ``first``."""
    own, at = period(first, *name), first
    while period(at, *name) == own:
        at -= QUARTER
    return period(at, *name)


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
    choice=st.randoms(use_true_random=False),
)
def test_the_sql_agrees_with_the_contract(
    crowd: list[Actor], zone: str, days: tuple[int, int], interval: str, week_start_day: int, choice: Any
) -> None:
    place = Place(zone=zone, week_start_day=week_start_day)
    seen = place.fill(crowd)
    given: dict[str, Any] = {"interval": interval, **place.dates(days, interval)}

    expected = states(seen, crowd, place, **given)
    question = ask(place, target_date=given["date_from"], **given).lifecycle
    assert question is not None
    if not expected:
        assert not question.bounds
        return
    counts = lifecycle.find_counts(question, limits=LIMITS)

    assert len(expected) == len(question.bounds) - 2
    numbers = {one: place_of for place_of, one in enumerate(expected, start=1)}
    assert counts == Counter(
        (state, numbers[one]) for one, members in expected.items() for _, state in members
    )
    for one in choice.sample(list(expected), k=1):
        for state in choice.sample(list(State), k=2):
            start = question.bounds[numbers[one]]
            within = ask(place, target_date=start.isoformat(), **{**given, "lifecycle_type": state})
            found = lifecycle.find_persons(within, offset=0, rows=100, limits=LIMITS)
            assert Counter(found) == Counter(
                str(place.person_id(person)) for person, its in expected[one] if its == state
            )


@pytest.mark.parametrize(
    ("given", "attr", "error"),
    [
        ({"target_date": None}, "target_date", MissingParameter),
        ({"lifecycle_type": None}, "lifecycle_type", MissingParameter),
        ({"lifecycle_type": "lost"}, "lifecycle_type", InvalidInput),
        ({"target_date": "soon"}, "target_date", InvalidInput),
        ({"events": "["}, "events", InvalidInput),
    ],
)
def test_mistakes_are_named(given: dict[str, Any], attr: str, error: type[RequestError]) -> None:
    with pytest.raises(error) as caught:
        ask(Place(), **{"target_date": "2026-01-01", **given})

    assert caught.value.attr == attr


@pytest.mark.parametrize(
    "given",
    [
        {"target_date": "2025-12-31"},
        {"target_date": "2026-01-04"},
        {"target_date": "2026-01-02", "events": []},
        {"target_date": "2026-01-02", "date_to": "2025-12-01"},
    ],
)
def test_outside_of_the_range_and_without_a_series_there_is_nobody(given: dict[str, Any]) -> None:
    dates = {"date_from": "2026-01-01", "date_to": "2026-01-03"}

    assert ask(Place(), **{**dates, **given}).is_nobody
    assert not ask(Place(), **dates, target_date="2026-01-03T23:59").is_nobody
