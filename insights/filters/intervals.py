"""A date range cut into the periods of a series, and what these are called."""

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

from core.exceptions import InvalidInput
from core.filters.dates import YEARS, DateRange, Interval
from insights.filters.periods import next_period, period_starts

#: About 13 months of hours, 27 years of days.
MOST_PERIODS = 10_000
_SECOND = timedelta(seconds=1)


def cut(dates: DateRange, interval: Interval, *, zone: ZoneInfo, week_start_day: int) -> tuple[datetime, ...]:
    """The starts of the periods that ``dates`` touches, in ``zone``, and the end of the last one; nothing when the
    range is empty. Raises ``InvalidInput`` when they are more than ``MOST_PERIODS``.
    """
    if dates.first > dates.last:
        return ()
    starts = period_starts(dates, interval, zone=zone, week_start_day=week_start_day)
    found = list(islice(starts, MOST_PERIODS + 1))
    if len(found) > MOST_PERIODS:
        detail = f"There are more than {MOST_PERIODS} intervals between the dates; ask for longer ones."
        raise InvalidInput(detail, attr="interval")
    end = next_period(found[-1], interval)
    # A day that a zone left out, to change sides of the date line, begins when the next one does.
    begun = (one for one, following in pairwise([*found, end]) if one.timestamp() != following.timestamp())
    return (*begun, end)


def at_least(dates: DateRange, count: int, interval: Interval) -> bool:
    """Whether ``dates`` is as long as ``count`` of ``interval``, hours or days."""
    return dates.last - dates.first + _SECOND >= count * timedelta(**{f"{interval}s": 1})


def day_of(start: datetime, interval: Interval) -> str:
    """``2021-05-01``, of hours ``2021-05-01 13:00:00``"""
    return f"{start:%Y-%m-%d %H:%M:%S}" if interval is Interval.HOUR else f"{start:%Y-%m-%d}"


def label_of(start: datetime, interval: Interval) -> str:
    """``1-May-2021``, of hours ``1-May-2021 13:00``"""
    day = f"{start.day}-{start:%b}-{start.year}"
    return f"{day} {start:%H:%M}" if interval is Interval.HOUR else day


def before(moment: datetime, days: int, *, zone: ZoneInfo) -> datetime:
    """The same time of the clock so many days earlier, in UTC."""
    if not days:
        # The clock may show the time twice that day.
        return moment.astimezone(UTC)
    return (moment.astimezone(zone) - timedelta(days=days)).astimezone(UTC)


def shifted(moment: datetime, count: int, interval: Interval, *, zone: ZoneInfo) -> datetime:
    """So many intervals earlier, in UTC: hours as they pass, the others at the same time of the clock; in a month that
    is too short for the day, on its last.
    """
    if interval is Interval.HOUR:
        return moment.astimezone(UTC) - count * timedelta(hours=1)
    local = moment.astimezone(zone)
    if interval is Interval.MONTH:
        year, month = divmod(local.year * 12 + local.month - 1 - count, 12)
        length = monthrange(year, month + 1)[1]
        return local.replace(year=year, month=month + 1, day=min(local.day, length)).astimezone(UTC)
    return before(moment, count * (7 if interval is Interval.WEEK else 1), zone=zone)


def previous(dates: DateRange, interval: Interval, *, zone: ZoneInfo) -> DateRange:
    """The range before, as long as ``dates``: by the least number of intervals that are no shorter.

    Raises ``InvalidInput`` when it is earlier than times are.
    """
    end, count = dates.last + _SECOND, 0
    if dates.first.year - (end.year - dates.first.year) <= YEARS.start:
        raise InvalidInput(f"The range before would begin before {YEARS.start}.", attr="compare")
    while shifted(end, count, interval, zone=zone) > dates.first:
        count += 1
    first, end = (shifted(moment, count, interval, zone=zone) for moment in (dates.first, end))
    return DateRange(first, end - _SECOND)


def intervals_between(dates: DateRange, interval: Interval, *, zone: ZoneInfo) -> int:
    """How often ``interval`` fits between the two dates, by clock and calendar; of months, how many the calendar is
    turned. Below zero when the range is empty.
    """
    if interval is Interval.HOUR:
        return (dates.last - dates.first) // timedelta(hours=1)
    first, last = (moment.astimezone(zone).replace(tzinfo=None) for moment in (dates.first, dates.last))
    if interval is Interval.MONTH:
        return (last.year - first.year) * 12 + last.month - first.month
    return (last - first) // timedelta(days=7 if interval is Interval.WEEK else 1)
