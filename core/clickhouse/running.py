"""Queries that are running, found by a mark in their ``log_comment``: how far they are, and how to stop them.

Not by ``query_id``: a mark may stand in several queries, one after the other, and the embedded engine gives out ids of
its own.
"""

import re
from dataclasses import dataclass

from core.clickhouse import client

_MARK = re.compile(r"[0-9a-f]{32}")

_PROGRESS = """
SELECT sum(read_bytes), sum(read_rows), sum(total_rows_approx), max(elapsed),
    sum(ProfileEvents['UserTimeMicroseconds'] + ProfileEvents['SystemTimeMicroseconds'])
FROM system.processes WHERE is_initial_query AND position(Settings['log_comment'], {mark:String}) > 0
"""


@dataclass(frozen=True, slots=True)
class Progress:
    """``seconds`` since the query began; ``cpu_microseconds`` of all its threads."""

    bytes_read: int
    rows_read: int
    rows_in_all: int
    seconds: float
    cpu_microseconds: int


def progress(mark: str) -> Progress:
    """Of the queries with this mark; all zero when none runs. Raises ``ClickHouseUnavailable``."""
    return Progress(*client.inspect(_PROGRESS, parameters={"mark": mark})[0])


def stop(mark: str) -> None:
    """Tell the queries with this mark to end, without waiting until they have. Raises ``ClickHouseUnavailable``."""
    if not _MARK.fullmatch(mark):
        raise ValueError("a mark has 32 hexadecimal digits")
    # KILL QUERY takes no bound parameters in every version; the mark is ours and was looked at.
    client.administer(
        f"KILL QUERY WHERE position(Settings['log_comment'], '{mark}') > 0 AND query NOT LIKE 'KILL QUERY%' ASYNC"
    )
