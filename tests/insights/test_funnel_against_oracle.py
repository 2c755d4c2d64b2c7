"""Random funnels over random events with many ties: the SQL against the contract, taken literally.

``INSIGHTS_EXAMPLES`` sets how many funnels are tried; each has up to 20 actors.
"""

import os
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.filters.properties import PropertyGroup
from insights.queries import funnel
from insights.sql.person_of_event import persons_of_events
from tests.insights import oracle
from tests.insights.world import World

EXAMPLES = int(os.environ.get("INSIGHTS_EXAMPLES", "120"))


@dataclass(frozen=True)
class Happening:
    name: str
    at: float
    texts: dict[str, str]
    #: The event arrived under a second distinct id, of a person that was merged later.
    under_second_id: bool


@dataclass(frozen=True)
class Actor:
    happenings: list[Happening]
    #: Whether the person still exists.
    is_live: bool


names = st.sampled_from(["A", "B", "C"])
texts = st.dictionaries(st.sampled_from(["x", "y"]), st.sampled_from(["1", "2"]), max_size=2)
filters = st.builds(
    lambda key, operator, value: {"key": key, "operator": operator, "value": value},
    st.sampled_from(["x", "y"]),
    st.sampled_from(["exact", "is_not"]),
    st.lists(st.sampled_from(["1", "2", ""]), min_size=1, max_size=2, unique=True),
)
steps = st.builds(
    lambda name, properties: {"id": name, "properties": properties},
    st.one_of(names, st.none()),
    st.lists(filters, max_size=2),
)
plain_steps = st.builds(lambda name: {"id": name}, names)
funnels = st.one_of(
    st.lists(steps, min_size=1, max_size=5),
    st.lists(plain_steps, min_size=1, max_size=4),
    # No event can fill two of these.
    st.permutations([{"id": "A"}, {"id": "B"}, {"id": "C"}]),
)
happenings = st.builds(Happening, names, st.integers(0, 7).map(float), texts, st.booleans())
actors = st.builds(Actor, st.lists(happenings, min_size=1, max_size=8), st.integers(0, 9).map(bool))


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="INSIGHTS_EXAMPLES" not in os.environ,
    suppress_health_check=list(HealthCheck),
)
@given(
    series=funnels,
    crowd=st.lists(actors, min_size=15, max_size=20),
    window=st.integers(1, 7),
    wanted=st.integers(1, 5),
    offset=st.integers(0, 3),
)
def test_the_sql_agrees_with_the_contract(
    series: list[dict[str, Any]], crowd: list[Actor], window: int, wanted: int, offset: int
) -> None:
    world = World()
    overridden = _insert(world, crowd)
    expected = {
        world.person_id(f"p{index}"): reached
        for index, actor in enumerate(crowd)
        if (reached := _expected(actor, series, window))
    }

    question = world.question(
        events=[{**step, "order": place} for place, step in enumerate(series)],
        funnel_window_interval=window,
        funnel_window_interval_unit="second",
        funnel_step=wanted,
        offset=offset,
        date_from="2026-01-10",
        date_to="2026-01-10",
    )
    actors = persons_of_events(overridden=overridden)
    rows = world.ask(funnel.steps_reached(question.funnel, PropertyGroup(), actors))
    found = {row[0]: row[1] for row in rows if row[1]}
    page = [row[0] for row in world.ask(funnel.persons(question, overridden=overridden))]

    assert found == expected
    live = [world.person_id(f"p{index}") for index, actor in enumerate(crowd) if actor.is_live]
    wanted_ids = {person for person in live if expected.get(person, 0) >= wanted}
    assert set(page) <= wanted_ids
    assert len(page) == len(set(page)) == max(0, len(wanted_ids) - offset)


def _insert(world: World, crowd: list[Actor]) -> bool:
    """Put the crowd into the tables; whether any distinct id moved."""
    events, persons, overrides = [], [], []
    for index, actor in enumerate(crowd):
        first, second = f"p{index}", f"second-{index}"
        persons.append(world.person_line(first))
        if not actor.is_live:
            persons.append(world.person_line(first, version=100, is_deleted=True))
        if any(happening.under_second_id for happening in actor.happenings):
            overrides.append(world.override_line(second, first))
        for item in actor.happenings:
            distinct_id = second if item.under_second_id else first
            events.append(world.event_line(item.name, distinct_id, item.at, item.texts))
    world.insert("events", events)
    world.insert("person", persons)
    world.insert("person_distinct_id_overrides", overrides)
    return bool(overrides)


def _expected(actor: Actor, series: list[dict[str, Any]], window: int) -> int:
    events = [
        (
            item.at,
            frozenset(
                place for place, step in enumerate(series) if oracle.matches(step, item.name, item.texts)
            ),
        )
        for item in actor.happenings
    ]
    return oracle.steps_reached(events, steps=len(series), window=window)
