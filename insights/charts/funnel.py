"""Results of a funnel as charts."""

from collections.abc import Mapping, Sequence
from typing import Any

from insights.charts.chart import Chart, Form, Series, drawn
from insights.charts.titles import subtitle_of, title_of
from insights.charts.words import clean, date_range, duration, value_name
from insights.filters.funnel import Order, Visualisation
from insights.filters.funnel_result import FunnelResult
from insights.filters.project import ProjectFacts

_FORMS = {
    Visualisation.STEPS: Form.STEPS,
    Visualisation.TRENDS: Form.LINES,
    Visualisation.TIME_TO_CONVERT: Form.TIMES,
}
#: Categories, series, and whether the categories are periods.
Read = tuple[tuple[str, ...], list[Series], bool]


def funnel_chart(result: Any, asked: FunnelResult, project: ProjectFacts) -> Chart:
    """``result`` is what ``insights/funnel/`` answers."""
    funnel, form = asked.funnel, _FORMS[asked.visualisation]
    names = [step.custom_name or step.name or "All events" for step in funnel.steps]
    shown = names if form is Form.STEPS else names[asked.from_step : asked.to_step + 1]
    arrow = " + " if funnel.order is Order.UNORDERED else " → "
    # The times of all values are taken together.
    breakdown = None if form is Form.TIMES else funnel.breakdown
    average = result["average_conversion_time"] if form is Form.TIMES else None
    categories, series, has_periods = _read(form, result)
    kept, note = drawn(series)
    return Chart(
        form=form,
        title=title_of(shown, joined_by=arrow, breakdown=breakdown, empty="Funnel"),
        subtitle=subtitle_of(
            _about(form, average),
            "groups" if funnel.group_type_index is not None else "persons",
            "" if funnel.order is Order.ORDERED else f"{funnel.order} order",
            f"within {duration(funnel.window.total_seconds())}",
            date_range(funnel.dates, project.zone),
            project.timezone,
        ),
        categories=categories,
        series=kept,
        by=str(asked.interval) if has_periods else "",
        unit="%" if form is Form.LINES else "",
        note=note,
        mark=average,
    )


def _read(form: Form, result: Any) -> Read:
    if form is Form.STEPS:
        return _steps(result)
    return _trends(result) if form is Form.LINES else _times(result)


def _about(form: Form, average: float | None) -> str:
    if form is Form.LINES:
        return "rate of conversion by start"
    if form is Form.TIMES:
        return "time to convert" + ("" if average is None else f", average {duration(average)}")
    return ""


def _steps(result: Sequence[Any]) -> Read:
    """A list of steps, or of lists of steps: one for each value."""
    funnels: list[Any] = [result] if result and isinstance(result[0], Mapping) else list(result)
    names = tuple(clean(step["custom_name"] or step["name"]) for step in funnels[0]) if funnels else ()
    series = [
        Series(_value(steps[0]), tuple(step["count"] for step in steps), place)
        for place, steps in enumerate(funnels)
    ]
    return names, series, False


def _trends(result: Sequence[Mapping[str, Any]]) -> Read:
    series = [Series(_value(one), tuple(one["data"]), place) for place, one in enumerate(result)]
    return tuple(result[0]["days"]) if result else (), series, True


def _times(result: Mapping[str, Any]) -> Read:
    bins = result["bins"]
    if not bins:
        return (), [], False
    return tuple(str(start) for start, _ in bins), [Series("", tuple(count for _, count in bins), 0)], False


def _value(one: Mapping[str, Any]) -> str:
    """The value of the breakdown, a cohort by its name; empty without a breakdown."""
    if "breakdown_value" not in one:
        return ""
    value = one.get("breakdown", one["breakdown_value"])
    return value_name(map(str, value) if isinstance(value, list) else [str(value)])
