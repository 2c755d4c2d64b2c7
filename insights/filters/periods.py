"""The periods that a date range is cut into: hours, days, weeks or months of the project's time zone, by wall clock."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from core.filters.dates import DateRange, Interval


def period_start(moment: datetime, interval: Interval, *, zone: ZoneInfo, week_start_day: int) -> datetime:
    """The first instant of the period that holds ``moment``, in ``zone``. Weeks begin on Sunday when ``week_start_day``
    is 0, on Monday when it is 1.
    """
    local = moment.astimezone(zone).replace(second=0, microsecond=0)
    if interval is Interval.HOUR:
        return _hour_start(local)
    day = local.replace(hour=0, minute=0, fold=0)
    if interval is Interval.WEEK:
        return day - timedelta(days=(day.weekday() + 1 - week_start_day) % 7)
    return day.replace(day=1) if interval is Interval.MONTH else day


def _hour_start(minute: datetime) -> datetime:
    """An hour also begins when clocks change: on Lord Howe Island they do so by half an hour."""
    start = minute.replace(minute=0).astimezone(UTC)
    while start.astimezone(minute.tzinfo).utcoffset() != minute.utcoffset():
        start += timedelta(minutes=1)
    return start.astimezone(minute.tzinfo)


def next_period(start: datetime, interval: Interval) -> datetime:
    """The first instant of the period after the one that begins at ``start``, which has the zone."""
    if interval is Interval.HOUR:
        return (start.astimezone(UTC) + timedelta(minutes=60 - start.minute)).astimezone(start.tzinfo)
    if interval is Interval.MONTH:
        return (start.replace(day=1) + timedelta(days=32)).replace(day=1)
    return start + timedelta(days=7 if interval is Interval.WEEK else 1)


def period_starts(
    dates: DateRange, interval: Interval, *, zone: ZoneInfo, week_start_day: int
) -> Iterator[datetime]:
    """The starts of all periods from that of the first instant of ``dates`` to that of the last."""
    start = period_start(dates.first, interval, zone=zone, week_start_day=week_start_day)
    while start.astimezone(UTC) <= dates.last:
        yield start
        start = next_period(start, interval)
