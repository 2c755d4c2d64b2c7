"""A trend as asked for: its series, its points, and the dates that each point looks at."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from core.exceptions import InvalidInput
from core.filters.dates import DateRange, Interval, read_interval
from core.filters.parameters import read_boolean, read_integer, read_limit, read_offset, read_text
from core.filters.properties import PropertyFilter, filters_of
from insights.filters.breakdown import Breakdown, Value, members_of, read_breakdown
from insights.filters.intervals import at_least, before, cut, previous
from insights.filters.maths import Math
from insights.filters.periods import next_period, period_start
from insights.filters.project import ProjectFacts
from insights.filters.properties_timeline import TOTAL_VALUE_DISPLAYS
from insights.filters.selection import Selection, read_selection
from insights.filters.series import Series, read_series
from insights.filters.trends import BINS, read_bins

_SECOND = timedelta(seconds=1)
_CUMULATIVE = "ActionsLineGraphCumulative"
MOST_SMOOTHED = 1000


class Display(StrEnum):
    """What a point looks at."""

    #: Its own period.
    PERIODS = "periods"
    #: Everything up to its end.
    CUMULATIVE = "cumulative"
    #: The whole range: there is one number.
    TOTAL_VALUE = "total value"


@dataclass(frozen=True, slots=True)
class Trend:
    """``bounds`` has the start of each point and the end of the last one; it is empty when the range is. ``smoothing``
    is over how many points a mean runs. ``offset`` values of the breakdown are passed over.
    """

    selection: Selection
    series: tuple[Series, ...]
    interval: Interval
    bounds: tuple[datetime, ...]
    display: Display
    breakdown: Breakdown | None
    offset: int
    smoothing: int
    zone: ZoneInfo
    week_start_day: int

    def filters(self) -> Iterator[PropertyFilter]:
        """Every property filter, global and of the series."""
        yield from filters_of(self.selection.properties)
        for one in self.series:
            yield from filters_of(one.entity.properties)

    def of_cohort(self, value: Value) -> "Trend":
        """The trend of the members of the cohort of a value."""
        return replace(self, selection=self.selection.narrowed(members_of(value)), breakdown=None)

    def points(self, math: Math) -> list[DateRange]:
        """What each point looks at; maths that look further back do so from there. A single one for the total value."""
        dates = self.selection.dates
        if self.display is Display.TOTAL_VALUE:
            return [dates] if self.bounds else []
        if self.display is Display.CUMULATIVE:
            return [DateRange(dates.first, self._until(end)) for end in self.bounds[1:]]
        if math.days:
            return [self._days_to(start) for start in self.bounds[:-1]]
        return [
            DateRange(max(start.astimezone(UTC), dates.first), self._until(end))
            for start, end in zip(self.bounds, self.bounds[1:], strict=False)
        ]

    def looked_at(self, math: Math) -> list[DateRange]:
        """The same with what maths look back to."""
        return [
            DateRange(before(point.first, math.days, zone=self.zone), point.last)
            for point in self.points(math)
        ]

    def previous(self) -> "Trend":
        """The range before, just as long. Raises ``InvalidInput`` when it is earlier than times are."""
        dates = previous(self.selection.dates, self.interval, zone=self.zone)
        return replace(self, selection=replace(self.selection, dates=dates), bounds=_bounds(dates, self))

    def _until(self, end: datetime) -> datetime:
        return min(end.astimezone(UTC) - _SECOND, self.selection.dates.last)

    def _days_to(self, start: datetime) -> DateRange:
        """From behind the first day of the period, or its hour, to its end: maths look back from there."""
        unit = Interval.HOUR if self.interval is Interval.HOUR else Interval.DAY
        end = next_period(start, unit)
        return DateRange(end.astimezone(UTC), self._until(end))


def read_trends(given: Mapping[str, Any], *, project: ProjectFacts, now: datetime) -> list[Trend]:
    """The trend, and the one of the range before when ``compare`` asks for it.

    Raises ``InvalidInput`` that names the parameter.
    """
    trend = _read_trend(given, project=project, now=now)
    return [trend, trend.previous()] if read_boolean(given, "compare") else [trend]


def check_trend(given: Mapping[str, Any], *, project: ProjectFacts) -> None:
    """Raises ``InvalidInput`` for what matters to trends only and cannot be right: stickiness and lifecycle refuse it,
    too.
    """
    read_breakdown(given, project=project)
    read_bins(given)
    _smoothing(given)
    read_limit(given)
    read_offset(given)
    _display(given)


def _read_trend(given: Mapping[str, Any], *, project: ProjectFacts, now: datetime) -> Trend:
    reader = project.reader(now)
    selection = read_selection(given, project=project, now=now, reader=reader)
    if read_bins(given) is not None:
        raise InvalidInput("Histograms are not supported.", attr=BINS)
    # Without a meaning here, but not whatever it is.
    read_limit(given)
    trend = Trend(
        selection=selection,
        series=read_series(given, reader=reader),
        interval=read_interval(given),
        bounds=(),
        display=_display(given),
        breakdown=read_breakdown(given, project=project),
        offset=read_offset(given),
        smoothing=_smoothing(given),
        zone=project.zone,
        week_start_day=project.week_start_day,
    )
    if not read_boolean(given, "explicit_date"):
        trend = replace(trend, selection=replace(selection, dates=_moved_back(selection.dates, trend)))
    return replace(trend, bounds=_bounds(trend.selection.dates, trend))


def _moved_back(dates: DateRange, trend: Trend) -> DateRange:
    """Weeks and months are whole at the beginning; hours and days unless the range has less than two."""
    if trend.interval in (Interval.HOUR, Interval.DAY) and not at_least(dates, 2, trend.interval):
        return dates
    start = period_start(
        dates.first, trend.interval, zone=trend.zone, week_start_day=trend.week_start_day
    ).astimezone(UTC)
    return DateRange(start, dates.last) if dates.first <= dates.last else dates


def _bounds(dates: DateRange, trend: Trend) -> tuple[datetime, ...]:
    return cut(dates, trend.interval, zone=trend.zone, week_start_day=trend.week_start_day)


def _display(given: Mapping[str, Any]) -> Display:
    display = read_text(given, "display")
    if display in TOTAL_VALUE_DISPLAYS:
        return Display.TOTAL_VALUE
    return Display.CUMULATIVE if display == _CUMULATIVE else Display.PERIODS


def _smoothing(given: Mapping[str, Any]) -> int:
    count = read_integer(given, "smoothing_intervals") or 1
    if not 1 <= count <= MOST_SMOOTHED:
        raise InvalidInput(f"Ensure this value is between 1 and {MOST_SMOOTHED}.", attr="smoothing_intervals")
    return count
