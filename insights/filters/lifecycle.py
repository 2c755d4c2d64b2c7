"""A lifecycle as asked for: who is new, came back, returned or stayed away, period by period."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from core.exceptions import RequestError
from core.filters.dates import DateRange, Interval, parse_date, read_interval
from core.filters.parameters import read_choice, read_text
from core.filters.properties import PropertyFilter, filters_of
from insights.filters.intervals import cut
from insights.filters.periods import period_start
from insights.filters.project import ProjectFacts
from insights.filters.selection import Page, Selection, read_page, read_selection
from insights.filters.series import Series, read_series

#: Weeks of a lifecycle begin on Monday, whatever the project's do.
_MONDAY = 1
_SECOND = timedelta(seconds=1)


class State(StrEnum):
    """How somebody stands in a period. Names and order are those of the answers."""

    NEW = "new"
    RETURNING = "returning"
    RESURRECTING = "resurrecting"
    DORMANT = "dormant"


class MissingParameter(RequestError):
    """Persons of a lifecycle are those of a date and a state."""

    code = "required"


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """``bounds`` has the start of each period, from the one before the range on, and the end of the last one. The dates
    of ``selection`` are from the first bound to the last. There is nothing when there are less than three bounds.
    """

    selection: Selection
    series: Series
    interval: Interval
    bounds: tuple[datetime, ...]

    @property
    def asked(self) -> DateRange:
        """The periods that there are numbers of."""
        first, end = (self.bounds[place].astimezone(UTC) for place in (1, -1))
        return DateRange(first, end - _SECOND)

    def filters(self) -> Iterator[PropertyFilter]:
        """Every property filter, global and of the series."""
        yield from filters_of(self.selection.properties)
        yield from filters_of(self.series.entity.properties)


@dataclass(frozen=True, slots=True)
class LifecyclePersons:
    """A page of those who are in ``state`` in a period: the one from bound number ``period`` on."""

    lifecycle: Lifecycle | None
    period: int
    state: State
    page: Page

    @property
    def is_nobody(self) -> bool:
        """True when no question is needed to know that there is nobody."""
        return self.lifecycle is None or not 1 <= self.period < len(self.lifecycle.bounds) - 1


def read_lifecycle(given: Mapping[str, Any], *, project: ProjectFacts, now: datetime) -> Lifecycle | None:
    """The lifecycle of the first series; null when there is none. Raises ``InvalidInput`` that names the parameter."""
    reader = project.reader(now)
    series = read_series(given, reader=reader)
    selection = read_selection(given, project=project, now=now, reader=reader)
    interval = read_interval(given)
    bounds = _bounds(selection.dates, interval, project)
    if not series:
        return None
    if bounds:
        whole = DateRange(bounds[0].astimezone(UTC), bounds[-1].astimezone(UTC) - _SECOND)
        selection = replace(selection, dates=whole)
    return Lifecycle(selection, series[0], interval, bounds)


def read_lifecycle_persons(
    given: Mapping[str, Any], *, project: ProjectFacts, now: datetime
) -> LifecyclePersons:
    """Raises ``InvalidInput`` that names the parameter, or ``MissingParameter``."""
    if read_text(given, "target_date") is None:
        raise MissingParameter("Must include specified date", attr="target_date")
    if read_text(given, "lifecycle_type") is None:
        raise MissingParameter("Must include lifecycle type", attr="lifecycle_type")
    state: State = read_choice(given, "lifecycle_type", {state.value: state for state in State}, default="")
    target = _target(given, project=project, now=now)
    lifecycle = read_lifecycle(given, project=project, now=now)
    bounds = lifecycle.bounds if lifecycle else ()
    starts = [bound.timestamp() for bound in bounds]
    return LifecyclePersons(lifecycle, bisect_right(starts, target) - 1, state, read_page(given))


def _target(given: Mapping[str, Any], *, project: ProjectFacts, now: datetime) -> float:
    text = (read_text(given, "target_date") or "").strip()
    return parse_date(text, now=now.astimezone(project.zone), attr="target_date").moment.timestamp()


def _bounds(dates: DateRange, interval: Interval, project: ProjectFacts) -> tuple[datetime, ...]:
    """Those of the periods that ``dates`` touches, and of the one before."""
    if dates.first > dates.last:
        return ()
    first = period_start(dates.first, interval, zone=project.zone, week_start_day=_MONDAY)
    earlier = first.astimezone(UTC) - _SECOND
    return cut(DateRange(earlier, dates.last), interval, zone=project.zone, week_start_day=_MONDAY)
