"""Where the events are that an erasure is about: noted while they are counted, so that the deletion need not look for
them again, which costs as much as the count.

A place is a part and the number of a row in it. A part never changes, but merges and mutations write new ones in
its stead. So the parts that were searched are noted, too, and a row is deleted either because it was found in one of
these, or because it is in another one and the condition says so. All of it is in memory only.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings

from core.clickhouse import client, cluster

TABLES = ("rows_to_erase", "parts_searched")
#: Events whose places are noted, at some hundred bytes each. Of more, the patches themselves take most of the time.
MOST = 200_000

# Before the rows: what is written in between is no part that was searched.
_NOTE_PARTS = """
INSERT INTO parts_searched
SELECT name FROM system.parts WHERE database = {database:String} AND table = 'events' AND active
"""
_NOTE_ROWS = """
INSERT INTO rows_to_erase
SELECT {{run:UUID}}, project_id, distinct_id, _part, _part_offset FROM events {condition}
LIMIT {{most:UInt64}} SETTINGS {limits}
"""
_COUNT = "SELECT project_id, distinct_id, count() FROM rows_to_erase WHERE run = {run:UUID} GROUP BY 1, 2"


def note(
    condition: str, parameters: Mapping[str, Any], *, limits: str
) -> Sequence[tuple[int, str, int]] | None:
    """Note where the events of ``condition`` are; their number by project and distinct id. Null when they are too many,
    and in a cluster, whose nodes have parts of their own: then nothing is noted, and every part counts as not searched.

    The tables must be empty.
    """
    if cluster.here():
        return None
    client.administer(_NOTE_PARTS, parameters={"database": settings.CLICKHOUSE["database"]})
    statement = _NOTE_ROWS.format(condition=condition, limits=limits)
    client.administer(statement, parameters={**parameters, "most": MOST + 1})
    found = [(row[0], row[1], row[2]) for row in client.inspect(_COUNT, parameters=parameters)]
    if sum(rows for *_, rows in found) <= MOST:
        return found
    forget()
    return None


def forget() -> None:
    # Parts first: what was found in them is deleted by its place and by nothing else.
    for table in reversed(TABLES):
        client.administer(f"TRUNCATE TABLE {table}")


def noted() -> str:
    """The condition of events that were found. The numbers alone come first, for they are looked up quickly, and few
    rows of other parts have the same ones.
    """
    rows = f"FROM {settings.CLICKHOUSE['database']}.rows_to_erase WHERE run = {{run:UUID}}"
    return f"_part_offset IN (SELECT place {rows}) AND (_part, _part_offset) IN (SELECT part, place {rows})"


def not_searched() -> str:
    """The condition of events in parts in which nobody has looked."""
    parts = f"FROM {settings.CLICKHOUSE['database']}.parts_searched"
    return f"_part NOT IN (SELECT part {parts})"
