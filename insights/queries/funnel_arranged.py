"""Brings the events of each instant into the order that gets furthest, where one event might fill several steps.

At an instant, the steps l … h can be filled when there is another event for each. For each h, from the last step to
the first, the instant contributes its longest such run that ends in h, as moments l, …, h: a run continues what was
reached before the instant, for runs that end later begin no earlier. After that each moment fills one step, and the
earliest next moment of a step is always right.
"""

from collections.abc import Sequence
from typing import LiteralString

from core.sql.text import Sql, sql, trusted
from insights.queries.funnel_split import Split


def arranged(rows: Sql, split: Split, *, steps: int, shared: Sequence[Sequence[int]]) -> Sql:
    """``rows`` of timelines (``insights.queries.funnel_timeline``) made of moments with one step each, where that
    matters: what is excluded at an instant is in one moment after them. Timelines without instants of different events
    stay as they are, for a step is always looked for behind the event that filled the one before.
    """
    moments = sql(
        """SELECT actor{names}, at, steps, exclusions, {is_mixed} AS is_mixed, arrayFlatten(arrayMap(
            instant -> arrayConcat(
                arrayMap(step -> (instant[1].1, bitShiftLeft(toUInt32(1), step), toUInt16(0)),
                    if(length(instant) = 1, {one}, {several})),
                if(arrayExists(event -> event.3 != 0, instant),
                    [(instant[1].1, toUInt32(0), arrayReduce('groupBitOr', instant.3))], [])
            ), {instants})) AS moments FROM ({rows})""",
        names=split.names,
        is_mixed=trusted(IS_MIXED),
        one=filled_by_one(steps),
        several=filled_by_several(steps, shared),
        instants=instants("is_mixed"),
        rows=rows,
    )
    return sql(
        """SELECT actor{names}, if(is_mixed, moments.1, at) AS at, if(is_mixed, moments.2, steps) AS steps,
            if(is_mixed, moments.3, exclusions) AS exclusions FROM ({moments})""",
        names=split.names,
        moments=moments,
    )


#: Whether an instant has events that match different steps.
IS_MIXED = """arrayExists(
    (time, bits, time_before, bits_before) -> time = time_before AND bits != bits_before,
    at, steps, arrayShiftRight(at, 1, 0), arrayShiftRight(steps, 1, 0))"""


def instants(condition: LiteralString) -> Sql:
    """A timeline cut into arrays of events of the same time, as tuples; none where ``condition`` does not hold."""
    return sql(
        """arraySplit((event, pause) -> pause != 0,
            arrayFilter(event -> {condition}, arrayZip(at, steps, exclusions)),
            arrayFilter(pause -> {condition}, arrayDifference(at)))""",
        condition=trusted(condition),
    )


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
