"""Brings the events of each instant into the order that gets furthest, where one event might fill several steps.

At an instant, the steps l … h can be filled when there is another event for each. For each h, from the last step to
the first, the instant contributes its longest such run that ends in h, as moments l, …, h: a run continues what was
reached before the instant, for runs that end later begin no earlier. After that each moment fills one step, and the
earliest next moment of a step is always right.
"""

from collections.abc import Sequence

from core.sql.text import Sql, sql, trusted
from insights.queries.funnel_split import Split


def arranged(rows: Sql, split: Split, *, steps: int, shared: Sequence[Sequence[int]]) -> Sql:
    """``rows`` with ``timeline`` and what ``split`` adds, the timeline made of moments with one step each. What is
    excluded at an instant is in one moment after them.
    """
    return sql(
        """SELECT actor{names}, arrayFlatten(arrayMap(instant -> arrayConcat(
            arrayMap(step -> (instant[1].1, bitShiftLeft(toUInt32(1), step), toUInt16(0)),
                if(length(instant) = 1, {one}, {several})),
            if(arrayExists(event -> event.3 != 0, instant),
                [(instant[1].1, toUInt32(0), arrayReduce('groupBitOr', instant.3))], [])
        ), {instants})) AS timeline FROM ({rows})""",
        names=split.names,
        one=filled_by_one(steps),
        several=filled_by_several(steps, shared),
        instants=INSTANTS,
        rows=rows,
    )


#: The timeline cut into arrays of events of the same time.
INSTANTS = sql("arraySplit((event, pause) -> pause != 0, timeline, arrayDifference(timeline.1))")


def filled_by_one(count: int) -> Sql:
    """The runs of an instant with one event: each step that it matches, by itself."""
    steps = ", ".join(str(step) for step in reversed(range(count)))
    return trusted(f"arrayFilter(step -> bitTest(instant[1].2, step), [{steps}])")


def filled_by_several(count: int, shared: Sequence[Sequence[int]]) -> Sql:
    """The runs of an instant with several events.

    By Hall's theorem the steps l … h can be filled unless some set of these steps has fewer events than
    steps. Only sets that hang together need to be looked at: another set lacks events only if a part of it
    that hangs together does.
    """
    return trusted(
        f"""arrayFlatten(arrayMap(last -> range(
            toUInt8(arrayMax(arrayMap((members, size, after, highest) ->
                if(highest <= last AND arrayCount(event -> bitAnd(event.2, members) != 0, instant) < size,
                after, 0), {scarce_sets(count, shared)}))),
            toUInt8(last + 1)), {list(reversed(range(count)))}))"""
    )


def scarce_sets(count: int, shared: Sequence[Sequence[int]]) -> str:
    """The sets of steps that may lack events, as four arrays: their bits, their sizes, the step after the lowest and
    the highest.
    """
    sets = [(step,) for step in range(count)] + [tuple(members) for members in shared]
    columns = (
        [sum(1 << step for step in members) for members in sets],
        [len(members) for members in sets],
        [members[0] + 1 for members in sets],
        [members[-1] for members in sets],
    )
    return ", ".join(map(str, columns))
