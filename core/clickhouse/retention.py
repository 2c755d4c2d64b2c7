"""Removes events that are older than they may be: whole months at once, the rest of a month row by row.

Partitions of ``events`` are months in UTC (``schema/0001_events.sql``). Dropping one costs nothing and takes its bytes
off the disk; rows of the month in which the limit lies go by a lightweight delete, and their bytes with the month, or
with a merge before. Every step may be repeated. Whoever runs one holds ``squash.REWRITING``.
"""

from datetime import UTC, datetime

from django.conf import settings

from core.clickhouse import client

_MONTHS = """
SELECT DISTINCT partition_id FROM system.parts
WHERE database = {database:String} AND table = 'events' AND active AND match(partition_id, '^[0-9]{6}$')
ORDER BY partition_id
"""


def months() -> list[str]:
    """The months of which there are events, as ``202601``, oldest first."""
    return [
        month
        for (month,) in client.inspect(_MONTHS, parameters={"database": settings.CLICKHOUSE["database"]})
    ]


def month_of(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y%m")


_EVENTS = """
SELECT count() FROM events WHERE _partition_id = {month:String} AND timestamp < {before:DateTime64(6, 'UTC')}
"""


def count_events(month: str, *, before: datetime) -> int:
    """Events of a month that happened before a moment."""
    ((count,),) = client.inspect(_EVENTS, parameters={"month": month, "before": _text(before)})
    return int(count)


def drop_month(month: str) -> None:
    client.administer(f"ALTER TABLE events DROP PARTITION ID '{int(month):06}'")


_DELETE = """
DELETE FROM events IN PARTITION ID '{month:06}' WHERE timestamp < {{before:DateTime64(6, 'UTC')}}
SETTINGS lightweight_deletes_sync = 2
"""


def delete_events(month: str, *, before: datetime) -> None:
    """Delete the events of a month that happened before a moment."""
    client.administer(_DELETE.format(month=int(month)), parameters={"before": _text(before)})


def _text(moment: datetime) -> str:
    """Bound times are cut to the second otherwise."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
