"""Results of trends, stickiness and lifecycles as charts."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from core.filters.dates import DateRange, read_interval
from core.filters.parameters import read_text
from insights.charts.chart import Chart, Form, Series, drawn
from insights.charts.titles import subtitle_of, title_of
from insights.charts.words import clean, date_range, isolated, value_name
from insights.filters.breakdown import read_breakdown
from insights.filters.lifecycle import State
from insights.filters.project import ProjectFacts

Given = Mapping[str, Any]
Result = Mapping[str, Any]
#: What ``display`` makes of a number an interval; everything else is lines.
_DISPLAYS = {"ActionsBar": Form.STACKED, "ActionsUnstackedBar": Form.BARS}
_MATHS = {
    "dau": "unique persons",
    "weekly_active": "active within 7 days",
    "monthly_active": "active within 30 days",
    "unique_session": "unique sessions",
    "unique_group": "unique groups",
}
#: The colours of states among ``insights.charts.looks``: blue, green, sky, vermilion.
_LOOKS = {State.NEW: 0, State.RETURNING: 2, State.RESURRECTING: 5, State.DORMANT: 3}


def insight_chart(
    insight: str,
    results: Sequence[Result],
    given: Given,
    project: ProjectFacts,
    *,
    has_more: bool,
) -> Chart:
    """``results`` is what ``insights/trend/`` answers; ``has_more`` when more values of a breakdown are to be had by
    ``offset``.
    """
    if insight == "stickiness":
        return _stickiness(results, given, project)
    if insight == "lifecycle":
        return _lifecycle(results, given, project)
    return _trend(results, given, project, has_more=has_more)


def _trend(results: Sequence[Result], given: Given, project: ProjectFacts, *, has_more: bool) -> Chart:
    if any("aggregated_value" in one for one in results):
        return _totals(results, given, project, has_more=has_more)
    return _series_chart(
        _DISPLAYS.get(read_text(given, "display") or "", Form.LINES),
        results,
        _named(results),
        given,
        project,
        by=str(read_interval(given)),
        more=_more(has_more),
    )


def _stickiness(results: Sequence[Result], given: Given, project: ProjectFacts) -> Chart:
    about = "in how many intervals they were active"
    return _series_chart(Form.BARS, results, _named(results), given, project, about=about)


def _lifecycle(results: Sequence[Result], given: Given, project: ProjectFacts) -> Chart:
    series = [Series(one["status"], tuple(one["data"]), _LOOKS[State(one["status"])]) for one in results]
    by = str(read_interval(given))
    return _series_chart(Form.STACKED, results, series, given, project, by=by, about="lifecycle")


def _series_chart(
    form: Form,
    results: Sequence[Result],
    series: Sequence[Series],
    given: Given,
    project: ProjectFacts,
    *,
    by: str = "",
    about: str = "",
    more: str = "",
) -> Chart:
    kept, note = drawn(series)
    categories = tuple(results[0]["days"] if by else results[0]["labels"]) if results else ()
    return Chart(
        form=form,
        title=_title(results, given, project),
        subtitle=subtitle_of(about, f"by {by}" if by else "", *_when(results, project)),
        categories=categories,
        # The range before may have a period more.
        series=tuple(replace(one, values=one.values[: len(categories)]) for one in kept),
        by=by,
        note=" ".join(filter(None, [note, more])),
    )


def _totals(results: Sequence[Result], given: Given, project: ProjectFacts, *, has_more: bool) -> Chart:
    """One number a series: they are the categories."""
    kept, note = drawn(_named(results, values="aggregated_value"))
    return Chart(
        form=Form.TOTALS,
        title=_title(results, given, project),
        subtitle=subtitle_of("in all", *_when(results, project)),
        categories=tuple(one.name or _action_name(results[0]) for one in kept),
        series=(Series("", tuple(one.values[0] for one in kept), 0),),
        note=" ".join(filter(None, [note, _more(has_more)])),
    )


def _more(has_more: bool) -> str:
    return "There are more values: ask with offset." if has_more else ""


def _title(results: Sequence[Result], given: Given, project: ProjectFacts) -> str:
    names = dict.fromkeys(_with_math(one) for one in results)
    is_broken_down = any("breakdown_value" in one for one in results)
    breakdown = read_breakdown(given, project=project) if is_broken_down else None
    return title_of(names, joined_by=" · ", breakdown=breakdown, empty="Insight")


def _when(results: Sequence[Result], project: ProjectFacts) -> tuple[str, str]:
    if not results:
        return "", project.timezone
    asked = results[0]["filter"]
    first, last = (datetime.fromisoformat(asked[name]) for name in ("date_from", "date_to"))
    return date_range(DateRange(first, last), project.zone), project.timezone


def _named(results: Sequence[Result], *, values: str = "data") -> list[Series]:
    """The series with what tells them apart. The range before has the look of the range that it is compared with."""
    places = {one["action"]["order"] for one in results}
    series: list[Series] = []
    looks = -1
    for one in results:
        is_previous = one.get("compare_label") == "previous"
        looks += not is_previous
        parts = [
            _with_math(one) if len(places) > 1 else "",
            _value(one),
            one.get("compare_label", ""),
        ]
        found = one[values]
        series.append(
            Series(
                _joined(parts),
                tuple(found) if isinstance(found, list) else (found,),
                looks,
                is_previous,
            )
        )
    return series


def _joined(parts: Sequence[str]) -> str:
    found = [part for part in parts if part]
    return found[0] if len(found) == 1 else " · ".join(map(isolated, found))


def _action_name(one: Result) -> str:
    return clean(one["action"]["custom_name"] or one["action"]["name"])


def _with_math(one: Result) -> str:
    """The name of the event with what is made of it."""
    name, math = _action_name(one), one["action"]["math"]
    if math == "total":
        return name
    words = _MATHS.get(math, math.replace("_", " "))
    of_property = one["action"]["math_property"]
    return f"{name} ({words} of {clean(of_property)})" if of_property else f"{name} ({words})"


def _value(one: Result) -> str:
    """The value of the breakdown, a cohort by its name; empty without a breakdown."""
    if "breakdown_value" not in one:
        return ""
    value = one["breakdown_value"]
    if isinstance(value, list):
        return value_name(map(str, value))
    # Labels end in the value; of cohorts they have the name.
    name = one["action"]["custom_name"] or one["action"]["name"]
    return value_name([one["label"].removeprefix(f"{name} - ")])
