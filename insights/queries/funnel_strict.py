"""What became of every attempt at a strict funnel, whose steps must be neighbours among all events of the actor?

Events of the same instant may stand in any order that helps. So an attempt may begin with any m events of its first
instant that fill the first m steps, the others being before; it goes through an instant whose events, all of them,
fill the next steps; and it ends in one where they do not, with those of the next steps that can be filled, the others
being after.

An attempt meets no more instants than there are steps. Each instant gets the ones that follow it by shifting the
array, which is linear in the events; the attempts themselves are walked only where the first step is.
"""

from collections.abc import Sequence

from core.sql.text import Sql, sql, trusted
from insights.queries.funnel_arranged import INSTANTS, scarce_sets
from insights.queries.funnel_split import Split


def strict_attempts(
    rows: Sql, split: Split, *, steps: int, shared: Sequence[Sequence[int]], window: int
) -> Sql:
    """As ``insights.queries.funnel_attempts.attempts``, of rows with ``timeline``. An instant may start several
    attempts.
    """
    instants = sql(
        """SELECT actor{names}, arrayMap(instant -> (instant[1].1, instant.2), {instants}) AS instants
        FROM ({rows})""",
        names=split.names,
        instants=INSTANTS,
        rows=rows,
    )
    begun = sql(
        """SELECT actor{names}, arrayFlatten(arrayMap(
            (instant, following) -> arrayMap(
                begun -> arrayFold(
                    (attempt, next) -> if(attempt.2, {walked}, attempt),
                    arrayFilter(next -> next.1 <= instant.1 + {window}, following),
                    (toUInt8(begun), true, arrayResize(CAST([] AS Array(UInt64)), begun, instant.1))),
                range(toUInt8(1), toUInt8({most} + 1))),
            arrayFilter((instant, following) -> {is_start}, instants, {following}) ,
            arrayFilter((following, instant) -> {is_start}, {following}, instants))) AS attempts
        FROM ({rows})""",
        names=split.names,
        walked=_walked(steps, shared),
        window=trusted(str(window)),
        most=_filled("instant.2", "0", steps, shared),
        is_start=trusted("arrayExists(mask -> bitTest(mask, 0), instant.2)"),
        following=trusted(_following(steps)),
        rows=instants,
    )
    return sql(
        """SELECT actor{names}, arrayMap(attempt -> attempt.3[1], attempts) AS starts, attempts.1 AS lengths,
            attempts.3 AS times FROM ({begun})""",
        names=split.names,
        begun=begun,
    )


def _following(steps: int) -> str:
    """For each instant the instants after it, as many as an attempt can meet."""
    if steps == 1:
        return "arrayMap(instant -> arraySlice([instant], 1, 0), instants)"
    nothing = "(toUInt64(18446744073709551615), CAST([] AS Array(UInt32)))"
    names = [f"after_{number}" for number in range(1, steps)]
    shifted = [f"arrayShiftLeft(instants, {number}, {nothing})" for number in range(1, steps)]
    return f"arrayMap(({', '.join(names)}) -> [{', '.join(names)}], {', '.join(shifted)})"


def _walked(steps: int, shared: Sequence[Sequence[int]]) -> Sql:
    """``attempt`` (steps reached, whether it goes on, their times) after the instant ``next``."""
    return sql(
        """(
            toUInt8({filled}),
            {filled} < {steps} AND {filled} - attempt.1 = length(next.2),
            arrayResize(attempt.3, {filled}, next.1))""",
        filled=_filled("next.2", "attempt.1", steps, shared),
        steps=trusted(str(steps)),
    )


def _filled(masks: str, reached: str, steps: int, shared: Sequence[Sequence[int]]) -> Sql:
    """How many steps are reached after an instant with ``masks``, which stand in their best order, when ``reached``
    were before. By Hall's theorem, as in ``insights.queries.funnel_arranged``.
    """
    return trusted(
        f"""if(length({masks}) = 1, toUInt8({reached} + bitTest({masks}[1], {reached})),
            toUInt8(arrayMin(arrayMap((members, size, after, highest) ->
                if(after > {reached} AND arrayCount(mask -> bitAnd(mask, members) != 0, {masks}) < size,
                highest, {steps}), {scarce_sets(steps, shared)}))))"""
    )
