"""How many steps did each actor of an ordered funnel without exclusions reach, whatever the attempt?

For each step, from the first to the last, a pass over the timeline finds for every event the latest start from which
the steps up to this one are done by then, within the window: that of the step before, if the event fills this one, else
what it was. A later start has more of the window left, so no other start needs to be known. That is one pass of flat
arrays a step, where knowing every attempt (``insights.queries.funnel_attempts``) takes one for each pair of steps.
"""

from core.sql.text import Sql, sql, trusted
from insights.queries.funnel_split import Split


def reached_by_latest_starts(rows: Sql, split: Split, *, steps: int, window: int) -> Sql:
    """Rows ``actor, reached`` and what ``split`` adds, of rows with ``at`` and ``steps``, as they come from
    ``insights.queries.funnel_timeline`` and, where events may fill several steps, ``insights.queries.funnel_arranged``.
    """
    for step in range(steps):
        before = f"reached_{step - 1}" if step else "0"
        rows = sql(
            "SELECT actor{names}, at, steps, {latest}, {reached} FROM ({rows})",
            names=split.names,
            latest=trusted(f"arrayFill(start -> start != 0, {_starts(step, window)}) AS latest_{step}"),
            reached=trusted(f"toUInt8({before} + (latest_{step}[-1] != 0)) AS reached_{step}"),
            rows=rows,
        )
    return sql(
        "SELECT actor{names}, {reached} AS reached FROM ({rows})",
        names=split.names,
        reached=trusted(f"reached_{steps - 1}"),
        rows=rows,
    )


def _starts(step: int, window: int) -> str:
    """For each event that fills the step the latest start from which it does; 0, which is no time, for all others."""
    if not step:
        return "arrayMap((time, bits) -> if(bitTest(bits, 0), time, 0), at, steps)"
    return f"""arrayMap((time, bits, start) -> if(bitTest(bits, {step}) AND time <= start + {window}, start, 0),
        at, steps, arrayShiftRight(latest_{step - 1}, 1, 0))"""
