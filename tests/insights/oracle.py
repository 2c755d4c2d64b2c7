"""What the contract says about ordered funnels, as slow and plain as possible. Knows nothing of SQL."""

from collections.abc import Mapping, Sequence
from typing import Any

Step = Mapping[str, Any]


def matches(step: Step, name: str, properties: Mapping[str, Any]) -> bool:
    """Whether an event with this name and these properties (texts) passes the step: name, and ``exact`` or
    ``is_not`` filters.
    """
    if step["id"] is not None and step["id"] != name:
        return False
    return all(_passes(item, properties.get(item["key"], "")) for item in step.get("properties", []))


def _passes(item: Mapping[str, Any], text: str) -> bool:
    return bool((text in item["value"]) == (item["operator"] == "exact"))


def steps_reached(events: Sequence[tuple[float, frozenset[int]]], *, steps: int, window: float) -> int:
    """The largest k for which there are k different events, the i-th matching step i, in order of time,
    within the window of the first.

    ``events`` are (time, the steps that it matches).
    """
    best = 0

    def extend(chosen: tuple[int, ...]) -> None:
        nonlocal best
        best = max(best, len(chosen))
        for index, (at, matched) in enumerate(events):
            if best == steps:
                return
            if len(chosen) not in matched or index in chosen:
                continue
            if chosen and not events[chosen[-1]][0] <= at <= events[chosen[0]][0] + window:
                continue
            extend((*chosen, index))

    extend(())
    return best
