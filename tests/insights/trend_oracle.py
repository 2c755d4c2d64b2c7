"""What the contract says about the numbers of trends, as plain as possible. Knows nothing of SQL."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from statistics import fmean, median
from typing import Any

from tests.insights.crowd import Seen

Number = int | float


def _quantile(level: float) -> Callable[[Sequence[float]], float]:
    """Between the two nearest numbers, as their places are."""

    def found(numbers: Sequence[float]) -> float:
        ordered = sorted(numbers)
        place = level * (len(ordered) - 1)
        below = int(place)
        above = min(below + 1, len(ordered) - 1)
        return ordered[below] + (ordered[above] - ordered[below]) * (place - below)

    return found


AGGREGATES: dict[str, Callable[[Sequence[float]], float]] = {
    "sum": sum,
    "avg": fmean,
    "min": min,
    "max": max,
    "median": median,
    "p90": _quantile(0.9),
    "p95": _quantile(0.95),
    "p99": _quantile(0.99),
}


def number(math: str, events: Sequence[Seen], living: set[str]) -> Number:
    """The number of a point; ``events`` are those that it looks at."""
    if math == "total":
        return len(events)
    if math == "unique_session":
        return len({session for event in events if (session := event.texts.get("$session_id"))})
    if math == "unique_group":
        return len({event.group for event in events if event.group})
    if math in AGGREGATES:
        return aggregated(math, prices(events)) or 0
    counts = Counter(event.actor for event in events if event.actor in living)
    if math.endswith("_count_per_actor"):
        return aggregated(math.removesuffix("_count_per_actor"), list(counts.values())) or 0
    return len(counts)


def values(math: str, events: Sequence[Seen], living: set[str]) -> dict[str, Number | None]:
    """What stands beside each actor of a point."""
    by_actor: dict[str, list[Seen]] = defaultdict(list)
    for event in events:
        if math == "unique_group" and event.group:
            by_actor[event.group].append(event)
        elif math != "unique_group" and event.actor in living:
            by_actor[event.actor].append(event)
    return {
        actor: aggregated(math, prices(own)) if math in AGGREGATES else len(own)
        for actor, own in by_actor.items()
    }


def aggregated(aggregate: str, numbers: Sequence[float]) -> float | None:
    return AGGREGATES[aggregate](numbers) if numbers else None


def prices(events: Sequence[Seen]) -> list[float]:
    """The prices that are numbers."""
    return [float(text) for event in events if (text := event.texts.get("price", "")).isdigit()]


def series_of(math: str, **fields: Any) -> dict[str, Any]:
    """A series as a request names it."""
    return {"id": "look", "math": math, "math_property": "price", "math_group_type_index": 2, **fields}
