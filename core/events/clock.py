"""When an event happened, by what the client says and by when it was received."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: A client's clock may be this far ahead before its time is no longer believed.
FUTURE = timedelta(hours=23)
#: Numbers above this are milliseconds, below it seconds.
_MILLISECONDS_FROM = 100_000_000_000


def event_time(
    *, timestamp: Any, offset: Any, sent_at: datetime | None, ignore_sent_at: bool, received: datetime
) -> datetime:
    """The time of an event, in UTC.

    ``offset`` (milliseconds before ``received``) beats ``timestamp``; ``sent_at`` tells how wrong the
    client's clock is. What cannot be read is ``received``, and so is what lies more than 23 hours ahead of
    it; years outside the calendar are the epoch.
    """
    try:
        if _is_number(offset):
            found = received - timedelta(milliseconds=offset)
        else:
            read = read_time(timestamp)
            if read is None:
                return received
            found = read if sent_at is None or ignore_sent_at else read - (sent_at - received)
    except (OverflowError, ValueError):
        return EPOCH
    return received if found - received > FUTURE else found


def read_time(value: Any) -> datetime | None:
    """A time in ISO 8601 (without zone: UTC), RFC 2822 or as a Unix time; null when it is none of them.

    Raises ``OverflowError`` for a year outside the calendar.
    """
    if isinstance(value, str):
        try:
            return _utc(datetime.fromisoformat(value.strip()))
        except ValueError:
            return _read_unusual(value.strip())
    if _is_number(value):
        return _unix(float(value))
    return None


def _read_unusual(text: str) -> datetime | None:
    try:
        return _unix(float(text))
    except ValueError:
        pass
    if _has_long_year(text):
        raise OverflowError(text)
    try:
        return _utc(parsedate_to_datetime(text))
    except (ValueError, TypeError, IndexError):
        return None


def _has_long_year(text: str) -> bool:
    """ISO's expanded years (``+012026-…``, ``-000001-…``) and the year 0, which Python's calendar does not
    have.
    """
    year = text.lstrip("+-").split("-")[0]
    signed = text[:1] in "+-"
    return (
        year.isdigit()
        and "-" in text[1:]
        and ((signed and len(year) >= 4) or len(year) > 4 or year == "0000")
    )


def _unix(number: float) -> datetime:
    seconds = number / 1000 if abs(number) >= _MILLISECONDS_FROM else number
    return EPOCH + timedelta(seconds=seconds)


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
