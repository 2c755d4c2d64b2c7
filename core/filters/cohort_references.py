"""How the cohorts of a project refer to each other. Pure: cohort ids and their filters in, ids out."""

from collections.abc import Iterable, Mapping
from typing import Any

from core.filters.cohort_form import cohorts_named, criteria_of

#: A cohort to those that it refers to.
References = dict[int, set[int]]


def references(filters: Mapping[int, Mapping[str, Any]]) -> References:
    """``filters`` in their kept form by cohort; empty ones refer to nobody."""
    return {cohort: cohorts_named(kept) if kept else set() for cohort, kept in filters.items()}


def reversed_references(known: References) -> References:
    """A cohort to those that refer to it."""
    found: References = {cohort: set() for cohort in known}
    for cohort, named in known.items():
        for other in named & known.keys():
            found[other].add(cohort)
    return found


def reachable(starts: Iterable[int], known: References) -> set[int]:
    """``starts`` and all that they lead to."""
    found, waiting = set(starts), list(starts)
    while waiting:
        fresh = known.get(waiting.pop(), set()) - found
        found |= fresh
        waiting.extend(fresh)
    return found


def has_loop(cohort: int, known: References) -> bool:
    """Whether a cohort leads to itself."""
    return any(cohort in reachable([named], known) for named in known.get(cohort, set()))


def ranks(known: References) -> dict[int, int]:
    """A number for each cohort that is higher than those of all that it refers to. There must be no loop."""
    found: dict[int, int] = {}
    for start in known:
        waiting = [start]
        while waiting:
            cohort = waiting[-1]
            unknown = [named for named in known[cohort] & known.keys() if named not in found]
            if unknown:
                waiting.extend(unknown)
                continue
            waiting.pop()
            found[cohort] = 1 + max((found[named] for named in known[cohort] & known.keys()), default=-1)
    return found


def behavioral(filters: Mapping[int, Mapping[str, Any]]) -> set[int]:
    """The cohorts with criteria about events, and all that lead to one."""
    direct = {
        cohort
        for cohort, kept in filters.items()
        if kept and any(item["type"] == "behavioral" for item in criteria_of(kept))
    }
    return reachable(direct, reversed_references(references(filters)))
