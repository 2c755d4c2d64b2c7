"""Takes the bytes of deleted rows off ClickHouse's disk: parts are written anew without them, and the old parts go.

Every step may be repeated. What is rewritten is one partition at a time, and only parts in which something was deleted.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings

from core.advisory_lock import in_turn
from core.clickhouse import client
from core.clickhouse.erase import TABLES
from core.clickhouse.mutations import wait_for_mutations
from core.clickhouse.squash import REWRITING
from core.exceptions import ClickHouseUnavailable

#: Seconds between two looks, and for old parts to go: ClickHouse removes them in its own time.
_LOOK = 0.1
PATIENCE = 300.0

# Patch parts, which hold what a lightweight delete said, have partitions of their own name.
_MASKED = """
SELECT DISTINCT table, extract(partition_id, '[^-]+$') FROM system.parts
WHERE database = {database:String} AND table IN {tables:Array(String)} AND active
  AND (has_lightweight_delete OR startsWith(name, 'patch-'))
ORDER BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition with deleted rows in it."""

    table: str
    id: str


def partitions() -> list[Partition]:
    """Those with rows that were deleted and are still on the disk."""
    rows = client.inspect(_MASKED, parameters=_parameters())
    return [Partition(table, partition) for table, partition in rows]


def rewrite(partition: Partition) -> None:
    """Write the parts of the partition anew, without the rows that were deleted."""
    for step in ("APPLY PATCHES", "APPLY DELETED MASK"):
        with in_turn(*REWRITING):
            client.administer(f"ALTER TABLE {partition.table} {step} IN PARTITION ID '{partition.id}'")
            wait_for_mutations(partition.table)


# Patch parts of the second version, as there were once, have the distinct ids of what they delete; they go when all
# parts have taken them in.
_OLD = """
SELECT table, name FROM system.parts
WHERE database = {database:String} AND table IN {tables:Array(String)} AND (NOT active OR startsWith(name, 'patch-'))
"""


def remove_old_parts() -> Iterator[int]:
    """Wait until the parts that are no longer needed now have left the disk, which ClickHouse sees to by itself; how
    many are left, again and again. Raises ``ClickHouseUnavailable`` when they stay.
    """
    deadline = time.monotonic() + PATIENCE
    old = _old_parts()
    while True:
        old &= _old_parts()
        yield len(old)
        if not old:
            return
        if time.monotonic() >= deadline:
            raise ClickHouseUnavailable(f"{len(old)} old parts of ClickHouse stay on the disk.")
        time.sleep(_LOOK)


def _old_parts() -> set[tuple[str, str]]:
    return {(table, name) for table, name in client.inspect(_OLD, parameters=_parameters())}


def _parameters() -> dict[str, object]:
    return {"database": settings.CLICKHOUSE["database"], "tables": [*TABLES, "overrides_to_squash"]}
