"""Which steps one event might fill: that decides how a funnel can be counted."""

from collections.abc import Hashable, Sequence
from dataclasses import replace
from itertools import combinations

from core.filters.properties import (
    Joiner,
    PropertyFilter,
    PropertyGroup,
    Source,
    TextMatch,
    TextTest,
    conjuncts,
)
from insights.filters.entities import Entity

#: Steps that hang together by events that may fill two of them. Their sets grow as 2 to this number.
MOST_OVERLAPPING = 10
#: Those of them that are defined differently, where the steps may come in any order.
MOST_KINDS = 5

#: Whose property it is, of which type if a group's, and its key.
Property = tuple[Source, int | None, str]


class TooManyOverlaps(Exception):
    """More steps hang together than can be told apart."""


def shared_sets(steps: Sequence[Entity]) -> list[tuple[int, ...]]:
    """The sets of two and more steps that events may share, as positions in rising order.

    A set belongs here when its steps hang together, if only through each other. Raises ``TooManyOverlaps``.
    """
    neighbours = _neighbours(steps)
    sets = [chosen for crowd in _crowds(neighbours) for chosen in _hanging_together(crowd, neighbours)]
    return sorted(sets, key=lambda chosen: (len(chosen), chosen))


def crowds(steps: Sequence[Entity]) -> list[tuple[tuple[int, ...], ...]]:
    """The steps, as positions, in as many parts as have nothing to do with each other. In each, steps that are defined
    alike stand together.
    """
    return [_alike(sorted(crowd), steps) for crowd in _crowds(_neighbours(steps))]


def _alike(crowd: Sequence[int], steps: Sequence[Entity]) -> tuple[tuple[int, ...], ...]:
    kinds: dict[Hashable, list[int]] = {}
    for position in crowd:
        step = steps[position]
        kinds.setdefault((step.id, _definition(step.properties)), []).append(position)
    return tuple(map(tuple, kinds.values()))


def contains(wide: Entity, narrow: Entity) -> bool:
    """Whether every event of ``narrow`` is one of ``wide``; true only when their definitions show it."""
    if wide.id is not None and wide.id != narrow.id:
        return False
    return {_definition(part) for part in conjuncts(wide.properties)} <= {
        _definition(part) for part in conjuncts(narrow.properties)
    }


def _definition(part: PropertyFilter | PropertyGroup) -> PropertyFilter | PropertyGroup:
    """The filters without their places in the request, by which equal ones differ."""
    if isinstance(part, PropertyFilter):
        return replace(part, attr="")
    return replace(part, members=tuple(map(_definition, part.members)))


def _neighbours(steps: Sequence[Entity]) -> dict[int, set[int]]:
    return {
        first: {
            second
            for second in range(len(steps))
            if second != first and may_share(steps[first], steps[second])
        }
        for first in range(len(steps))
    }


def _crowds(neighbours: dict[int, set[int]]) -> list[set[int]]:
    """The steps in as many parts as have nothing to do with each other."""
    crowds: list[set[int]] = []
    for step in neighbours:
        if not any(step in crowd for crowd in crowds):
            crowds.append(_reachable(step, set(neighbours), neighbours))
    return crowds


def _hanging_together(crowd: set[int], neighbours: dict[int, set[int]]) -> list[tuple[int, ...]]:
    if len(crowd) > MOST_OVERLAPPING:
        raise TooManyOverlaps
    return [
        chosen
        for size in range(2, len(crowd) + 1)
        for chosen in combinations(sorted(crowd), size)
        if len(_reachable(chosen[0], set(chosen), neighbours)) == size
    ]


def may_share(first: Entity, second: Entity) -> bool:
    """Whether one event may fill both steps; false only when that is certain."""
    if first.id is not None and second.id is not None and first.id != second.id:
        return False
    allowed, also_allowed = _exact_values(first.properties), _exact_values(second.properties)
    return all(allowed[key] & also_allowed[key] for key in allowed.keys() & also_allowed.keys())


def _exact_values(group: PropertyGroup) -> dict[Property, frozenset[str]]:
    """What the filters that must all pass leave of the values of a property."""
    found: dict[Property, frozenset[str]] = {}
    for item in _required(group):
        if isinstance(item.test, TextTest) and item.test.match is TextMatch.EXACT and not item.negated:
            key = (item.source, item.group_type_index, item.key)
            values = frozenset(item.test.values)
            found[key] = found.get(key, values) & values
    return found


def _required(group: PropertyGroup) -> list[PropertyFilter]:
    if group.joiner is Joiner.OR and len(group.members) > 1:
        return []
    items: list[PropertyFilter] = []
    for member in group.members:
        items.extend([member] if isinstance(member, PropertyFilter) else _required(member))
    return items


def _reachable(start: int, within: set[int], neighbours: dict[int, set[int]]) -> set[int]:
    found, waiting = {start}, [start]
    while waiting:
        fresh = (neighbours[waiting.pop()] & within) - found
        found |= fresh
        waiting.extend(fresh)
    return found
