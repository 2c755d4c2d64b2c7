"""Stores events of another server, and finds them again.

The uuid of an event is its name: what is stored a second time is one event
(``docs/decisions/0005-repeated-events.md``). So the place in the list moves only when it was looked at what ClickHouse
has of everything before it; what was stored after that and before a crash is read and stored again.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from django.db.backends.utils import CursorWrapper

from core.clickhouse import client
from core.events.event import Event
from core.events.read import InvalidEvent, read_event
from core.identity.ids import person_uuid
from core.services.capture import place_events, take_events
from core.services.transaction import change_persons

#: Uuids that one question names.
_ASKED = 1_000


def read_source_event(row: Mapping[str, Any], *, received: datetime) -> Event | None:
    """The event in a row of the list; null for what this server takes for none."""
    properties = row.get("properties")
    chain = row.get("elements_chain")
    if isinstance(properties, dict) and isinstance(chain, str) and chain:
        properties = {**properties, "$elements_chain": chain}
    raw = {
        "event": row.get("event"),
        "distinct_id": row.get("distinct_id"),
        "timestamp": row.get("timestamp"),
        "properties": properties,
        # Without one it would be another event each time.
        "uuid": row.get("id") or "none",
    }
    try:
        return read_event(raw, index=0, sent_at=None, received=received)
    except InvalidEvent:
        return None


# By the uuid, too: an id without an override leaves no tombstone of its own.
_DELETED = """
SELECT new.distinct_id FROM json_to_recordset(%(ids)s) AS new (distinct_id text, uuid uuid)
WHERE NOT EXISTS (
    SELECT 1 FROM core_persondistinctid m
    WHERE m.project_id = %(project_id)s AND m.distinct_id = new.distinct_id
) AND (
    EXISTS (
        SELECT 1 FROM core_distinctidtombstone dead WHERE dead.project_id = %(project_id)s
        AND dead.digest = substr(sha256(convert_to(new.distinct_id, 'UTF8')), 1, 16)
    ) OR EXISTS (
        SELECT 1 FROM core_persontombstone dead WHERE dead.project_id = %(project_id)s AND dead.uuid = new.uuid
    )
)
"""


def store_events(*, project_id: int, events: Sequence[Event], has_persons: bool) -> Sequence[Event]:
    """Store ``events``; those that were. With ``has_persons`` their persons came as they have become and stay so, and
    events of distinct ids that were deleted here are left out; else events make persons, as when they are captured.
    """

    def store(cursor: CursorWrapper) -> Sequence[Event]:
        if not has_persons:
            take_events(cursor, project_id=project_id, events=events)
            return events
        deleted = _deleted_ids(cursor, project_id, {event.distinct_id for event in events})
        kept = [event for event in events if event.distinct_id not in deleted]
        place_events(cursor, project_id=project_id, events=kept)
        return kept

    return change_persons(project_id, store)


def _deleted_ids(cursor: CursorWrapper, project_id: int, distinct_ids: set[str]) -> set[str]:
    """Those that nobody has any more: what was erased must not come back."""
    rows = [{"distinct_id": one, "uuid": person_uuid(project_id, one)} for one in distinct_ids]
    cursor.execute(_DELETED, {"project_id": project_id, "ids": orjson.dumps(rows).decode()})
    return {distinct_id for (distinct_id,) in cursor.fetchall()}


_FOUND = """
SELECT uniqExact(uuid) FROM events
WHERE project_id = {project_id:Int64} AND timestamp BETWEEN {first:DateTime64(6, 'UTC')} AND {last:DateTime64(6, 'UTC')}
  AND uuid IN {uuids:Array(UUID)}
"""


def count_found(project_id: int, events: Mapping[UUID, datetime]) -> int:
    """How many of ``events``, by uuid with their times, ClickHouse has."""
    found = 0
    every = sorted(events, key=lambda uuid: events[uuid])
    for start in range(0, len(every), _ASKED):
        uuids = every[start : start + _ASKED]
        ((count,),) = client.query(
            _FOUND,
            project_id=project_id,
            parameters={
                "first": events[uuids[0]],
                # Bound times are cut to the second.
                "last": events[uuids[-1]] + timedelta(seconds=1),
                "uuids": uuids,
            },
        )
        found += int(count)
    return found
