"""Dates in property filters.

Stored values and the values of filters are read by the same lenient rules; ``core.sql.lenient_dates``
is the twin of ``read_moment`` for stored values.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from core.exceptions import InvalidInput
from core.filters.dates import relative_date

_TIME = (
    r"(?:[T ](?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.\d+)?)?"
    r" ?(?P<zone>Z|[+-]\d{2}(?::?\d{2})?)?)?"
)
_YEAR_FIRST = re.compile(r"(?P<year>\d{4})(?P<mark>[-/])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})" + _TIME)
_DAY_FIRST = re.compile(r"(?P<day>\d{1,2})(?P<mark>[-/])(?P<month>\d{1,2})(?P=mark)(?P<year>\d{4})" + _TIME)
_UNIX = re.compile(r"(\d{9,10})(?:\.\d+)?")
_UNIX_MILLISECONDS = re.compile(r"(\d{10})\d{3}(?:\.\d+)?")
_RFC_822 = re.compile(
    r"(?:[A-Za-z]{3}, )?\d{1,2} [A-Za-z]{3} \d{4} \d{2}:\d{2}(?::\d{2})? (?:[+-]\d{4}|GMT|UTC|Z)"
)


class Direction(StrEnum):
    EXACT = "exact"
    AFTER = "after"
    BEFORE = "before"


@dataclass(frozen=True, slots=True)
class DateTest:
    """The text form, read as a time, is from ``since`` to before ``until``: Unix seconds, null for no bound.

    ``zone`` is the time zone of times without offset.
    """

    since: int | None
    until: int | None
    zone: str


@dataclass(frozen=True, slots=True)
class Moment:
    at: datetime
    has_time: bool


def read_date_test(direction: Direction, text: str, *, now: datetime, zone: ZoneInfo, attr: str) -> DateTest:
    """The times that ``text`` allows; a date without a time is its whole day. ``now`` is local to ``zone``."""
    try:
        moment = read_moment(text.strip(), zone=zone) or _relative(text.strip(), now=now)
        if moment is None:
            raise InvalidInput(f"{text!r} is not a date.", attr=attr)
        first, following = _span(moment)
    except (ValueError, OverflowError):
        raise InvalidInput(f"{text!r} is no date of the calendar.", attr=attr) from None
    match direction:
        case Direction.EXACT:
            return DateTest(first, following, zone.key)
        case Direction.AFTER:
            return DateTest(following, None, zone.key)
    return DateTest(None, first, zone.key)


def _span(moment: Moment) -> tuple[int, int]:
    """The first second that the date stands for, and the first one after it."""
    first = int(moment.at.timestamp() // 1)
    if moment.has_time:
        return first, first + 1
    tomorrow = moment.at.date() + timedelta(days=1)
    return first, int(datetime.combine(tomorrow, time(), moment.at.tzinfo).timestamp())


def read_moment(text: str, *, zone: ZoneInfo) -> Moment | None:
    """``text`` as a time; null when it is written in none of the known ways. Raises ``ValueError`` for a
    31st of June.
    """
    for pattern, read in _FORMS:
        match = pattern.fullmatch(text)
        if match:
            return read(match, zone)
    return None


def _relative(text: str, *, now: datetime) -> Moment | None:
    read = relative_date(text, now=now)
    return Moment(read.moment, has_time=True) if read else None


def _calendar(match: re.Match[str], zone: ZoneInfo) -> Moment:
    parts = match.groupdict(default="0")
    at = datetime(
        int(parts["year"]),
        int(parts["month"]),
        int(parts["day"]),
        int(parts["hour"]),
        int(parts["minute"]),
        int(parts["second"]),
        tzinfo=zone,
    )
    if match["zone"]:
        at = datetime.fromisoformat(f"{at:%Y-%m-%dT%H:%M:%S}{match['zone']}")
    return Moment(at, has_time=match["hour"] is not None)


def _unix(match: re.Match[str], zone: ZoneInfo) -> Moment:
    return Moment(datetime.fromtimestamp(int(match[1]), UTC), has_time=True)


def _rfc_822(match: re.Match[str], zone: ZoneInfo) -> Moment:
    at = parsedate_to_datetime(match[0])
    return Moment(at if at.tzinfo else at.replace(tzinfo=UTC), has_time=True)


_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], ZoneInfo], Moment]], ...] = (
    (_YEAR_FIRST, _calendar),
    (_DAY_FIRST, _calendar),
    (_UNIX, _unix),
    (_UNIX_MILLISECONDS, _unix),
    (_RFC_822, _rfc_822),
)
