"""The date range of a question: what may be written, and how it is rounded."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from core.exceptions import InvalidInput
from core.filters.parameters import read_boolean, read_choice

#: ``all`` looks back to here at most. No earlier event is ever part of ``all``, so it need not be looked up.
EARLIEST = datetime(2015, 1, 1)
#: Years that ClickHouse's times can hold.
YEARS = range(1901, 2299)

_ABSOLUTE = re.compile(
    r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})"
    r"(?:[T ](?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
    r" ?(?P<zone>[Zz]|[+-]\d{2}(?::?\d{2})?)?)?"
)
# A whole word may stand for its letter as long as both mean the same: ``minutes`` does not, for ``m`` is
# months.
_RELATIVE = re.compile(
    r"-?(?P<number>\d{1,9})?"
    r"(?:(?P<unit>[hdwmqyM])|(?P<word>hour|day|week|month|quarter|year)s?)"
    r"(?P<edge>Start|End)?"
)


class Interval(StrEnum):
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


INTERVALS = {
    "minute": Interval.HOUR,
    "hour": Interval.HOUR,
    "day": Interval.DAY,
    "week": Interval.WEEK,
    "month": Interval.MONTH,
}


@dataclass(frozen=True, slots=True)
class DateRange:
    """From ``first`` to ``last``, whole seconds in UTC; any fraction of the last second is included."""

    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class ReadDate:
    """A date as it was written: a moment in the project's time zone and what kind of text it was."""

    moment: datetime
    is_relative: bool
    has_edge: bool


def read_dates(given: Mapping[str, Any], *, now: datetime, zone: ZoneInfo) -> DateRange:
    """The range of ``date_from``, ``date_to``, ``explicit_date`` and ``interval``."""
    hourly = read_interval(given) is Interval.HOUR
    explicit = read_boolean(given, "explicit_date")
    local_now = now.astimezone(zone)
    first = _first(_date_text(given, "date_from"), now=local_now, hourly=hourly, explicit=explicit)
    last = _last(_date_text(given, "date_to"), now=local_now, hourly=hourly, explicit=explicit)
    return DateRange(_second(first), _second(last))


def read_interval(given: Mapping[str, Any]) -> Interval:
    interval: Interval = read_choice(given, "interval", INTERVALS, default="day")
    return interval


def _date_text(given: Mapping[str, Any], name: str) -> str | None:
    value = given.get(name)
    if value is not None and not isinstance(value, str):
        raise InvalidInput("A date is text such as 2021-05-01 or -7d.", attr=name)
    return value.strip() if value is not None else None


def _first(text: str | None, *, now: datetime, hourly: bool, explicit: bool) -> datetime:
    if text is None:
        return _day_start(now - timedelta(days=7))
    if text == "all":
        return EARLIEST.replace(tzinfo=now.tzinfo)
    read = parse_date(text, now=now, attr="date_from")
    if explicit or hourly or "h" in text:
        return read.moment
    return _day_start(read.moment)


def _last(text: str | None, *, now: datetime, hourly: bool, explicit: bool) -> datetime:
    read = ReadDate(now, True, False) if text is None else parse_date(text, now=now, attr="date_to")
    if explicit:
        return read.moment
    if not (hourly or "h" in (text or "")):
        return _day_end(read.moment)
    if read.is_relative and not read.has_edge:
        return _hour_end(read.moment)
    return read.moment


def parse_date(text: str, *, now: datetime, attr: str) -> ReadDate:
    """``text`` as a date: ISO 8601, or relative to ``now``. Without an offset it is local to the zone of ``now``."""
    try:
        read = _absolute(text, now) or relative_date(text, now=now)
    except (ValueError, OverflowError):
        raise InvalidInput(f"{text!r} is no date of the calendar.", attr=attr) from None
    if read is None:
        raise InvalidInput(f"{text!r} is not a date such as 2021-05-01 or -7d.", attr=attr)
    if read.moment.year not in YEARS:
        raise InvalidInput(f"Ensure the year is from {YEARS.start} to {YEARS.stop - 1}.", attr=attr)
    return read


def _absolute(text: str, now: datetime) -> ReadDate | None:
    match = _ABSOLUTE.fullmatch(text)
    if match is None:
        return None
    parts = match.groupdict(default="")
    moment = datetime(
        int(parts["year"]),
        int(parts["month"]),
        int(parts["day"]),
        int(parts["hour"] or 0),
        int(parts["minute"] or 0),
        int(parts["second"] or 0),
        int(parts["fraction"].ljust(6, "0")[:6]),
        tzinfo=now.tzinfo,
    )
    if parts["zone"]:
        moment = datetime.fromisoformat(f"{moment:%Y-%m-%dT%H:%M:%S.%f}{parts['zone'].upper()}").astimezone(
            now.tzinfo
        )
    return ReadDate(moment, is_relative=False, has_edge=False)


def relative_date(text: str, *, now: datetime) -> ReadDate | None:
    """``-7d``, ``mStart``, ``-1yEnd``: into the past, whatever the sign; null when it is none of these.

    Raises ``ValueError`` or ``OverflowError`` when the calendar has no such day.
    """
    match = _RELATIVE.fullmatch(text)
    if match is None:
        return None
    unit = match["unit"] or match["word"][0]
    moment = _back(now, unit, int(match["number"] or 0))
    if match["edge"] is None:
        return ReadDate(moment, is_relative=True, has_edge=False)
    if unit not in "hdmy":
        return None
    return ReadDate(_edge(moment, unit, at_end=match["edge"] == "End"), is_relative=True, has_edge=True)


def _back(now: datetime, unit: str, number: int) -> datetime:
    """``now`` less ``number`` units: hours and minutes pass everywhere alike, days and longer are of the calendar."""
    match unit:
        case "h" | "M":
            span = timedelta(hours=number) if unit == "h" else timedelta(minutes=number)
            return (now.astimezone(UTC) - span).astimezone(now.tzinfo)
        case "d":
            return now - timedelta(days=number)
        case "w":
            return now - timedelta(weeks=number)
        case "q":
            return now - timedelta(weeks=13 * number)
        case "m":
            return _months_back(now, number)
    return _months_back(now, 12 * number)


def _months_back(now: datetime, months: int) -> datetime:
    """The same day so many months ago, or the last day of that month when it is shorter."""
    year, month = divmod(now.year * 12 + now.month - 1 - months, 12)
    return now.replace(year=year, month=month + 1, day=min(now.day, _month_length(year, month + 1)))


def _month_length(year: int, month: int) -> int:
    following = datetime(year + month // 12, month % 12 + 1, 1)
    return (following - timedelta(days=1)).day


def _edge(moment: datetime, unit: str, *, at_end: bool) -> datetime:
    if unit == "h":
        return _hour_end(moment) if at_end else moment.replace(minute=0, second=0, microsecond=0)
    if unit == "m":
        moment = moment.replace(day=_month_length(moment.year, moment.month) if at_end else 1)
    if unit == "y":
        moment = moment.replace(month=12, day=31) if at_end else moment.replace(month=1, day=1)
    return _day_end(moment) if at_end else _day_start(moment)


def _day_start(moment: datetime) -> datetime:
    return datetime.combine(moment.date(), time(), moment.tzinfo)


def _day_end(moment: datetime) -> datetime:
    """The last instant before the next day: the clock may show the last hour of a day twice."""
    following = datetime.combine(moment.date() + timedelta(days=1), time(), moment.tzinfo)
    return (following.astimezone(UTC) - timedelta(microseconds=1)).astimezone(moment.tzinfo)


def _hour_end(moment: datetime) -> datetime:
    return moment.replace(minute=59, second=59, microsecond=999999)


def _second(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)
