"""The kinds of questions that a worker can answer. A question is JSON: what the request gave, the project's
facts, the time.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from insights.charts.chart import Chart
from insights.filters.correlation import read_correlation, read_correlation_actors
from insights.filters.funnel import read_funnel_persons
from insights.filters.funnel_result import FunnelResult, read_funnel_result
from insights.filters.lifecycle import read_lifecycle, read_lifecycle_persons
from insights.filters.project import ProjectFacts
from insights.filters.properties_timeline import read_timeline
from insights.filters.stickiness import read_stickiness_persons, read_stickiness_series
from insights.filters.trend_series import read_trends
from insights.filters.trends import read_trend_persons
from insights.limits import Limits
from insights.queries import funnel, funnel_groups, lifecycle, stickiness, trend_series, trends
from insights.queries.correlation import find_correlation
from insights.queries.correlation_actors import find_actors
from insights.queries.first_event import find_first_event
from insights.queries.funnel_steps import find_steps
from insights.queries.funnel_times import find_times
from insights.queries.funnel_trends import find_trends
from insights.queries.properties_timeline import find_points


def funnel_persons(question: Mapping[str, Any], limits: Limits) -> list[str]:
    """Ids of ``rows`` persons, or keys of groups, of a funnel, in order, from ``offset`` on."""
    asked = read_funnel_persons(
        question["given"], project=ProjectFacts(**question["project"]), now=_now(question)
    )
    find = funnel.find_persons if asked.funnel.group_type_index is None else funnel_groups.find_groups
    return find(asked, offset=question["offset"], rows=question["rows"], limits=limits)


def funnel_steps(question: Mapping[str, Any], limits: Limits) -> list[dict[str, Any]]:
    """For each value of the breakdown how many actors reached each step, and how long they took."""
    return [asdict(one) for one in find_steps(_funnel_result(question).funnel, limits=limits)]


def funnel_trends(question: Mapping[str, Any], limits: Limits) -> list[dict[str, Any]]:
    """For each value of the breakdown how many actors entered in each period, and how many went through."""
    return [asdict(one) for one in find_trends(_funnel_result(question), limits=limits)]


def funnel_times(question: Mapping[str, Any], limits: Limits) -> dict[str, Any]:
    """How many actors took how long."""
    return asdict(find_times(_funnel_result(question), limits=limits))


def correlation(question: Mapping[str, Any], limits: Limits) -> dict[str, Any]:
    """What goes along with completing a funnel, and how many completed it and how many did not."""
    asked = read_correlation(
        question["given"], project=ProjectFacts(**question["project"]), now=_now(question)
    )
    return asdict(find_correlation(asked, limits=limits))


def correlation_persons(question: Mapping[str, Any], limits: Limits) -> list[str]:
    """Ids of ``rows`` persons, or keys of groups, behind a row of a correlation, in order, from ``offset`` on."""
    asked = read_correlation_actors(
        question["given"], project=ProjectFacts(**question["project"]), now=_now(question)
    )
    return find_actors(asked, offset=question["offset"], rows=question["rows"], limits=limits)


def first_event(question: Mapping[str, Any], limits: Limits) -> float | None:
    """When the first event of the project was that ``date_from=all`` means, in Unix seconds; null without events."""
    return find_first_event(question["project"]["id"], limits=limits)


def _funnel_result(question: Mapping[str, Any]) -> FunnelResult:
    return read_funnel_result(
        question["given"], project=ProjectFacts(**question["project"]), now=_now(question)
    )


def trend_persons(question: Mapping[str, Any], limits: Limits) -> list[tuple[str, Any]]:
    """Ids of ``rows`` persons, or keys of groups, of a point of a trend with their values, from ``offset`` on."""
    asked = read_trend_persons(
        question["given"], project=ProjectFacts(**question["project"]), now=_now(question)
    )
    return trends.find_actors(asked, offset=question["offset"], rows=question["rows"], limits=limits)


def trend_numbers(question: Mapping[str, Any], limits: Limits) -> list[dict[str, Any]]:
    """For each series the values of the breakdown, whether there are more, and for each value the numbers of the range,
    then those of the range before if it is compared.
    """
    ranges = read_trends(question["given"], project=ProjectFacts(**question["project"]), now=_now(question))
    answers = []
    for series in ranges[0].series:
        found = trend_series.find_values(ranges[0], series, limits=limits)
        numbers = [trend_series.find_numbers(trend, series, found.values, limits=limits) for trend in ranges]
        answers.append(
            {
                "values": found.values,
                "has_more": found.has_more,
                "numbers": [[of_range[value] for of_range in numbers] for value in found.values],
            }
        )
    return answers


def stickiness_persons(question: Mapping[str, Any], limits: Limits) -> list[str]:
    """Ids of ``rows`` persons, or keys of groups, active in so many intervals, from ``offset`` on."""
    asked = read_stickiness_persons(
        question["given"], project=ProjectFacts(**question["project"]), now=_now(question)
    )
    return stickiness.find_actors(asked, offset=question["offset"], rows=question["rows"], limits=limits)


def stickiness_numbers(question: Mapping[str, Any], limits: Limits) -> list[list[list[tuple[int, int]]]]:
    """For each range and series how many were active in how many intervals."""
    ranges = read_stickiness_series(
        question["given"], project=ProjectFacts(**question["project"]), now=_now(question)
    )
    return [
        [list(stickiness.find_counts(one, limits=limits).items()) for one in all_series]
        for all_series in ranges
    ]


def lifecycle_persons(question: Mapping[str, Any], limits: Limits) -> list[str]:
    """Ids of ``rows`` persons in a state of a lifecycle, from ``offset`` on."""
    asked = read_lifecycle_persons(
        question["given"], project=ProjectFacts(**question["project"]), now=_now(question)
    )
    return lifecycle.find_persons(asked, offset=question["offset"], rows=question["rows"], limits=limits)


def lifecycle_numbers(question: Mapping[str, Any], limits: Limits) -> list[tuple[str, int, int]]:
    """How many are in each state in each interval, by its place, from 1 on."""
    asked = read_lifecycle(question["given"], project=ProjectFacts(**question["project"]), now=_now(question))
    counts = {} if asked is None else lifecycle.find_counts(asked, limits=limits)
    return [(state, place, count) for (state, place), count in counts.items()]


def properties_timeline(question: Mapping[str, Any], limits: Limits) -> list[dict[str, Any]]:
    """The points of the timeline of a person."""
    asked = read_timeline(question["given"], project=ProjectFacts(**question["project"]), now=_now(question))
    return find_points(asked, UUID(question["person"]), limits=limits)


def chart(question: Mapping[str, Any], limits: Limits) -> str:
    """A picture. Asks ClickHouse nothing."""
    # Most installations never draw: only who does has the library in memory.
    from insights.charts.draw import draw

    return draw(Chart.of_json(question["chart"]))


def _now(question: Mapping[str, Any]) -> datetime:
    return datetime.fromtimestamp(question["now"], UTC)


KINDS: dict[str, Callable[[Mapping[str, Any], Limits], Any]] = {
    "funnel_persons": funnel_persons,
    "funnel_steps": funnel_steps,
    "funnel_trends": funnel_trends,
    "funnel_times": funnel_times,
    "correlation": correlation,
    "correlation_persons": correlation_persons,
    "first_event": first_event,
    "trend_persons": trend_persons,
    "trend_series": trend_numbers,
    "stickiness_persons": stickiness_persons,
    "stickiness_series": stickiness_numbers,
    "lifecycle_persons": lifecycle_persons,
    "lifecycle_series": lifecycle_numbers,
    "properties_timeline": properties_timeline,
    "chart": chart,
}
