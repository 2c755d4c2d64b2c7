"""What the contract says about funnels, as slow and plain as possible. Knows nothing of SQL."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import inf
from typing import Any

Step = Mapping[str, Any]


@dataclass(frozen=True)
class Seen:
    """An event: when it was, which steps and which exclusions it matches."""

    at: float
    steps: frozenset[int]
    exclusions: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Exclusion:
    first: int
    last: int


@dataclass(frozen=True)
class Funnel:
    order: str
    steps: int
    window: float
    exclusions: Sequence[Exclusion] = ()


def matches(step: Step, name: str, properties: Mapping[str, Any]) -> bool:
    """Whether an event with this name and these properties (texts) passes the step: name, and ``exact`` or
    ``is_not`` filters.
    """
    if step["id"] is not None and step["id"] != name:
        return False
    return all(_passes(item, properties.get(item["key"], "")) for item in step.get("properties", []))


def _passes(item: Mapping[str, Any], text: str) -> bool:
    return bool((text in item["value"]) == (item["operator"] == "exact"))


def attempts(events: Sequence[Seen], funnel: Funnel) -> list[tuple[float, ...]]:
    """The times of the steps reached, of every attempt that is not void."""
    found = {"ordered": _ordered, "strict": _strict, "unordered": _unordered}[funnel.order]
    return [times for times in found(events, funnel) if not _is_void(times, events, funnel)]


def steps_reached(events: Sequence[Seen], funnel: Funnel) -> int:
    return max(map(len, attempts(events, funnel)), default=0)


def best_of(attempts: Sequence[tuple[float, ...]]) -> tuple[float, ...]:
    """The first to arrive at the best result, of several the latest to start."""
    return min(attempts, key=lambda times: (-len(times), times[-1], -times[0], times))


def _ordered(events: Sequence[Seen], funnel: Funnel) -> Iterator[tuple[float, ...]]:
    """From each instant with a first step on, the earliest next event each time; of events of one instant whichever
    choice gets furthest.
    """
    for start in sorted({event.at for event in events if 0 in event.steps}):
        choices = [frozenset([n]) for n, event in enumerate(events) if event.at == start and 0 in event.steps]
        times = [start]
        for step in range(1, funnel.steps):
            following = [
                (event.at, used | {n})
                for used, (n, event) in product(choices, enumerate(events))
                if n not in used and step in event.steps and times[-1] <= event.at <= start + funnel.window
            ]
            if not following:
                break
            times.append(min(at for at, _ in following))
            choices = [used for at, used in following if at == times[-1]]
        yield tuple(times)


def _strict(events: Sequence[Seen], funnel: Funnel) -> Iterator[tuple[float, ...]]:
    """Every row of neighbours, events of one instant standing in any order."""

    def are_neighbours(chosen: tuple[int, ...]) -> bool:
        first, last = events[chosen[0]].at, events[chosen[-1]].at
        return all(n in chosen for n, event in enumerate(events) if first < event.at < last)

    def rows(chosen: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        yield chosen
        if len(chosen) == funnel.steps:
            return
        for n, event in enumerate(events):
            if (
                n not in chosen
                and len(chosen) in event.steps
                and events[chosen[-1]].at <= event.at <= events[chosen[0]].at + funnel.window
                and are_neighbours((*chosen, n))
            ):
                yield from rows((*chosen, n))

    for n, event in enumerate(events):
        if 0 in event.steps:
            for row in rows((n,)):
                yield tuple(events[n].at for n in row)


def _unordered(events: Sequence[Seen], funnel: Funnel) -> Iterator[tuple[float, ...]]:
    """From each event of a step on: when so many different events had filled so many different steps."""
    for start in sorted({event.at for event in events if event.steps}):
        times: list[float] = []
        for end in sorted({event.at for event in events if start <= event.at <= start + funnel.window}):
            filled = _filled([event.steps for event in events if start <= event.at <= end])
            times.extend([end] * (filled - len(times)))
        yield tuple(times)


def _filled(events: Sequence[frozenset[int]]) -> int:
    """How many different steps these events can fill at most, one step each."""
    filler: dict[int, int] = {}

    def find_place(event: int, tried: set[int]) -> bool:
        for step in events[event] - tried:
            tried.add(step)
            if step not in filler or find_place(filler[step], tried):
                filler[step] = event
                return True
        return False

    return sum(find_place(event, set()) for event in range(len(events)))


def _is_void(times: Sequence[float], events: Sequence[Seen], funnel: Funnel) -> bool:
    return any(
        _is_met(exclusion, times, [event.at for event in events if n in event.exclusions], funnel)
        for n, exclusion in enumerate(funnel.exclusions)
    )


def _is_met(exclusion: Exclusion, times: Sequence[float], met: Sequence[float], funnel: Funnel) -> bool:
    """Whether one of the times ``met`` is after the exclusion's first step and not after its last."""
    padded = [*times, *[inf] * (funnel.steps - len(times))]
    first, last = padded[exclusion.first], padded[exclusion.last]
    if first == inf:
        return False
    return any(first < at <= (first + funnel.window if last == inf else last) for at in met)
