"""The oldest form of cohort criteria, ``groups``, as filters in their kept form. Pure.

Groups combine with OR. One has ``properties`` (a list of filters, or an object of key and value; all must pass) or an
event: ``event_id``, ``days`` (365), ``count``, ``count_operator``.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from core.exceptions import InvalidInput
from core.filters.cohort_form import FilterForm, criteria_of

ATTR = "groups"
_OPERATORS = ("eq", "gte", "lte")


def filters_of_groups(groups: Sequence[Any]) -> dict[str, Any]:
    """What ``groups`` mean, as filters that are still to be checked.

    Raises ``InvalidInput`` whose attr is ``groups``.
    """
    values = [_group(group, place=f"groups[{index}]") for index, group in enumerate(groups)]
    return {"properties": {"type": "OR", "values": values}}


def effective_filters(filters: Mapping[str, Any], groups: Sequence[Any]) -> Mapping[str, Any]:
    """The criteria of a stored cohort: its filters, else what its groups mean; empty when it has neither."""
    return filters or (filters_of_groups(groups) if groups else {})


def check_groups(form: FilterForm, groups: Any) -> None:
    """Raises ``InvalidInput`` whose attr is ``groups``."""
    if not isinstance(groups, list):
        raise InvalidInput("Expected a list.", attr=ATTR)
    filters = filters_of_groups(groups)
    for item in criteria_of(filters):
        if item["type"] == "person":
            item.setdefault("operator", "exact")
    try:
        form.check(filters)
    except InvalidInput as error:
        raise InvalidInput(error.detail, attr=ATTR) from None


def _group(group: Any, *, place: str) -> dict[str, Any]:
    if not isinstance(group, Mapping):
        raise InvalidInput(f"{place}: Expected a JSON object.", attr=ATTR)
    if group.get("properties"):
        return {"type": "AND", "values": _properties(group["properties"], place=f"{place}.properties")}
    if group.get("action_id") is not None:
        raise InvalidInput(f"{place}.action_id: Actions are not supported; name the event.", attr=ATTR)
    if isinstance(group.get("event_id"), str):
        return {"type": "AND", "values": [_behavior(group, place=place)]}
    raise InvalidInput(f"{place}: A group has properties or an event_id.", attr=ATTR)


def _properties(properties: Any, *, place: str) -> list[dict[str, Any]]:
    if isinstance(properties, Mapping):
        return [{"key": key, "type": "person", "value": value} for key, value in properties.items()]
    if not isinstance(properties, list):
        raise InvalidInput(f"{place}: Expected a list or an object.", attr=ATTR)
    found = []
    for index, item in enumerate(properties):
        if not isinstance(item, Mapping) or item.get("type") not in (None, "", "person", "event"):
            raise InvalidInput(f"{place}[{index}]: Expected a filter of persons.", attr=ATTR)
        found.append({**item, "type": "person"})
    return found


def _behavior(group: Mapping[str, Any], *, place: str) -> dict[str, Any]:
    criterion: dict[str, Any] = {
        "key": group["event_id"],
        "type": "behavioral",
        "event_type": "events",
        "time_value": group.get("days") or 365,
        "time_interval": "day",
        "value": "performed_event",
    }
    if group.get("count"):
        operator = group.get("count_operator") or "eq"
        if operator not in _OPERATORS:
            raise InvalidInput(
                f"{place}.count_operator: {operator!r} is not one of {', '.join(_OPERATORS)}.", attr=ATTR
            )
        criterion |= {
            "value": "performed_event_multiple",
            "operator": operator,
            "operator_value": group["count"],
        }
    return criterion
