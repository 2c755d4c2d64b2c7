"""Random funnels with breakdowns: the numbers of steps, trends and times against the contract, taken literally.

``INSIGHTS_EXAMPLES`` sets how many funnels of each kind are tried; each has up to 20 actors. What happens is hours
apart.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil, floor
from statistics import mean, median
from typing import Any

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from core.exceptions import InvalidInput
from insights.filters.funnel_result import FunnelResult
from insights.limits import Limits
from insights.queries.funnel import find_persons
from insights.queries.funnel_steps import find_steps
from insights.queries.funnel_times import find_times
from insights.queries.funnel_trends import find_trends
from tests.insights import oracle
from tests.insights.crowds import Actor, Happening, crowds, exclusions, insert, seen, series
from tests.insights.world import World

EXAMPLES = int(os.environ.get("INSIGHTS_EXAMPLES", "8"))
HOUR = 3600
LIMITS = Limits(seconds=30, memory=10**9)
OTHER = ("Other",)

Value = tuple[str, ...]


@dataclass(frozen=True)
class Breakdown:
    keys: list[str]
    limit: int
    touch: str
    step: int


#: Every second actor is in the cohort.
COHORT = 7
BY_COHORT = Breakdown([str(COHORT), "all"], 2, "members", 0)
breakdowns = st.one_of(
    st.none(),
    st.just(BY_COHORT),
    st.builds(
        Breakdown,
        st.sampled_from([["x"], ["x", "y"]]),
        st.integers(1, 4),
        st.sampled_from(["first_touch", "last_touch", "all_events", "step"]),
        st.integers(0, 4),
    ),
)


@dataclass(frozen=True)
class Case:
    """A funnel in a world, and the attempts of each living actor by value (null without a breakdown)."""

    world: World
    question: FunnelResult
    asked: dict[str, Any]
    attempts: dict[Value | None, dict[str, list[tuple[float, ...]]]]

    def best(self) -> Iterator[tuple[Value | None, str, tuple[float, ...]]]:
        for value, actors in self.attempts.items():
            for actor, attempts in actors.items():
                if attempts:
                    yield value, actor, oracle.best_of(attempts)


@st.composite
def cases(draw: st.DrawFn, order: str, *, broken_down: bool = True) -> Case:
    happened, excluded, breakdown = (
        draw(series),
        draw(exclusions),
        draw(breakdowns if broken_down else st.none()),
    )
    crowd = [
        replace(actor, happenings=[replace(one, at=one.at * HOUR) for one in actor.happenings])
        for actor in draw(crowds)
    ]
    window = draw(st.integers(1, 7))
    # From 0 on; 0 as the last step means that of the funnel.
    to_step = draw(st.integers(0, len(happened) - 1))
    from_step = draw(st.integers(0, max((to_step or len(happened) - 1) - 1, 0)))
    if breakdown is not None:
        last = len(happened) - 1 if order != "unordered" else 0
        breakdown = replace(breakdown, step=min(breakdown.step, last))
    world = World(cohorts={COHORT: "every second"})
    asked: dict[str, Any] = {
        "events": [{**step, "order": place} for place, step in enumerate(happened)],
        "exclusions": excluded,
        "funnel_order_type": order,
        "funnel_window_interval": window,
        "funnel_window_interval_unit": "hour",
        "date_from": "2026-01-10T00:00",
        "date_to": "2026-01-10T23:59:59",
        "interval": "hour",
        "funnel_from_step": from_step,
        "funnel_to_step": to_step,
        "funnel_viz_type": "trends",
    }
    if breakdown == BY_COHORT:
        asked |= {"breakdown": [COHORT, "all"], "breakdown_type": "cohort"}
    elif breakdown is not None:
        asked |= {
            "breakdown": breakdown.keys,
            "breakdown_limit": breakdown.limit,
            "breakdown_attribution_type": breakdown.touch,
            "breakdown_attribution_value": breakdown.step,
        }
    try:
        question = world.result_question(**asked)
    except InvalidInput as error:
        if not str(error.attr).startswith("exclusions["):
            raise
        reject()
    insert(world, crowd)
    world.join(COHORT, *(f"p{index}" for index in range(0, len(crowd), 2)))
    funnel = oracle.Funnel(
        order,
        len(happened),
        window * HOUR,
        [oracle.Exclusion(one["funnel_from_step"], one["funnel_to_step"]) for one in excluded]
        if order != "strict"
        else [],
    )
    return Case(world, question, asked, _attempts(crowd, funnel, happened, excluded, breakdown))


def _attempts(
    crowd: Sequence[Actor], funnel: oracle.Funnel, series: Any, excluded: Any, breakdown: Breakdown | None
) -> dict[Value | None, dict[str, list[tuple[float, ...]]]]:
    found: dict[Value | None, dict[str, list[tuple[float, ...]]]] = defaultdict(dict)
    kept = _kept(crowd, series, breakdown) if breakdown else set()
    for index, actor in enumerate(crowd):
        if not actor.is_live:
            continue
        events = seen(actor.happenings, series, excluded)
        if breakdown == BY_COHORT:
            found["all",][f"p{index}"] = oracle.attempts(events, funnel)
            if index % 2 == 0:
                found[str(COHORT),][f"p{index}"] = oracle.attempts(events, funnel)
            continue
        if breakdown is None:
            found[None][f"p{index}"] = oracle.attempts(events, funnel)
            continue
        values = [
            value if value in kept else OTHER
            for value in (_value(one, breakdown) for one in actor.happenings)
        ]
        for value, attempts in _by_value(events, values, funnel, breakdown, actor, kept).items():
            found[value][f"p{index}"] = attempts
    return found


def _value(item: Happening, breakdown: Breakdown) -> Value:
    return tuple(item.texts.get(key, "") for key in breakdown.keys)


def _kept(crowd: Sequence[Actor], series: Any, breakdown: Breakdown) -> set[Value]:
    counts = Counter(
        _value(item, breakdown)
        for actor in crowd
        for item, event in zip(actor.happenings, seen(actor.happenings, series), strict=True)
        if event.steps
    )
    ranked = sorted(counts, key=lambda value: (counts[value], value), reverse=True)
    return set(ranked[: breakdown.limit])


def _by_value(
    events: list[oracle.Seen],
    values: list[Value],
    funnel: oracle.Funnel,
    breakdown: Breakdown,
    actor: Actor,
    kept: set[Value],
) -> dict[Value, list[tuple[float, ...]]]:
    everything = oracle.attempts(events, funnel)
    if breakdown.touch == "all_events":
        return {
            value: oracle.attempts(
                [event for event, of_event in zip(events, values, strict=True) if of_event == value], funnel
            )
            for value in set(values)
        }
    if breakdown.touch == "step" and funnel.order == "unordered":
        starts = {
            value: {
                event.at
                for event, of_event in zip(events, values, strict=True)
                if event.steps and of_event == value
            }
            for value in set(values)
        }
        return {
            value: [times for times in everything if times[0] in at] for value, at in starts.items() if at
        }
    if breakdown.touch == "step":
        return {
            value: everything
            for event, value in zip(events, values, strict=True)
            if breakdown.step in event.steps
        }
    touched = sorted(
        (event.at, place)
        for place, event in enumerate(events)
        if event.steps and any(_value(actor.happenings[place], breakdown))
    )
    if touched:
        _, place = touched[0] if breakdown.touch == "first_touch" else touched[-1]
        return {values[place]: everything}
    nothing = ("",) * len(breakdown.keys)
    return {nothing if nothing in kept else OTHER: everything}


def tried(test: Any) -> Any:
    """The test with each order and random cases."""
    test = settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize="INSIGHTS_EXAMPLES" not in os.environ,
        suppress_health_check=list(HealthCheck),
    )(given(data=st.data())(test))
    return pytest.mark.parametrize("order", ["ordered", "strict", "unordered"])(test)


@tried
def test_steps(order: str, data: st.DataObject) -> None:
    case = data.draw(cases(order))
    expected: dict[Value | None, list[tuple[float, ...]]] = defaultdict(list)
    for value, _, best in case.best():
        expected[value].append(best)

    found = find_steps(case.question.funnel, limits=LIMITS)

    assert {one.value: one.counts for one in found if one.counts[0]} == {
        value: [sum(len(best) > step for best in bests) for step in range(len(case.question.funnel.steps))]
        for value, bests in expected.items()
    }
    for one in found:
        for step in range(1, len(one.counts)):
            spans = [best[step] - best[step - 1] for best in expected[one.value] if len(best) > step]
            assert one.averages[step] == (pytest.approx(mean(spans)) if spans else None)
            assert one.medians[step] == (median(spans) if spans else None)


@tried
def test_trends(order: str, data: st.DataObject) -> None:
    case = data.draw(cases(order))
    first, last = case.question.from_step, case.question.to_step
    expected: dict[Value | None, list[tuple[int, int]]] = {}
    for value, actors in case.attempts.items():
        periods = [[0, 0] for _ in range(24)]
        for attempts in actors.values():
            best: dict[int, int] = defaultdict(int)
            for times in attempts:
                hour = 12 + floor(times[0] / HOUR)
                best[hour] = max(best[hour], len(times))
            for hour, reached in best.items():
                periods[hour][0] += reached > first
                periods[hour][1] += reached > last
        if any(entered for entered, _ in periods):
            expected[value] = [(entered, through) for entered, through in periods]

    trends = find_trends(case.question, limits=LIMITS)

    found = {
        trend.value: list(zip(trend.reached_from, trend.reached_to, strict=True))
        for trend in trends
        if any(trend.reached_from)
    }
    assert found == expected
    for trend in trends[:1]:
        _check_persons_of_trend(case, trend.value, expected)


def _check_persons_of_trend(case: Case, value: Value | None, expected: Any) -> None:
    """The persons of the first period with somebody are as many as the trend says."""
    hour = next((hour for hour, (entered, _) in enumerate(expected.get(value, [])) if entered), 12)
    entered, through = expected[value][hour] if value in expected else (0, 0)
    for drop_off, count in ((False, through), (True, entered - through)):
        question = case.world.question(
            **case.asked,
            drop_off=drop_off,
            entrance_period_start=f"2026-01-10 {hour:02}:00:00",
            **({} if value is None else {"funnel_step_breakdown": list(value)}),
        )
        if question.is_nobody:
            assert count == 0
        else:
            assert len(find_persons(question, offset=0, rows=100, limits=LIMITS)) == count


@tried
def test_times(order: str, data: st.DataObject) -> None:
    case = data.draw(cases(order, broken_down=False))
    first, last = case.question.from_step, case.question.to_step
    taken = [best[last] - best[first] for _, _, best in case.best() if len(best) > last]

    found = find_times(case.question, limits=LIMITS)

    if not taken:
        assert (found.bins, found.average) == ([], None)
        return
    count = next(n for n in range(1, 61) if n**3 >= len(taken))
    width = ceil((max(taken) - min(taken)) / count) or 60
    expected = Counter(floor((one - min(taken)) / width) for one in taken)
    assert found.bins == [(min(taken) + place * width, expected[place]) for place in range(count + 1)]
    assert found.average == pytest.approx(mean(taken))
