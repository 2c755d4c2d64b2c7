"""Cohort filters as they are kept: checked in structure and brought into one form, JSON in and JSON out.

What only matters when a cohort is calculated (lengths of windows, counts) is read then, by
``core.filters.cohort_criteria``: a cohort with an impossible window can be saved and shows its error.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from core.exceptions import InvalidInput
from core.filters.parameters import whole_number
from core.filters.properties import DEEPEST_GROUP, MOST_FILTERS, OPERATORS, Joiner, PropertyReader, Source

ATTR = "filters"

#: What the original adds to filters for itself; a client that sends back what it got from there is not refused.
_COMPILED = frozenset({"bytecode", "bytecode_error", "conditionHash"})
_PERSON_KEYS = frozenset({"type", "key", "operator", "value", "negation"})
_COHORT_KEYS = frozenset({"type", "key", "value", "negation"})
_NUMBER_KEYS = (
    "time_value",
    "operator_value",
    "seq_time_value",
    "total_periods",
    "min_periods",
)
_TEXT_KEYS = (
    "time_interval",
    "explicit_datetime",
    "explicit_datetime_to",
    "operator",
    "seq_event",
    "seq_event_type",
    "seq_time_interval",
)
_BEHAVIOR_KEYS = frozenset(
    {"type", "key", "event_type", "value", "negation", "event_filters", *_NUMBER_KEYS, *_TEXT_KEYS}
)
BEHAVIORS = (
    "performed_event",
    "performed_event_first_time",
    "performed_event_multiple",
    "performed_event_sequence",
    "stopped_performing_event",
    "restarted_performing_event",
    "performed_event_regularly",
)
INTERVALS = ("minute", "hour", "day", "week", "month", "year")
DATE_OPERATORS = (
    "is_date_exact",
    "is_date_before",
    "is_date_after",
    "is_relative_date_before",
    "is_relative_date_after",
)
_WITHOUT_VALUE = ("is_set", "is_not_set")
_JOINERS = {joiner.value: joiner for joiner in Joiner}


def event_filter_reader(reader: PropertyReader) -> PropertyReader:
    """For the ``event_filters`` of a criterion: they look at the event alone."""
    return PropertyReader(reader.zone, reader.now, sources=(Source.EVENT,))


@dataclass
class FilterForm:
    """Checks the ``filters`` of one request; ``reader`` reads the property filters in them."""

    reader: PropertyReader
    count: int = 0

    def check(self, value: Any) -> dict[str, Any]:
        """``value`` in the form in which it is kept: null keys dropped, ``negation`` given, digits as numbers.

        Raises ``InvalidInput`` whose attr is ``filters`` and whose detail tells the place.
        """
        if not isinstance(value, Mapping):
            raise InvalidInput("Expected a JSON object.", attr=ATTR)
        if not isinstance(value.get("properties"), Mapping) or not {"type", "values"} <= set(
            value["properties"]
        ):
            raise InvalidInput("Must contain a 'properties' key with type and values", attr=ATTR)
        _refuse_unknown(value, frozenset({"properties", "filterTestAccounts"}), place="")
        form: dict[str, Any] = {"properties": self._group(value["properties"], place="properties", depth=0)}
        test_accounts = value.get("filterTestAccounts")
        if test_accounts is not None:
            if not isinstance(test_accounts, bool):
                raise _wrong("filterTestAccounts", "Must be a valid boolean.")
            form["filterTestAccounts"] = test_accounts
        return form

    def _group(self, group: Mapping[str, Any], *, place: str, depth: int) -> dict[str, Any]:
        _refuse_unknown(group, frozenset({"type", "values"}), place=place)
        joiner = group["type"]
        if not isinstance(joiner, str) or joiner.upper() not in _JOINERS:
            raise _wrong(place, f"The type of a group is AND or OR, not {joiner!r}.")
        if not isinstance(group["values"], list):
            raise _wrong(f"{place}.values", "Expected a list of filters or groups.")
        if depth >= DEEPEST_GROUP:
            raise _wrong(place, f"Groups are nested deeper than {DEEPEST_GROUP}.")
        values = [
            self._member(item, place=f"{place}.values[{index}]", depth=depth + 1)
            for index, item in enumerate(group["values"])
        ]
        return {"type": joiner.upper(), "values": values}

    def _member(self, item: Any, *, place: str, depth: int) -> dict[str, Any]:
        if not isinstance(item, Mapping):
            raise _wrong(place, "A filter is an object with a type.")
        if "values" in item:
            if "type" not in item:
                raise _wrong(place, "The type of a group is AND or OR.")
            return self._group(item, place=place, depth=depth)
        return self._criterion(item, place=place)

    def _criterion(self, item: Mapping[str, Any], *, place: str) -> dict[str, Any]:
        self.count += 1
        if self.count > MOST_FILTERS:
            raise _wrong(place, f"There are more than {MOST_FILTERS} filters.")
        given = {name: value for name, value in item.items() if value is not None and name not in _COMPILED}
        match given.get("type"):
            case "person":
                self._check_person(given, place)
            case "person_metadata":
                self._check_metadata(given, place)
            case "cohort":
                _check_cohort(given, place)
            case "behavioral":
                self._check_behavior(given, place)
            case other:
                raise _wrong(f"{place}.type", f"The filter type {other!r} is unknown.")
        negation = given.get("negation", False)
        if not isinstance(negation, bool):
            raise _wrong(f"{place}.negation", "Must be a valid boolean.")
        return {**given, "negation": negation}

    def _check_person(self, item: dict[str, Any], place: str) -> None:
        _refuse_unknown(item, _PERSON_KEYS, place=place)
        needed = ["key", "operator"]
        if item.get("operator") not in _WITHOUT_VALUE:
            needed.insert(1, "value")
        _demand(item, needed, kind="person")
        _read_property(self.reader, item, place)

    def _check_metadata(self, item: dict[str, Any], place: str) -> None:
        _refuse_unknown(item, _PERSON_KEYS, place=place)
        _demand(item, ["key", "value", "operator"], kind="person_metadata")
        if item["key"] != "created_at":
            raise _wrong(f"{place}.key", "The key of a person_metadata filter is created_at.")
        if item["operator"] not in DATE_OPERATORS:
            raise _wrong(f"{place}.operator", f"{item['operator']!r} is no operator for dates.")
        _read_property(self.reader, {**item, "type": "person"}, place)

    def _check_behavior(self, item: dict[str, Any], place: str) -> None:
        _refuse_unknown(item, _BEHAVIOR_KEYS, place=place)
        _demand(item, ["key", "value", "event_type"], kind="behavioral")
        for name in ("event_type", "seq_event_type"):
            if item.get(name, "events") == "actions":
                raise _wrong(f"{place}.{name}", "Actions are not supported; name the event.")
            if item.get(name, "events") != "events":
                raise _wrong(f"{place}.{name}", f"{item[name]!r} is not one of events, actions.")
        if not isinstance(item["key"], str):
            raise _wrong(f"{place}.key", "The key is the name of an event.")
        _one_of(item, "value", BEHAVIORS, place)
        for name in _TEXT_KEYS:
            if not isinstance(item.get(name, ""), str):
                raise _wrong(f"{place}.{name}", "Not a valid string.")
        for name in ("time_interval", "seq_time_interval"):
            _one_of(item, name, INTERVALS, place)
        for name in _NUMBER_KEYS:
            if name in item:
                item[name] = _whole(item[name], f"{place}.{name}")
        filters = item.get("event_filters", [])
        if not isinstance(filters, list):
            raise _wrong(f"{place}.event_filters", "Expected a list of filters.")
        for index, one in enumerate(filters):
            _read_property(event_filter_reader(self.reader), one, f"{place}.event_filters[{index}]")


def criteria_of(filters: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every criterion of filters in their kept form."""
    waiting = [filters["properties"]]
    while waiting:
        item = waiting.pop()
        if "values" in item:
            waiting.extend(item["values"])
        else:
            yield item


def cohorts_named(filters: Mapping[str, Any]) -> set[int]:
    """The ids of the cohorts that filters in their kept form refer to."""
    return {item["value"] for item in criteria_of(filters) if item["type"] == "cohort"}


def _check_cohort(item: dict[str, Any], place: str) -> None:
    _refuse_unknown(item, _COHORT_KEYS, place=place)
    _demand(item, ["key", "value"], kind="cohort")
    if item["key"] != "id":
        raise _wrong(f"{place}.key", "The key of a cohort filter is id.")
    item["value"] = _whole(item["value"], f"{place}.value")


def _read_property(reader: PropertyReader, item: Any, place: str) -> None:
    """Raises what the reader of property filters raises, told as every error here."""
    try:
        reader.read([item], attr=place)
    except InvalidInput as error:
        operator = item.get("operator") if isinstance(item, Mapping) else None
        is_date = isinstance(operator, str) and operator in DATE_OPERATORS and operator in OPERATORS
        detail = f"Invalid date value: {error.detail}" if is_date else error.detail
        raise _wrong(place, detail) from None


def _refuse_unknown(item: Mapping[str, Any], known: frozenset[str], *, place: str) -> None:
    unknown = sorted(str(name) for name in item if name not in known)
    if unknown:
        raise _wrong(place, f"Unknown keys: {', '.join(unknown)}.")


def _demand(item: Mapping[str, Any], names: list[str], *, kind: str) -> None:
    missing = [name for name in names if name not in item]
    if missing:
        detail = f"Missing required keys for {kind} filter: {', '.join(missing)}"
        raise InvalidInput(detail, attr=ATTR)


def _one_of(item: Mapping[str, Any], name: str, words: tuple[str, ...], place: str) -> None:
    if name in item and item[name] not in words:
        raise _wrong(f"{place}.{name}", f"{item[name]!r} is not one of {', '.join(words)}.")


def _whole(value: Any, place: str) -> int:
    try:
        return whole_number(value, attr=ATTR)
    except InvalidInput as error:
        raise _wrong(place, error.detail) from None


def _wrong(place: str, detail: str) -> InvalidInput:
    return InvalidInput(f"{place}: {detail}" if place else detail, attr=ATTR)
