"""Waits until everything accepted so far can be queried in ClickHouse."""

import time

from django.db import connection

from core.exceptions import ClickHouseUnavailable
from core.outbox.deliver import deliver_all

#: Seconds between two looks while another process delivers.
_LOOK = 0.02


def drain(*, timeout_seconds: float) -> int:
    """Deliver, or wait for who delivers, at most ``timeout_seconds``.

    The answer is the number of rows accepted before the call that are still left: 0 when all can be queried.
    Raises ``ClickHouseUnavailable`` when ClickHouse is away all that time.
    """
    deadline = time.monotonic() + timeout_seconds
    newest = _newest()
    while True:
        try:
            deliver_all()
        except ClickHouseUnavailable:
            if time.monotonic() >= deadline:
                raise
        left = rows_left(newest)
        if left == 0 or time.monotonic() >= deadline:
            return left
        time.sleep(_LOOK)


_NEWEST = "SELECT (SELECT max(id) FROM core_eventbuffer), (SELECT max(id) FROM core_outbox)"
_LEFT = """
SELECT (SELECT count(*) FROM core_eventbuffer WHERE id <= %s)
    + (SELECT count(*) FROM core_outbox WHERE id <= %s)
"""


def _newest() -> tuple[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(_NEWEST)
        event, change = cursor.fetchone()
    return event or 0, change or 0


def rows_left(up_to: tuple[int, int] | None = None) -> int:
    """Rows that have not reached ClickHouse: all, or those up to an event and a change."""
    with connection.cursor() as cursor:
        cursor.execute(_LEFT, up_to or _newest())
        return int(cursor.fetchone()[0])
