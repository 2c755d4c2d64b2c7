"""What one question may use."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """``seconds`` is the time of one query, ``memory`` is in bytes. ``mark`` is what its queries can be found by while
    they run (``core.clickhouse.running``).
    """

    seconds: float
    memory: int
    mark: str = ""

    def settings(self, *, purpose: str) -> dict[str, str | int]:
        """ClickHouse settings; ``purpose`` marks the query in ``system.processes``."""
        return {
            "max_execution_time": math.ceil(self.seconds),
            "max_memory_usage": self.memory,
            "log_comment": f"{purpose} {self.mark}".rstrip(),
            # Merging the filters of subqueries computes what both use twice, at each level again: 7 s instead of 1 s
            # for arrays of funnels.
            "query_plan_merge_filters": 0,
            # What stands on the right of a join is what is kept in memory, whatever ClickHouse expects of filters: it
            # takes every one of them for a rare case, and then keeps the events. A fifth of the processor time of a
            # filtered funnel with overrides.
            "query_plan_join_swap_table": "false",
        }
