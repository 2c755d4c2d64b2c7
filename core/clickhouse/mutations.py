"""Mutations: statements that write parts anew. They go on after the statement has returned, and fail on their own."""

import time

from django.conf import settings

from core.clickhouse import client
from core.exceptions import ClickHouseRefused

#: Seconds between two looks.
_LOOK = 0.1
#: ClickHouse's code for a mutation that failed.
_UNFINISHED = 341

_UNDONE = """
SELECT count(), anyIf(latest_fail_reason, latest_fail_reason != '') FROM system.mutations
WHERE database = {database:String} AND table = {name:String} AND NOT is_done AND command LIKE {command:String}
"""


def wait_for_mutations(table: str, *, command: str = "%") -> None:
    """Until those of ``table`` are done whose text is like ``command``, however long it takes: a connection would not
    wait as long.

    Raises ``ClickHouseRefused`` when one of them fails, or ``ClickHouseUnavailable``.
    """
    parameters = {"database": settings.CLICKHOUSE["database"], "name": table, "command": command}
    while True:
        ((count, failure),) = client.inspect(_UNDONE, parameters=parameters)
        if failure:
            raise ClickHouseRefused(_UNFINISHED, failure)
        if not count:
            return
        time.sleep(_LOOK)
