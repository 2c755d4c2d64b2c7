"""Stickiness as asked for: in how many periods of a range somebody was active."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from core.exceptions import InvalidInput
from core.filters.dates import Interval, read_interval
from core.filters.parameters import read_boolean, read_integer
from core.filters.properties import PropertyFilter, filters_of
from insights.filters.intervals import cut, intervals_between, previous
from insights.filters.project import ProjectFacts
from insights.filters.selection import Page, Selection, read_page, read_selection
from insights.filters.series import Series, read_series, read_target


@dataclass(frozen=True, slots=True)
class Stickiness:
    """In how many of the periods between ``bounds`` somebody has events of ``series``. ``bounds`` has the start of each
    period and the end of the last one; it is empty when the range is. ``length`` is how many numbers of periods are
    shown: in a range that cuts both its first and its last period, somebody may have been active in one more.
    """

    selection: Selection
    series: Series
    interval: Interval
    bounds: tuple[datetime, ...]
    length: int

    def filters(self) -> Iterator[PropertyFilter]:
        """Every property filter, global and of the series."""
        yield from filters_of(self.selection.properties)
        yield from filters_of(self.series.entity.properties)


@dataclass(frozen=True, slots=True)
class StickinessPersons:
    """A page of those who were active in exactly ``periods`` periods."""

    stickiness: Stickiness
    periods: int
    page: Page

    @property
    def is_nobody(self) -> bool:
        """True when no question is needed to know that there is nobody."""
        return self.periods >= max(len(self.stickiness.bounds), 1)


def read_stickiness_persons(
    given: Mapping[str, Any], *, project: ProjectFacts, now: datetime
) -> StickinessPersons:
    """Raises ``InvalidInput`` that names the parameter."""
    reader = project.reader(now)
    series = read_target(given, reader=reader)
    selection = read_selection(given, project=project, now=now, reader=reader)
    return StickinessPersons(
        stickiness=_stickiness(given, series, selection, project=project),
        periods=_periods(given),
        page=read_page(given),
    )


def read_stickiness_series(
    given: Mapping[str, Any], *, project: ProjectFacts, now: datetime
) -> list[list[Stickiness]]:
    """Every series; once more for the range before when ``compare`` asks for it.

    Raises ``InvalidInput`` that names the parameter.
    """
    reader = project.reader(now)
    selections = [read_selection(given, project=project, now=now, reader=reader)]
    all_series = read_series(given, reader=reader)
    if read_boolean(given, "compare"):
        earlier = previous(selections[0].dates, read_interval(given), zone=project.zone)
        selections.append(replace(selections[0], dates=earlier))
    return [
        [_stickiness(given, series, selection, project=project) for series in all_series]
        for selection in selections
    ]


def _stickiness(
    given: Mapping[str, Any], series: Series, selection: Selection, *, project: ProjectFacts
) -> Stickiness:
    """The stickiness of a series. The range stays as it is: its first and last period may be parts of one."""
    interval = read_interval(given)
    return Stickiness(
        selection,
        series,
        interval,
        bounds=cut(selection.dates, interval, zone=project.zone, week_start_day=project.week_start_day),
        length=max(intervals_between(selection.dates, interval, zone=project.zone) + 1, 0),
    )


def _periods(given: Mapping[str, Any]) -> int:
    found = [(name, read_integer(given, name)) for name in ("stickiness_days", "selected_interval")]
    numbers = [(name, number) for name, number in found if number is not None]
    for name, number in numbers:
        if number < 1:
            raise InvalidInput("Ensure this value is greater than or equal to 1.", attr=name)
    if not numbers:
        raise InvalidInput("This field is required.", attr="stickiness_days", code="required")
    return numbers[0][1]
