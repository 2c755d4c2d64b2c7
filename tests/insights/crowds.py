"""Random actors and what happened to them, with many events at one instant; put into a world, and seen by a funnel."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from tests.insights import oracle
from tests.insights.world import World


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
#: No event can fill two of these.
apart = st.permutations([{"id": "A"}, {"id": "B"}, {"id": "C"}])
series = st.one_of(
    st.lists(steps, min_size=1, max_size=5), st.lists(plain_steps, min_size=1, max_size=4), apart, apart
)
happenings = st.builds(
    Happening, st.sampled_from("AABBCCX"), st.integers(0, 7).map(float), texts, st.booleans()
)
actors = st.builds(Actor, st.lists(happenings, min_size=1, max_size=8), st.integers(0, 9).map(bool))
crowds = st.lists(actors, min_size=15, max_size=20)
excluded = st.builds(
    lambda entity, ends: {**entity, "funnel_from_step": min(ends), "funnel_to_step": max(ends)},
    st.one_of(st.just({"id": "X"}), steps),
    st.tuples(st.integers(0, 4), st.integers(0, 4)),
)
exclusions = st.lists(excluded, max_size=2)


def insert(world: World, crowd: Sequence[Actor]) -> bool:
    """Put the crowd into the tables; whether any distinct id moved. Uuids of events are in the order of happenings."""
    events, persons, overrides = [], [], []
    numbers = count()
    for index, actor in enumerate(crowd):
        first, second = f"p{index}", f"second-{index}"
        persons.append(world.person_line(first))
        if not actor.is_live:
            persons.append(world.person_line(first, version=100, is_deleted=True))
        if any(happening.under_second_id for happening in actor.happenings):
            overrides.append(world.override_line(second, first))
        for item in actor.happenings:
            distinct_id = second if item.under_second_id else first
            uuid = UUID(int=next(numbers))
            events.append(world.event_line(item.name, distinct_id, item.at, item.texts, uuid=uuid))
    world.insert("events", events)
    world.insert("person", persons)
    world.insert("person_distinct_id_overrides", overrides)
    return bool(overrides)


def seen(
    events: Sequence[Happening],
    series: Sequence[Mapping[str, Any]],
    excluded: Sequence[Mapping[str, Any]] = (),
) -> list[oracle.Seen]:
    """The events as a funnel sees them."""

    def matching(entities: Sequence[Mapping[str, Any]], item: Happening) -> frozenset[int]:
        return frozenset(
            place for place, one in enumerate(entities) if oracle.matches(one, item.name, item.texts)
        )

    return [oracle.Seen(item.at, matching(series, item), matching(excluded, item)) for item in events]
