"""Which properties did a person have at some moment?"""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from threading import BoundedSemaphore
from typing import Any

import orjson
from django.conf import settings
from django.db import connection

from core.clickhouse.history import PastEvent, Place, carried_in_line, changes_of, microseconds
from core.database import release_connection
from core.exceptions import TooManyQuestions
from core.identity.replay import replayed

#: Questions of one process that wait for ClickHouse at once: each holds a thread, and capture needs some, too.
_places = BoundedSemaphore(8)

_BUFFERED = "SELECT line, created_at FROM core_eventbuffer WHERE project_id = %s AND distinct_id = ANY(%s)"


def properties_at_time(
    project_id: int, distinct_ids: Sequence[str], *, moment: datetime, with_set_once: bool
) -> dict[str, Any]:
    """What the events under ``distinct_ids`` made of the properties, up to and including ``moment``.

    Raises ``ClickHouseUnavailable``, ``QueryTooHeavy``, or ``TooManyQuestions`` while many others wait.
    """
    if not _places.acquire(blocking=False):
        raise TooManyQuestions
    try:
        return _replayed(_events(project_id, distinct_ids, moment), with_set_once=with_set_once)
    finally:
        _places.release()


def _replayed(events: Iterable[PastEvent], *, with_set_once: bool) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    last: Place | None = None
    for event in events:
        # One that was delivered meanwhile comes from both stores.
        if event.place != last:
            properties = replayed(properties, event.name, event.carried, with_set_once=with_set_once)
        last = event.place
    return properties


def _events(project_id: int, distinct_ids: Sequence[str], until: datetime) -> Iterator[PastEvent]:
    """Also events that ClickHouse does not have yet. They are read first: what is delivered in between is in both."""
    buffered = sorted(_buffered(project_id, distinct_ids, until), key=_place)
    release_connection()
    delivered = changes_of(
        distinct_ids,
        project_id=project_id,
        until=until,
        settings={
            "max_execution_time": settings.INSIGHTS_WAIT,
            "max_memory_usage": settings.INSIGHTS_MEMORY,
            "log_comment": "properties at time",
        },
    )
    return heapq.merge(buffered, delivered, key=_place)


def _buffered(project_id: int, distinct_ids: Sequence[str], until: datetime) -> list[PastEvent]:
    with connection.cursor() as cursor:
        cursor.execute(_BUFFERED, [project_id, list(distinct_ids)])
        events = [_read_line(orjson.loads(line), received) for line, received in cursor.fetchall()]
    return [event for event in events if event.place.time <= microseconds(until)]


def _read_line(row: dict[str, Any], received: datetime) -> PastEvent:
    """An event in the form of ``core.outbox.lines.event_line``."""
    time = microseconds(datetime.fromisoformat(row["timestamp"]).replace(tzinfo=UTC))
    carried = carried_in_line(row["properties"], row["typed_keys"]) if row["person_mode"] == "full" else {}
    return PastEvent(Place(time, microseconds(received), row["uuid"]), row["event"], carried)


def _place(event: PastEvent) -> Place:
    return event.place
