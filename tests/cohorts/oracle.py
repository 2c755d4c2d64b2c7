"""What the contract says about the criteria of cohorts, as slow and plain as possible. Knows nothing of SQL, and shares
nothing with ``core.filters``.

Times are seconds since some moment; a day of the world begins at every multiple of 86,400, and months are not used.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

DAY = 86_400
_UNITS = {"minute": 60, "hour": 3600, "day": DAY, "week": 7 * DAY}


@dataclass(frozen=True)
class Happening:
    """An event of a person: its name, when, and the texts of its properties."""

    name: str
    at: float
    texts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Somebody:
    """A person: properties as JSON values, when it came into being, what it did, the cohorts that it is in."""

    properties: Mapping[str, Any]
    created: float
    happenings: Sequence[Happening]
    cohorts: frozenset[int] = frozenset()


def belongs(somebody: Somebody, tree: Mapping[str, Any], now: float) -> bool:
    """Whether a person is a member; ``tree`` is a group or a criterion as the API takes it."""
    if "values" in tree:
        passed = [belongs(somebody, member, now) for member in tree["values"]]
        if not passed:
            return False
        return all(passed) if tree["type"] == "AND" else any(passed)
    return _passes(somebody, tree, now) != bool(tree.get("negation"))


def _passes(somebody: Somebody, item: Mapping[str, Any], now: float) -> bool:
    if item["type"] == "cohort":
        return item["value"] in somebody.cohorts
    if item["type"] == "person_metadata":
        # Only relative dates are used: so many days ago, to the second.
        moment = now - int(item["value"].strip("-d")) * DAY
        is_after = item["operator"].endswith("after")
        return somebody.created >= moment + 1 if is_after else somebody.created < moment
    if item["type"] == "person":
        return _passes_property(somebody.properties, item)
    return _did(somebody, item, now)


def _passes_property(properties: Mapping[str, Any], item: Mapping[str, Any]) -> bool:
    key, operator = item["key"], item["operator"]
    is_set = properties.get(key) is not None
    stored = text(properties[key]) if key in properties else ""
    values = item.get("value")
    texts = [text(value) for value in (values if isinstance(values, list) else [values])]
    match operator:
        case "is_set":
            return is_set
        case "is_not_set":
            return not is_set
        case "exact":
            return stored in texts
        case "is_not":
            return stored not in texts
        case "icontains":
            return any(one.lower() in stored.lower() for one in texts)
        case "not_icontains":
            return not any(one.lower() in stored.lower() for one in texts)
        case "regex":
            return any(re.search(one, stored) for one in texts)
        case "not_regex":
            return not any(re.search(one, stored) for one in texts)
    try:
        number = float(stored)
    except ValueError:
        return False
    wanted = float(texts[0])
    return {
        "gt": number > wanted,
        "gte": number >= wanted,
        "lt": number < wanted,
        "lte": number <= wanted,
    }[operator]


def text(value: Any) -> str:
    """The text form; lists and objects are not used."""
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else str(value)


def _did(somebody: Somebody, item: Mapping[str, Any], now: float) -> bool:
    done = [one for one in somebody.happenings if one.at <= now]
    times = [one.at for one in done if one.name == item["key"] and _passes_filters(one, item)]
    kind = item["value"]
    if kind == "performed_event_regularly":
        return _regularly(times, item, now)
    window = _begin(item, "time_value", "time_interval", now)
    inside = [at for at in times if at >= window]
    if kind == "performed_event":
        return bool(inside)
    if kind == "performed_event_first_time":
        return bool(times) and min(times) >= window
    if kind == "performed_event_multiple":
        return bool(inside) and _compares(len(inside), item)
    if kind == "performed_event_sequence":
        within = item["seq_time_value"] * _UNITS[item["seq_time_interval"]]
        return any(
            first is not then and 0 <= then.at - first.at <= within
            for first in done
            if first.name == item["key"] and _passes_filters(first, item) and first.at >= window
            for then in done
            if then.name == item["seq_event"]
        )
    recent = _begin(item, "seq_time_value", "seq_time_interval", now)
    lately = [at for at in times if at >= recent]
    if kind == "stopped_performing_event":
        return bool(inside) and not lately
    return (
        bool(lately)
        and window <= recent
        and not [at for at in times if window <= at < recent]
        and min(times) < recent
    )


def _regularly(times: Sequence[float], item: Mapping[str, Any], now: float) -> bool:
    length, unit = item["time_value"], item["time_interval"]

    def begin(index: int) -> float:
        return _back(now - DAY, length * index, unit)

    periods = [
        [at for at in times if begin(index + 1) <= at < begin(index)]
        for index in range(item["total_periods"])
    ]
    return any(periods) and sum(_compares(len(one), item) for one in periods) >= item["min_periods"]


def _passes_filters(happening: Happening, item: Mapping[str, Any]) -> bool:
    return all(
        (happening.texts.get(one["key"], "") in one["value"]) == (one["operator"] == "exact")
        for one in item.get("event_filters", [])
    )


def _compares(number: int, item: Mapping[str, Any]) -> bool:
    wanted = item["operator_value"]
    passing: bool = {
        "gte": number >= wanted,
        "lte": number <= wanted,
        "gt": number > wanted,
        "lt": number < wanted,
        "eq": number == wanted,
        "exact": number == wanted,
    }[item.get("operator", "eq")]
    return passing


def _begin(item: Mapping[str, Any], value: str, interval: str, now: float) -> float:
    return _back(now, item[value], item[interval])


def _back(now: float, number: int, unit: str) -> float:
    at = now - number * _UNITS[unit]
    return at if unit in ("minute", "hour") else at // DAY * DAY
