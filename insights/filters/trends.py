"""The persons or groups of one point of a trend, as asked for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from core.exceptions import InvalidInput
from core.filters.dates import DateRange
from core.filters.parameters import native, read_integer, read_json
from core.filters.properties import PropertyFilter, filters_of
from insights.filters.breakdown import Breakdown, Value, members_of, read_breakdown, read_value
from insights.filters.intervals import before
from insights.filters.project import ProjectFacts
from insights.filters.selection import Page, Selection, read_page, read_selection
from insights.filters.series import Series, read_target

BINS = "breakdown_histogram_bin_count"
VALUE = "breakdown_value"


@dataclass(frozen=True, slots=True)
class Bin:
    """Numbers from ``low`` on, below ``high``."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class TrendPersons:
    """A page of those who have events of ``series`` with the ``value`` of ``breakdown``; null: with whatever value."""

    selection: Selection
    series: Series
    breakdown: Breakdown | None
    value: Value | Bin | None
    page: Page

    def filters(self) -> Iterator[PropertyFilter]:
        """Every property filter, global and of the series."""
        yield from filters_of(self.selection.properties)
        yield from filters_of(self.series.entity.properties)


def read_trend_persons(given: Mapping[str, Any], *, project: ProjectFacts, now: datetime) -> TrendPersons:
    """Raises ``InvalidInput`` that names the parameter. The dates are those of the point; maths that look further back
    do so from there.
    """
    reader = project.reader(now)
    series = read_target(given, reader=reader)
    selection = read_selection(given, project=project, now=now, reader=reader)
    first = before(selection.dates.first, series.math.days, zone=project.zone)
    selection = replace(selection, dates=DateRange(first, selection.dates.last))
    breakdown = read_breakdown(given, project=project)
    bins = read_bins(given)
    if breakdown is None and given.get(VALUE) is not None:
        raise InvalidInput("breakdown_value needs a breakdown.", attr=VALUE)
    if breakdown is not None and breakdown.by_cohort:
        if given.get(VALUE) is not None:
            selection = selection.narrowed(members_of(read_value(given[VALUE], breakdown, attr=VALUE)))
        breakdown = None
    return TrendPersons(
        selection=selection,
        series=series,
        breakdown=breakdown,
        value=None if breakdown is None else _value(given, breakdown, in_bins=bins is not None),
        page=read_page(given),
    )


def read_bins(given: Mapping[str, Any]) -> int | None:
    """``breakdown_histogram_bin_count``: 1 or more; null when it is not given."""
    bins = read_integer(given, BINS)
    if bins is not None and bins < 1:
        raise InvalidInput("Ensure this value is greater than or equal to 1.", attr=BINS)
    return bins


def _value(given: Mapping[str, Any], breakdown: Breakdown, *, in_bins: bool) -> Value | Bin | None:
    if given.get(VALUE) is None:
        return None
    if not in_bins:
        listed = native(given[VALUE])
        is_list = isinstance(listed, list) and len(listed) == len(breakdown.keys)
        return read_value(listed if is_list else [given[VALUE]], breakdown, attr=VALUE)
    if len(breakdown.keys) != 1:
        raise InvalidInput("A histogram is of one property.", attr=BINS)
    bounds = read_json(given, VALUE)
    if not isinstance(bounds, list) or len(bounds) != 2 or not all(map(_is_number, bounds)):
        raise InvalidInput("A list of two numbers, low and high, is required.", attr=VALUE)
    return Bin(*bounds)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
