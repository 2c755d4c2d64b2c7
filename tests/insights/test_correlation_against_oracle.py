"""Random funnels over random events: correlations against the contract, taken literally, and the actors behind every
number.

``INSIGHTS_EXAMPLES`` sets how many of each kind are tried; each has up to 20 actors, persons or groups.
"""

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from core.clickhouse.escape import property_key, property_path
from core.exceptions import InvalidInput
from insights.api.correlation_results import correlation_result
from insights.filters.correlation import read_correlation, read_correlation_actors
from insights.filters.project import ProjectFacts
from insights.limits import Limits
from insights.queries.correlation import find_correlation
from insights.queries.correlation_actors import find_actors
from tests.insights import oracle
from tests.insights.crowds import Happening, exclusions, filters, seen, series
from tests.insights.world import NOON, World

EXAMPLES = int(os.environ.get("INSIGHTS_EXAMPLES", "8"))
LIMITS = Limits(seconds=30, memory=10**9)
#: Groups are of this type.
TYPE = 1
#: The last second of the range, after ``NOON``.
LAST = 6

#: Names with what separates the parts of a row's name, and with what paths escape.
KEYS = ["x", "y", "x!", "a::b.c"]
VALUES = ["1", "2", "", "::"]
texts = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES), max_size=3)


@dataclass(frozen=True)
class Actor:
    """``own`` are properties of its own; a group of which nobody has told has none, as ``is_known`` says. A person is
    there only if it ``is_known``.
    """

    happenings: list[Happening]
    is_known: bool
    own: dict[str, str]


happenings = st.builds(
    Happening,
    st.sampled_from(["A", "A", "B", "B", "C", "X", "Y", "Z"]),
    st.integers(0, 14).map(lambda number: number / 2),
    texts,
    st.booleans(),
)
actors = st.builds(Actor, st.lists(happenings, min_size=1, max_size=9), st.integers(0, 7).map(bool), texts)
asked_of = st.one_of(
    st.builds(
        lambda left_out: {
            "funnel_correlation_type": "events",
            "funnel_correlation_exclude_event_names": left_out,
        },
        st.lists(st.sampled_from(["X", "nothing"]), max_size=1),
    ),
    st.builds(
        lambda names, left_out: {
            "funnel_correlation_type": "event_with_properties",
            "funnel_correlation_event_names": names,
            "funnel_correlation_event_exclude_property_names": left_out,
        },
        st.lists(st.sampled_from(["A", "X", "Y", "Z"]), min_size=1, max_size=3),
        st.lists(st.sampled_from(KEYS), max_size=1),
    ),
    st.builds(
        lambda names, left_out: {
            "funnel_correlation_type": "properties",
            "funnel_correlation_names": names,
            "funnel_correlation_exclude_names": left_out,
        },
        st.one_of(st.just(["$all"]), st.lists(st.sampled_from([*KEYS, "none"]), min_size=1, max_size=3)),
        st.lists(st.sampled_from(KEYS), max_size=1),
    ),
)

#: What actors have: an event, a property by its path and value, or both.
What = tuple[str, str, str]


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="INSIGHTS_EXAMPLES" not in os.environ,
    suppress_health_check=list(HealthCheck),
)
@pytest.mark.parametrize("order", ["ordered", "strict", "unordered"])
@pytest.mark.parametrize("by_group", [False, True], ids=["persons", "groups"])
@given(
    series=series,
    excluded=exclusions,
    of_all=st.lists(filters, max_size=1),
    crowd=st.lists(actors, min_size=12, max_size=20),
    window=st.integers(1, 7),
    entered=st.integers(1, 2),
    asked_of=asked_of,
)
def test_rows_and_links(
    by_group: bool,
    order: str,
    series: list[dict[str, Any]],
    excluded: list[dict[str, Any]],
    of_all: list[dict[str, Any]],
    crowd: list[Actor],
    window: int,
    entered: int,
    asked_of: dict[str, Any],
) -> None:
    world = World()
    asked = {
        "events": [{**step, "order": place} for place, step in enumerate(series)],
        "exclusions": excluded,
        "properties": of_all,
        "funnel_order_type": order,
        "funnel_window_interval": window,
        "funnel_window_interval_unit": "second",
        "funnel_step": entered,
        "date_from": "2026-01-10T12:00:00Z",
        "date_to": f"2026-01-10T12:00:0{LAST}Z",
        "explicit_date": True,
        **asked_of,
        **({"aggregation_group_type_index": TYPE} if by_group else {}),
    }
    project = ProjectFacts(world.project_id)
    try:
        question = read_correlation(asked, project=project, now=NOON)
    except InvalidInput as error:
        if not str(error.attr).startswith("exclusions["):
            raise
        reject()
    _insert(world, crowd, by_group=by_group)
    funnel = oracle.Funnel(
        order,
        len(series),
        window,
        [oracle.Exclusion(one["funnel_from_step"], one["funnel_to_step"]) for one in excluded]
        if order != "strict"
        else [],
    )
    expected = _expected(crowd, funnel, series, excluded, of_all, entered, asked_of, by_group=by_group)

    table: dict[str, Any] = (
        {"successes": 0, "failures": 0, "rows": []}
        if question.entered.is_nobody
        else asdict(find_correlation(question, limits=LIMITS))
    )

    assert (table["successes"], table["failures"]) == (len(expected.successes), len(expected.failures))
    rows = table["rows"]
    assert [((row["event"], row["property"], row["value"]), row["odds"]) for row in rows] == [
        (what, pytest.approx(odds)) for what, odds in expected.shown()
    ]
    result = correlation_result(question, asked, table)
    # Each link is two queries: the first, middle and last rows will do.
    some = sorted({0, len(rows) // 2, len(rows) - 1}) if rows else []
    for row, shown in [(rows[place], result["events"][place]) for place in some]:
        having = expected.having[row["event"], row["property"], row["value"]]
        assert _behind(world, shown["success_people_url"], by_group=by_group) == having & expected.successes
        assert shown["success_count"] == len(having & expected.successes)
        assert _behind(world, shown["failure_people_url"], by_group=by_group) == having & expected.failures
        assert shown["failure_count"] == len(having & expected.failures)


def _insert(world: World, crowd: Sequence[Actor], *, by_group: bool) -> None:
    events, persons, overrides, groups = [], [], [], []
    for index, actor in enumerate(crowd):
        first, second = _name(index), f"second-{index}"
        if actor.is_known:
            persons.append(world.person_line(first, actor.own))
            groups.append(world.group_line(TYPE, first, actor.own))
        if any(item.under_second_id for item in actor.happenings):
            overrides.append(world.override_line(second, first))
        for item in actor.happenings:
            distinct_id = second if item.under_second_id else first
            of_groups = {TYPE: first, TYPE + 1: "all"} if by_group else {TYPE: "all"}
            events.append(world.event_line(item.name, distinct_id, item.at, item.texts, groups=of_groups))
    world.insert("events", events)
    world.insert("person", persons)
    world.insert("groups", groups)
    world.insert("person_distinct_id_overrides", overrides)


def _name(index: int) -> str:
    return f"p{index:02}"


def _row_name(what: What) -> str:
    event, path, value = what
    return "::".join([*([event] if event else []), *([property_key(path), value] if path else [])])


@dataclass(frozen=True)
class Expected:
    """Names of actors: all who finished, all who did not, and those who have what."""

    successes: set[str]
    failures: set[str]
    having: dict[What, set[str]]
    #: Rows of fewer actors are not shown.
    least: int

    def shown(self) -> list[tuple[What, float]]:
        """The rows in their order, with their odds."""
        if not self.successes or not self.failures:
            return []
        everybody = len(self.successes) + len(self.failures)
        odds = {
            what: self._odds(actors)
            for what, actors in self.having.items()
            if len(actors) >= max(self.least, 1) and len(actors) >= min(25, 0.02 * everybody)
        }
        good = sorted((-one, _row_name(what), what) for what, one in odds.items() if one > 1)[:10]
        bad = sorted((one, _row_name(what), what) for what, one in odds.items() if one <= 1)[:10]
        return [(what, abs(one)) for one, _, what in [*good, *bad]]

    def _odds(self, actors: set[str]) -> float:
        with_it, without = len(actors & self.successes), len(actors & self.failures)
        return ((with_it + 1) * (len(self.failures) - without + 1)) / (
            (len(self.successes) - with_it + 1) * (without + 1)
        )


def _expected(
    crowd: Sequence[Actor],
    funnel: oracle.Funnel,
    series: Sequence[Mapping[str, Any]],
    excluded: Sequence[Mapping[str, Any]],
    of_all: Sequence[Mapping[str, Any]],
    entered: int,
    asked_of: Mapping[str, Any],
    *,
    by_group: bool,
) -> Expected:
    expected = Expected(set(), set(), defaultdict(set), _least(asked_of))
    for index, actor in enumerate(crowd):
        if not (actor.is_known or by_group):
            continue
        there = [
            item
            for item in actor.happenings
            if item.at < LAST + 1
            and oracle.matches({"id": None, "properties": of_all}, item.name, item.texts)
        ]
        attempts = oracle.attempts(seen(there, series, excluded), funnel)
        reached = max(map(len, attempts), default=0)
        if reached < entered or not reached:
            continue
        name, success = _name(index), reached == funnel.steps
        (expected.successes if success else expected.failures).add(name)
        start, end = min((times[0], times[-1]) for times in attempts if len(times) == reached)
        finish = min(end if success else start + funnel.window, LAST)
        steps = {step["id"] for step in series}
        inside = [item for item in there if start < item.at < finish and item.name not in steps]
        for what in _having(inside, actor, asked_of):
            expected.having[what].add(name)
    return expected


def _least(asked_of: Mapping[str, Any]) -> int:
    return 3 if asked_of["funnel_correlation_type"] == "event_with_properties" else 0


def _having(inside: Sequence[Happening], actor: Actor, asked_of: Mapping[str, Any]) -> set[What]:
    match asked_of["funnel_correlation_type"]:
        case "events":
            left_out = asked_of["funnel_correlation_exclude_event_names"]
            return {(item.name, "", "") for item in inside if item.name not in left_out}
        case "event_with_properties":
            left_out = asked_of["funnel_correlation_event_exclude_property_names"]
            return {
                (item.name, property_path(key), value)
                for item in inside
                if item.name in asked_of["funnel_correlation_event_names"]
                for key, value in item.texts.items()
                if key not in left_out
            }
    own = actor.own if actor.is_known else {}
    names = asked_of["funnel_correlation_names"]
    found = own if "$all" in names else {key: own.get(key, "") for key in names}
    left_out = asked_of["funnel_correlation_exclude_names"]
    return {("", property_path(key), value) for key, value in found.items() if key not in left_out}


def _behind(world: World, link: str, *, by_group: bool) -> set[str]:
    """The names of the actors that a link leads to."""
    given = dict(parse_qsl(urlsplit(link).query, strict_parsing=True))
    question = read_correlation_actors(given, project=ProjectFacts(world.project_id), now=NOON)
    if question.entered.is_nobody:
        return set()
    found = find_actors(question, offset=0, rows=100, limits=LIMITS)
    assert len(set(found)) == len(found)
    names = {str(world.person_id(_name(index))): _name(index) for index in range(20)}
    return set(found) if by_group else {names[uuid] for uuid in found}
