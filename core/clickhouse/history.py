"""Which events changed the properties of a person, and how?

Reads ``events`` of one project from the first one on; the caller says whose. They are found by scanning one column of
ids (nothing in the order of the table is about persons), and of those found only the properties that matter are read.

Rows come in pages, so that a person with millions of events takes no more memory than one with few; each page scans
anew.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import orjson

from core.clickhouse import client
from core.clickhouse.escape import property_path, property_text
from core.identity.replay import CARRIERS

#: Rows of a page.
PAGE = 20_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: ClickHouse's times end here.
_LAST = datetime(2299, 12, 31, tzinfo=UTC)
_PATHS = tuple((key, property_path(key)) for key in CARRIERS)


class Place(NamedTuple):
    """Where an event stands in the history: by its time, among equals by its arrival, among equals by its uuid. Both
    times are microseconds since 1970.
    """

    time: int
    received: int
    uuid: str


@dataclass(frozen=True, slots=True)
class PastEvent:
    """``carried`` are the properties that may change the person (``core.identity.replay.CARRIERS``); ``is_wanted`` is
    what the query asked of the event.
    """

    place: Place
    name: str
    carried: Mapping[str, Any]
    is_wanted: bool = False

    @property
    def timestamp(self) -> datetime:
        return _EPOCH + timedelta(microseconds=self.place.time)


_ARRAY = ", ".join(property_text("e.properties", key) for key in CARRIERS)

#: What ``past_events`` needs of a query: it selects ``COLUMNS`` of ``events AS e`` and something named ``is_wanted``,
#: its condition includes ``CONDITION``, and it ends with ``PAGE_OF``. Events without a profile carry nothing. A row
#: that is there twice until ClickHouse merges it is one event.
COLUMNS = f"""
    toUnixTimestamp64Micro(e.timestamp) AS time, toUnixTimestamp64Micro(e.received_at) AS received,
    toString(e.uuid) AS id, e.event AS name, e.typed_keys AS typed,
    if(e.person_mode = 'full', [{_ARRAY}], []) AS carried
"""
CONDITION = """
    (time, received, id) > ({after_time:Int64}, {after_received:Int64}, {after_id:String})
    AND (is_wanted OR arrayExists(value -> isNotNull(value), carried))
"""
PAGE_OF = """
    ORDER BY time, received, id
    LIMIT 1 BY id, e.event, e.distinct_id, toDate32(e.timestamp)
    LIMIT {page:UInt32}
"""


def past_events(
    sql: str, *, project_id: int, parameters: Mapping[str, Any], settings: client.Settings
) -> Iterator[PastEvent]:
    """The events of a query made of the parts above, oldest first."""
    place = Place(-(2**62), 0, "")
    while True:
        bound = {
            **parameters,
            "after_time": place.time,
            "after_received": place.received,
            "after_id": place.uuid,
            "page": PAGE,
        }
        rows = client.query(sql, project_id=project_id, parameters=bound, settings=settings)
        for *where, name, typed, carried, is_wanted in rows:
            place = Place(*where)
            yield PastEvent(place, name, _values(carried, typed), bool(is_wanted))
        if len(rows) < PAGE:
            return


def _values(texts: Sequence[str | None], typed: Sequence[str]) -> dict[str, Any]:
    """The values as they were sent."""
    return {
        key: orjson.loads(text) if path in typed else text
        for (key, path), text in zip(_PATHS, texts, strict=False)
        if text is not None
    }


def carried_in_line(properties: Mapping[str, str], typed: Sequence[str]) -> dict[str, Any]:
    """The same of a line that is still on its way (``core.outbox.lines.event_line``)."""
    return _values([properties.get(path) for _, path in _PATHS], typed)


# PREWHERE by hand: ClickHouse would put the test of the properties there, too, which takes half as long again.
_OF_DISTINCT_IDS = f"""
SELECT {COLUMNS}, false AS is_wanted FROM events AS e
PREWHERE e.project_id = {{project_id:Int64}} AND e.distinct_id IN {{distinct_ids:Array(String)}}
WHERE e.timestamp <= fromUnixTimestamp64Micro({{until:Int64}}, 'UTC') AND {CONDITION}
{PAGE_OF}
"""  # noqa: S608 - put together from the constants above


def changes_of(
    distinct_ids: Sequence[str], *, project_id: int, until: datetime, settings: client.Settings
) -> Iterator[PastEvent]:
    """The events under ``distinct_ids`` that may have changed properties, up to and including ``until``."""
    parameters = {"distinct_ids": list(distinct_ids), "until": microseconds(min(until, _LAST))}
    return past_events(_OF_DISTINCT_IDS, project_id=project_id, parameters=parameters, settings=settings)


def microseconds(moment: datetime) -> int:
    """Since 1970."""
    return (moment - _EPOCH) // timedelta(microseconds=1)
