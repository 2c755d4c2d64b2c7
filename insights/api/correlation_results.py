"""The table of a correlation in the shape of the contract, with links to the actors behind each number."""

from collections.abc import Mapping
from typing import Any

from core.clickhouse.escape import property_key
from insights.api.correlation_elements import chain_of, elements_in_chain, elements_in_list
from insights.api.funnel_results import PASSED_ON
from insights.api.links import exact_dates, path
from insights.filters.correlation import Correlation, Kind
from insights.queries.correlation import AUTOCAPTURE, CHAIN, ELEMENTS, EVENT_TYPE

#: Parameters of a funnel that also decide who entered it.
_PASSED_ON = (*PASSED_ON, "funnel_step", "funnel_custom_steps", "funnel_step_breakdown")
#: So many times as many successes as failures, or the other way round, tell little.
_SKEWED = 10

Row = Mapping[str, Any]


#: The table without anybody.
NOTHING: Mapping[str, Any] = {"successes": 0, "failures": 0, "rows": []}


def correlation_result(
    asked: Correlation, given: Mapping[str, Any], found: Mapping[str, Any]
) -> dict[str, Any]:
    """``found`` is a table of ``insights.queries.correlation`` as JSON."""
    return {
        "events": [_row(asked, given, row) for row in found["rows"]],
        "skewed": bool(asked.entered.funnel.steps) and _is_skewed(found["successes"], found["failures"]),
    }


def _is_skewed(successes: int, failures: int) -> bool:
    fewer, more = sorted((successes, failures))
    return not fewer or more > _SKEWED * fewer


def _row(asked: Correlation, given: Mapping[str, Any], row: Row) -> dict[str, Any]:
    if asked.kind is Kind.PROPERTIES:
        wanted = _own_property(asked, row)
    else:
        wanted = {"funnel_correlation_type": Kind.EVENTS, "funnel_correlation_person_entity": _entity(row)}
    return {
        "success_count": row["successes"],
        "success_people_url": _link(asked, given, wanted, finished=True),
        "failure_count": row["failures"],
        "failure_people_url": _link(asked, given, wanted, finished=False),
        "odds_ratio": row["odds"],
        "correlation_type": "success" if row["odds"] > 1 else "failure",
        "event": _event(row),
    }


def _event(row: Row) -> dict[str, Any]:
    if _is_autocaptured(row):
        return _autocaptured(row)
    parts = [row["event"]] if row["event"] else []
    if row["property"]:
        parts += [property_key(row["property"]), row["value"]]
    return {"event": "::".join(parts), "properties": {}, "elements": []}


def _autocaptured(row: Row) -> dict[str, Any]:
    is_chain = row["property"] == CHAIN
    elements = elements_in_chain(row["value"]) if is_chain else elements_in_list(row["value"])
    chain = row["value"] if is_chain else chain_of(elements)
    return {
        "event": f"{AUTOCAPTURE}::elements_chain::{row['event_type']}__~~__{chain}",
        "properties": {EVENT_TYPE: row["event_type"]},
        "elements": elements,
    }


def _is_autocaptured(row: Row) -> bool:
    return bool(row["event"] == AUTOCAPTURE and row["property"])


def _entity(row: Row) -> dict[str, Any]:
    """The events that a row counts."""
    properties: list[dict[str, Any]] = []
    if _is_autocaptured(row):
        element = {CHAIN: row["value"]} if row["property"] == CHAIN else {CHAIN: "", ELEMENTS: row["value"]}
        wanted = {EVENT_TYPE: row["event_type"], **element}
        properties = [_is(key, value, "event") for key, value in wanted.items()]
    elif row["property"]:
        properties = _has(property_key(row["property"]), row["value"], "event")
    return {"id": row["event"], "type": "events", "properties": properties}


def _own_property(asked: Correlation, row: Row) -> dict[str, Any]:
    """The property of their own that actors have. Those who lack it count like those in whom it is empty, if it was
    named.
    """
    index = asked.entered.funnel.group_type_index
    kind = "person" if index is None else "group"
    key = property_key(row["property"])
    filters = _has(key, row["value"], kind) if asked.names is None else [_is(key, row["value"], kind)]
    of_type = {} if index is None else {"group_type_index": index}
    return {
        "funnel_correlation_type": Kind.PROPERTIES,
        "funnel_correlation_property_values": [{**one, **of_type} for one in filters],
    }


def _has(key: str, value: str, kind: str) -> list[dict[str, Any]]:
    """Filters for the value; that a property is missing does not make it empty."""
    is_set = [] if value else [{"key": key, "operator": "is_set", "type": kind}]
    return [_is(key, value, kind), *is_set]


def _is(key: str, value: str, kind: str) -> dict[str, Any]:
    return {"key": key, "value": value, "operator": "exact", "type": kind}


def _link(asked: Correlation, given: Mapping[str, Any], wanted: Mapping[str, Any], *, finished: bool) -> str:
    """Means the same dates whenever it is followed."""
    funnel = asked.entered.funnel
    parameters = {
        **{name: given[name] for name in _PASSED_ON if name in given},
        **exact_dates(funnel.dates),
        **wanted,
        "funnel_correlation_person_converted": finished,
    }
    return f"/{path(funnel.project_id, 'funnel/correlation', parameters)}"
