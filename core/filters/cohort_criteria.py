"""Who belongs to a cohort: filters in their kept form (``core.filters.cohort_form``) as one typed tree.

Read at each calculation, for windows end at the present. Windows in days or longer begin at midnight of the project's
time zone; months and years are those of the calendar.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

from core.exceptions import InvalidInput
from core.filters.cohort_form import ATTR, event_filter_reader
from core.filters.dates import parse_date, relative_date
from core.filters.properties import (
    Joiner,
    PropertyFilter,
    PropertyGroup,
    PropertyReader,
    Source,
    both,
    filters_of,
)
from core.filters.property_dates import DateTest
from core.filters.property_numbers import Comparison

#: Periods of one criterion; more would make a query that is hard to parse.
MOST_PERIODS = 1000
#: ClickHouse's times begin here; nothing is older.
_FIRST = datetime(1900, 1, 1, tzinfo=UTC)
_LETTERS = {"minute": "M", "hour": "h", "day": "d", "week": "w", "month": "m", "year": "y"}
_SHORT = ("minute", "hour")
_SHORT_TEXT = re.compile(r"-?\d*(?:h|M|hours?)")
_HAS_TIME = re.compile(r"[T ]")
#: ``eq`` is a comparison here only; no operator means it, too.
_COMPARISONS = {
    "gte": Comparison.GTE,
    "lte": Comparison.LTE,
    "gt": Comparison.GT,
    "lt": Comparison.LT,
    "eq": None,
    "exact": None,
}


class ImpossibleCriteria(InvalidInput):
    """Criteria that were saved but mean nothing that could be calculated; the detail says why."""


@dataclass(frozen=True, slots=True)
class Window:
    """From ``first`` to ``last``, both included."""

    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Amount:
    """A number of events in this relation to ``number``; no comparison means equal."""

    comparison: Comparison | None
    number: int


@dataclass(frozen=True, slots=True)
class Performed:
    """At least one event in the window."""

    window: Window


@dataclass(frozen=True, slots=True)
class FirstTime:
    """The first event ever lies in the window."""

    window: Window


@dataclass(frozen=True, slots=True)
class Multiple:
    """So many events in the window, and at least one."""

    window: Window
    amount: Amount


@dataclass(frozen=True, slots=True)
class FollowedBy:
    """An event in the window, and another one of the name ``event`` at the same time or at most ``within`` later."""

    window: Window
    event: str
    within: timedelta


@dataclass(frozen=True, slots=True)
class Stopped:
    """An event in the window, but none in ``recent``."""

    window: Window
    recent: Window


@dataclass(frozen=True, slots=True)
class Restarted:
    """An event in ``recent``, none from the start of the window until then, and some before ``recent``."""

    window: Window
    recent: Window


@dataclass(frozen=True, slots=True)
class Regularly:
    """In at least ``minimum`` of the periods so many events, and in all of them together at least one. ``bounds`` are
    where periods begin, the latest first and the end of that one before it: each period contains its begin.
    """

    bounds: tuple[datetime, ...]
    minimum: int
    amount: Amount


Doing = Performed | FirstTime | Multiple | FollowedBy | Stopped | Restarted | Regularly


@dataclass(frozen=True, slots=True)
class Behavior:
    """What a person did: events of this name that pass ``filters``. ``now`` is the latest time that counts."""

    event: str
    filters: PropertyGroup
    doing: Doing
    negated: bool
    now: datetime


@dataclass(frozen=True, slots=True)
class CreatedAt:
    """When the person came into being."""

    test: DateTest
    negated: bool


Criterion = Behavior | CreatedAt | PropertyFilter


@dataclass(frozen=True, slots=True)
class Criteria:
    """Criteria joined by AND or OR. Without members nobody passes."""

    joiner: Joiner
    members: "tuple[Criterion | Criteria, ...]" = ()


NOBODY = Criteria(Joiner.OR)


def all_criteria(criteria: Criteria) -> Iterator[Criterion]:
    """Every criterion of the tree."""
    for member in criteria.members:
        if isinstance(member, Criteria):
            yield from all_criteria(member)
        else:
            yield member


def property_filters(criteria: Criteria) -> Iterator[PropertyFilter]:
    """Every filter of properties or cohorts in the tree, those of events included."""
    for criterion in all_criteria(criteria):
        if isinstance(criterion, PropertyFilter):
            yield criterion
        elif isinstance(criterion, Behavior):
            yield from filters_of(criterion.filters)


@dataclass(frozen=True)
class CriteriaReader:
    """Reads kept filters. ``reader`` reads the property filters in them; ``test_accounts`` are the project's filters
    for ``filterTestAccounts``.
    """

    reader: PropertyReader
    test_accounts: Sequence[Any] = ()

    def read(self, filters: Mapping[str, Any]) -> Criteria:
        """Raises ``ImpossibleCriteria``."""
        try:
            criteria = self._group(filters["properties"], "properties")
            if filters.get("filterTestAccounts"):
                criteria = Criteria(Joiner.AND, (criteria, *self._test_accounts()))
        except InvalidInput as error:
            raise ImpossibleCriteria(error.detail, attr=ATTR) from None
        return criteria

    def _test_accounts(self) -> Iterator[PropertyFilter]:
        """Those about persons: the others look at events, and a person is none."""
        for item in self.test_accounts:
            if isinstance(item, Mapping) and item.get("type") == "person":
                yield from filters_of(self.reader.read([item], attr="filterTestAccounts"))

    def _group(self, group: Mapping[str, Any], place: str) -> Criteria:
        members = tuple(
            self._group(item, f"{place}.values[{index}]")
            if "values" in item
            else self._criterion(item, f"{place}.values[{index}]")
            for index, item in enumerate(group["values"])
        )
        return Criteria(Joiner[group["type"]], members)

    def _criterion(self, item: Mapping[str, Any], place: str) -> Criterion:
        if item["type"] == "behavioral":
            return self._behavior(item, place)
        negated = item.get("negation", False)
        if item["type"] == "cohort":
            return PropertyFilter(Source.COHORT, "id", self.reader.member_test(item["value"]), negated, place)
        (read,) = filters_of(self.reader.read([{**item, "type": "person"}], attr=place))
        if item["type"] == "person":
            return read
        if not isinstance(read.test, DateTest):
            raise ValueError(f"{place} is no test of a date")
        return CreatedAt(read.test, negated)

    def _behavior(self, item: Mapping[str, Any], place: str) -> Behavior:
        reader = event_filter_reader(self.reader)
        filters = [
            reader.read([one], attr=f"{place}.event_filters[{index}]")
            for index, one in enumerate(item.get("event_filters", []))
        ]
        return Behavior(
            event=item["key"],
            filters=both(*filters),
            doing=_DOING[item["value"]](_Behavior(item, place, self.reader)),
            negated=item.get("negation", False),
            now=self.reader.now,
        )


@dataclass(frozen=True)
class _Behavior:
    """The fields of one behavioral criterion."""

    item: Mapping[str, Any]
    place: str
    reader: PropertyReader

    def window(self) -> Window:
        """That of ``explicit_datetime``, else of ``time_value`` and ``time_interval``."""
        last = self.reader.now
        until = self.item.get("explicit_datetime_to")
        if until is not None:
            last = min(last, self._explicit(until, "explicit_datetime_to", at_end=True))
        since = self.item.get("explicit_datetime")
        if since is not None:
            return Window(self._explicit(since, "explicit_datetime", at_end=False), last)
        return Window(self.back("time_value", "time_interval"), last)

    def recent(self) -> Window:
        return Window(self.back("seq_time_value", "seq_time_interval"), self.reader.now)

    def back(self, value: str, interval: str) -> datetime:
        """The begin of the window that these two fields tell the length of."""
        number, unit = self.count(value), self.unit(interval)
        return self._start(self._local_now, number, unit)

    def amount(self) -> Amount:
        operator = self.item.get("operator", "eq")
        if operator not in _COMPARISONS:
            raise self.wrong("operator", f"{operator!r} is not one of {', '.join(_COMPARISONS)}.")
        return Amount(_COMPARISONS[operator], self.count("operator_value"))

    def count(self, name: str) -> int:
        number = self.item.get(name)
        if not isinstance(number, int) or number <= 0:
            raise self.wrong(name, "A whole number above 0 is required.")
        return number

    def unit(self, name: str) -> str:
        if name not in self.item:
            raise self.wrong(name, "This field is required.")
        unit: str = self.item[name]
        return unit

    def span(self) -> timedelta:
        """How long the second event of a sequence may take: months of 30 days, years of 365."""
        number, unit = self.count("seq_time_value"), self.unit("seq_time_interval")
        try:
            return min(number * _SPANS[unit], timedelta(days=400 * 365))
        except OverflowError:
            raise self.wrong("seq_time_value", "The time is too long.") from None

    def bounds(self) -> tuple[datetime, ...]:
        """The end of the latest period, a day ago, and the begin of each, going back."""
        periods, length, unit = (
            self.count("total_periods"),
            self.count("time_value"),
            self.unit("time_interval"),
        )
        if periods > MOST_PERIODS:
            raise self.wrong("total_periods", f"Ensure this value is at most {MOST_PERIODS}.")
        yesterday = self._local_now - timedelta(days=1)
        return tuple(self._start(yesterday, length * index, unit) for index in range(periods + 1))

    def minimum(self) -> int:
        minimum = self.count("min_periods")
        if minimum > self.count("total_periods"):
            raise self.wrong("min_periods", "Ensure this value is at most total_periods.")
        return minimum

    def wrong(self, name: str, detail: str) -> InvalidInput:
        return InvalidInput(f"{self.place}.{name}: {detail}", attr=ATTR)

    @property
    def _local_now(self) -> datetime:
        return self.reader.now.astimezone(self.reader.zone)

    def _start(self, now: datetime, number: int, unit: str) -> datetime:
        """So many units before ``now``, at midnight when they are days or longer."""
        try:
            read = relative_date(f"-{number}{_LETTERS[unit]}", now=now)
        except (ValueError, OverflowError):
            return _FIRST
        if read is None:  # more digits than a date has
            return _FIRST
        return max(_FIRST, read.moment if unit in _SHORT else _midnight(read.moment))

    def _explicit(self, text: str, name: str, *, at_end: bool) -> datetime:
        """A date without a time is its whole day; relative dates in days or longer begin at midnight."""
        try:
            read = parse_date(text.strip(), now=self._local_now, attr=name)
        except InvalidInput as error:
            raise self.wrong(name, error.detail) from None
        if read.is_relative:
            keeps_time = at_end or read.has_edge or _SHORT_TEXT.fullmatch(text.strip())
            return read.moment if keeps_time else _midnight(read.moment)
        if at_end and not _HAS_TIME.search(text.strip()):
            return _midnight(read.moment) + timedelta(days=1, microseconds=-1)
        return read.moment


_SPANS = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
    "month": timedelta(days=30),
    "year": timedelta(days=365),
}


def _midnight(moment: datetime) -> datetime:
    return datetime.combine(moment.date(), time(), moment.tzinfo)


def _sequence(item: _Behavior) -> Doing:
    then = item.item.get("seq_event")
    if not isinstance(then, str) or not then:
        raise item.wrong("seq_event", "This field is required.")
    return FollowedBy(item.window(), then, item.span())


_DOING: dict[str, Callable[[_Behavior], Doing]] = {
    "performed_event": lambda item: Performed(item.window()),
    "performed_event_first_time": lambda item: FirstTime(item.window()),
    "performed_event_multiple": lambda item: Multiple(item.window(), item.amount()),
    "performed_event_sequence": _sequence,
    "stopped_performing_event": lambda item: Stopped(item.window(), item.recent()),
    "restarted_performing_event": lambda item: Restarted(item.window(), item.recent()),
    "performed_event_regularly": lambda item: Regularly(item.bounds(), item.minimum(), item.amount()),
}
