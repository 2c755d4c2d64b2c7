"""When an event happened."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.events.clock import EPOCH, event_time

RECEIVED = datetime(2026, 6, 1, 12, tzinfo=UTC)


def read(
    timestamp: Any = None, *, offset: Any = None, sent_at: datetime | None = None, ignore: bool = False
) -> datetime:
    return event_time(
        timestamp=timestamp, offset=offset, sent_at=sent_at, ignore_sent_at=ignore, received=RECEIVED
    )


@pytest.mark.parametrize(
    ("timestamp", "expected"),
    [
        ("2026-01-02T03:04:05.678901Z", datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)),
        ("2026-01-02T03:04:05+01:00", datetime(2026, 1, 2, 2, 4, 5, tzinfo=UTC)),
        ("2026-01-02 03:04:05", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02", datetime(2026, 1, 2, tzinfo=UTC)),
        ("Fri, 02 Jan 2026 03:04:05 +0100", datetime(2026, 1, 2, 2, 4, 5, tzinfo=UTC)),
        ("1767323045", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("1767323045678", datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)),
        (1767323045, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("0001-01-01T00:00:00+05:00", EPOCH),
        ("+010000-01-01T00:00:00Z", EPOCH),
        ("-000001-01-01T00:00:00Z", EPOCH),
        ("0000-01-01T00:00:00Z", EPOCH),
        ("2026-06-02T10:59:59Z", datetime(2026, 6, 2, 10, 59, 59, tzinfo=UTC)),
        ("2026-06-02T11:00:01Z", RECEIVED),
        ("9999-12-31T23:59:59Z", RECEIVED),
        ("nonsense", RECEIVED),
        ("", RECEIVED),
        (None, RECEIVED),
        (True, RECEIVED),
        ([], RECEIVED),
        ("1e300", EPOCH),
        ("nan", RECEIVED),
        ("inf", EPOCH),
    ],
)
def test_timestamps(timestamp: Any, expected: datetime) -> None:
    assert read(timestamp) == expected


def test_sent_at_corrects_the_clients_clock() -> None:
    ahead = RECEIVED + timedelta(hours=5)

    assert read("2026-06-01T16:59:00Z", sent_at=ahead) == RECEIVED - timedelta(minutes=1)
    assert read("2026-06-01T16:59:00Z", sent_at=ahead, ignore=True) == RECEIVED + timedelta(
        hours=4, minutes=59
    )


def test_offset_beats_everything() -> None:
    assert read("2020-01-01", offset=1500, sent_at=EPOCH) == RECEIVED - timedelta(seconds=1.5)
    assert read("2020-01-01", offset=float("1e300")) == EPOCH
