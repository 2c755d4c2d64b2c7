"""Series as the answer of ``insights/trend/`` shows them."""

from collections.abc import Mapping, Sequence
from math import floor
from typing import Any

from core.filters.dates import DateRange, Interval
from core.filters.parameters import native
from insights.api.links import exact_dates, link, passed_on, target
from insights.filters.breakdown import Value, cohort_id_of
from insights.filters.intervals import day_of, label_of
from insights.filters.lifecycle import Lifecycle, State
from insights.filters.series import Series
from insights.filters.stickiness import Stickiness
from insights.filters.trend_series import Display, Trend

Number = int | float
Given = Mapping[str, Any]


def trend_result(
    given: Given, trend: Trend, place: int, value: Value, numbers: Sequence[Number], *, compared: str | None
) -> dict[str, Any]:
    """One series of a trend: the one at ``place``, for one value of the breakdown. ``compared`` names the range where
    there are two.
    """
    series = trend.series[place]
    name, shown = _value(trend, value)
    wanted = target(series, place)
    if trend.breakdown is not None:
        wanted["breakdown_value"] = shown if trend.breakdown.by_cohort else list(value)
    links = [
        link(trend.selection.project_id, "trends", given, {**wanted, **exact_dates(dates)})
        for dates in trend.points(series.math)
    ]
    starts = trend.bounds[:-1]
    result: dict[str, Any] = _series(given, series, place, trend.selection.dates, starts, trend.interval)
    if trend.breakdown is not None:
        result["label"] = f"{result['label']} - {name}"
        result["breakdown_value"] = shown
    if compared is not None:
        result |= {"compare": True, "compare_label": compared}
    if trend.display is Display.TOTAL_VALUE:
        total = numbers[0] if numbers else 0
        persons = links[0] if links else None
        empty: dict[str, Any] = {"count": 0, "data": [], "labels": [], "days": [], "persons_urls": []}
        return {**result, **empty, "aggregated_value": total, "persons": persons}
    data = _smoothed(numbers, trend.smoothing)
    return {**result, "count": sum(data), "data": data, "persons_urls": links}


def _value(trend: Trend, value: Value) -> tuple[str, Any]:
    """A value of the breakdown in labels, and by itself."""
    if trend.breakdown is not None and trend.breakdown.by_cohort:
        return trend.breakdown.name_of(value), cohort_id_of(value)
    return ", ".join(value), value[0] if len(value) == 1 else list(value)


def stickiness_result(
    given: Given, stickiness: Stickiness, place: int, counts: Mapping[int, int], *, compared: str | None
) -> dict[str, Any]:
    """One series of stickiness: how many were active in 1, 2, … intervals."""
    wanted = {**target(stickiness.series, place), **exact_dates(stickiness.selection.dates)}
    days, interval = range(1, stickiness.length + 1), stickiness.interval
    data = [counts.get(number, 0) for number in days]
    result = _series(given, stickiness.series, place, stickiness.selection.dates, (), interval)
    if compared is not None:
        result |= {"compare": True, "compare_label": compared}
    return {
        **result,
        "count": sum(data),
        "data": data,
        "labels": [f"{number} {interval}{'s' if number > 1 else ''}" for number in days],
        "days": list(days),
        "persons_urls": [
            link(stickiness.selection.project_id, "stickiness", given, {**wanted, "stickiness_days": number})
            for number in days
        ],
    }


def lifecycle_results(
    given: Given, lifecycle: Lifecycle, counts: Mapping[tuple[State, int], int]
) -> list[dict[str, Any]]:
    """A series for each state. Who is dormant counts below zero."""
    return [_lifecycle_result(given, lifecycle, counts, state) for state in State]


def _lifecycle_result(
    given: Given, lifecycle: Lifecycle, counts: Mapping[tuple[State, int], int], state: State
) -> dict[str, Any]:
    starts = lifecycle.bounds[1:-1]
    dates = lifecycle.asked
    sign = -1 if state is State.DORMANT else 1
    data = [sign * counts.get((state, place), 0) for place in range(1, len(starts) + 1)]
    result = _series(given, lifecycle.series, 0, dates, starts, lifecycle.interval)
    wanted = {**target(lifecycle.series, 0), **exact_dates(dates), "lifecycle_type": state.value}
    return {
        **result,
        "label": f"{result['label']} - {state}",
        "status": state.value,
        "count": sum(data),
        "data": data,
        "persons_urls": [
            link(
                lifecycle.selection.project_id,
                "lifecycle",
                given,
                {**wanted, "target_date": exact_dates(DateRange(start, start))["date_from"]},
            )
            for start in starts
        ],
    }


def _series(
    given: Given, series: Series, place: int, dates: DateRange, starts: Sequence[Any], interval: Interval
) -> dict[str, Any]:
    """What all series have."""
    entity, math = series.entity, series.math
    name = entity.name or "All events"
    return {
        "action": {
            "id": entity.id,
            "type": entity.type.value,
            "order": place,
            "name": name,
            "custom_name": entity.custom_name,
            "math": math.word,
            "math_property": math.property,
            "math_group_type_index": math.group_type_index,
        },
        "label": entity.custom_name or name,
        "labels": [label_of(start, interval) for start in starts],
        "days": [day_of(start, interval) for start in starts],
        "filter": {
            **{parameter: native(value) for parameter, value in passed_on(given).items()},
            **exact_dates(dates),
        },
    }


def _smoothed(numbers: Sequence[Number], count: int) -> list[Number]:
    """The mean of each number and those before it, ``count`` in all, without its fraction."""
    if count == 1:
        return list(numbers)
    windows = (numbers[max(place - count + 1, 0) : place + 1] for place in range(len(numbers)))
    return [floor(sum(window) / len(window)) for window in windows]
