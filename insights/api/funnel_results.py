"""The numbers of a funnel in the shapes of the contract."""

from collections.abc import Mapping, Sequence
from secrets import token_urlsafe
from typing import Any

from core.filters.properties import Source
from insights.api.links import exact_dates, path
from insights.filters.breakdown import cohort_id_of
from insights.filters.entities import Entity
from insights.filters.funnel import FunnelFilter, Order
from insights.filters.funnel_result import FunnelResult
from insights.filters.intervals import day_of, label_of

#: Parameters of a funnel that also decide who is behind its numbers.
PASSED_ON = (
    "events",
    "properties",
    "filter_test_accounts",
    "interval",
    "exclusions",
    "funnel_order_type",
    "funnel_window_days",
    "funnel_window_interval",
    "funnel_window_interval_unit",
    "aggregation_group_type_index",
    "sampling_factor",
    "breakdown",
    "breakdowns",
    "breakdown_type",
    "breakdown_group_type_index",
    "breakdown_limit",
    "breakdown_normalize_url",
    "breakdown_attribution_type",
    "breakdown_attribution_value",
)


def steps_result(
    funnel: FunnelFilter, given: Mapping[str, Any], found: Sequence[Mapping[str, Any]]
) -> list[Any]:
    """The steps of the funnel, or a list of them for each value of its breakdown."""
    if funnel.breakdown is None:
        return _steps(funnel, given, found[0])
    return [_steps(funnel, given, counts) for counts in found]


def _steps(funnel: FunnelFilter, given: Mapping[str, Any], counts: Mapping[str, Any]) -> list[dict[str, Any]]:
    broken_down = _value(funnel, counts["value"])
    base = _link_base(funnel, given, counts["value"])
    return [
        {
            **_named(funnel, step, entity),
            "people": [],
            "count": counts["counts"][step],
            "average_conversion_time": counts["averages"][step],
            "median_conversion_time": counts["medians"][step],
            **broken_down,
            "converted_people_url": f"{base}&funnel_step={step + 1}",
            "dropped_people_url": f"{base}&funnel_step={-step - 1}" if step else None,
        }
        for step, entity in enumerate(funnel.steps)
    ]


def _named(funnel: FunnelFilter, step: int, entity: Entity) -> dict[str, Any]:
    if funnel.order is Order.UNORDERED:
        name = f"Completed {step + 1} step{'s' if step else ''}"
        return {
            "action_id": None,
            "name": name,
            "custom_name": None,
            "order": step,
            "type": entity.type.value,
        }
    return {
        "action_id": entity.id,
        "name": entity.name if entity.name is not None else "All events",
        "custom_name": entity.custom_name,
        "order": step,
        "type": entity.type.value,
    }


def _value(funnel: FunnelFilter, value: Sequence[str] | None) -> dict[str, Any]:
    """A list of texts, but for properties of groups, whose value is a text, and for cohorts."""
    if funnel.breakdown is None or value is None:
        return {}
    if funnel.breakdown.by_cohort:
        cohort = tuple(value)
        return {"breakdown": funnel.breakdown.name_of(cohort), "breakdown_value": cohort_id_of(cohort)}
    shown: Any = value[0] if funnel.breakdown.source is Source.GROUP and len(value) == 1 else list(value)
    return {"breakdown": shown, "breakdown_value": shown}


def _link_base(funnel: FunnelFilter, given: Mapping[str, Any], value: Sequence[str] | None) -> str:
    """The link to the persons of a step, but for the step. It means the same dates whenever it is followed."""
    parameters = {
        **{name: given[name] for name in PASSED_ON if name in given},
        **exact_dates(funnel.dates),
        "cache_invalidation_key": token_urlsafe(6),
    }
    if value is not None:
        by_cohort = funnel.breakdown is not None and funnel.breakdown.by_cohort
        parameters["funnel_step_breakdown"] = cohort_id_of(tuple(value)) if by_cohort else list(value)
    return f"/{path(funnel.project_id, 'funnel', parameters)}"


def trends_result(asked: FunnelResult, found: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rate of each period, in percent; one series, or one of each value of the breakdown."""
    starts = asked.periods[:-1]
    return [
        {
            "count": len(starts),
            "data": [
                round(last / first * 100, 2) if first else 0
                for first, last in zip(trend["reached_from"], trend["reached_to"], strict=True)
            ],
            "days": [day_of(start, asked.interval) for start in starts],
            "labels": [label_of(start, asked.interval) for start in starts],
            **{
                name: value
                for name, value in _value(asked.funnel, trend["value"]).items()
                if name == "breakdown_value"
            },
        }
        for trend in found
    ]


def times_result(found: Mapping[str, Any] | None) -> dict[str, Any]:
    """The bins with where they begin, in seconds, and the average."""
    if found is None:
        return {"bins": [], "average_conversion_time": None}
    return {"bins": found["bins"], "average_conversion_time": found["average"]}
