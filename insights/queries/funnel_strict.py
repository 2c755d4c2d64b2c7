"""What became of every attempt at a strict funnel, whose steps must be neighbours among all events of the actor?

Events of the same instant may stand in any order that helps. So an attempt may begin with any m events of its first
instant that fill the first m steps, the others being before; it goes through an instant whose events, all of them,
fill the next steps; and it ends in one where they do not, with those of the next steps that can be filled, the others
being after.

An attempt meets no more instants than there are steps. Each instant gets the ones that follow it by shifting the
array, which is linear in the events; the attempts themselves are walked only where the first step is.

Of actors whose events are all at different times, the usual case, an attempt is just the next events: as many arrays
as there are steps, each shifted by one more. Arrays within arrays, as for the others, cost several times as much.
"""

from collections.abc import Sequence

from core.sql.text import Sql, sql, trusted
from insights.queries.funnel_arranged import instants, scarce_sets
from insights.queries.funnel_split import Split


def strict_attempts(
    rows: Sql, split: Split, *, steps: int, shared: Sequence[Sequence[int]], window: int
) -> Sql:
    """As ``insights.queries.funnel_attempts.attempts``, of rows of timelines (``insights.queries.funnel_timeline``).
    An instant may start several attempts.
    """
    begun = _begun(_with_next_events(rows, split, steps), split, steps=steps, shared=shared, window=window)
    times = [f"time_{step}" for step in range(steps)]
    bits = [f"bits_{step}" for step in range(1, steps)]
    return sql(
        """SELECT actor{names},
            if(is_tied, arrayMap(attempt -> attempt.3[1], attempts), time_0) AS starts,
            if(is_tied, attempts.1, arrayMap(({arrays}) -> {length}, {arrays})) AS lengths,
            if(is_tied, attempts.3, arrayMap(({times}) -> [{times}], {times})) AS times FROM ({begun})""",
        names=split.names,
        arrays=trusted(", ".join([*times, *bits])),
        length=trusted(_neighbours(steps, window)),
        times=trusted(", ".join(times)),
        begun=begun,
    )


def _with_next_events(rows: Sql, split: Split, steps: int) -> Sql:
    """``rows`` with ``time_<k>`` and ``bits_<k>`` of the k-th event after each one of the first step, and whether
    events of the actor are at the same time.
    """
    start = "arrayFilter((it, bits) -> bitTest(bits, 0), {}, steps)"
    columns = [f"{start.format('at')} AS time_0"]
    for step in range(1, steps):
        columns.append(f"{start.format(f'arrayShiftLeft(at, {step}, {_NEVER})')} AS time_{step}")
        columns.append(f"{start.format(f'arrayShiftLeft(steps, {step}, 0)')} AS bits_{step}")
    return sql(
        """SELECT actor{names}, at, steps, exclusions, arrayExists(
            (time, before) -> time = before, at, arrayShiftRight(at, 1, 0)) AS is_tied, {columns} FROM ({rows})""",
        names=split.names,
        columns=trusted(", ".join(columns)),
        rows=rows,
    )


#: A time that never comes.
_NEVER = "toUInt64(18446744073709551615)"


def _neighbours(steps: int, window: int) -> str:
    """How many steps the next events fill one after the other, within the window."""
    length = "1"
    for step in range(steps - 1, 0, -1):
        length = f"if(bitTest(bits_{step}, {step}) AND time_{step} <= time_0 + {window}, 1 + {length}, 1)"
    return f"toUInt8({length})"


def _begun(rows: Sql, split: Split, *, steps: int, shared: Sequence[Sequence[int]], window: int) -> Sql:
    """``rows`` with the ``attempts`` of actors with ties: tuples of the steps reached, whether it might go on, and the
    times. Of those of an instant the ones come first that have more of their steps in it.
    """
    by_instant = sql(
        "SELECT *, arrayMap(instant -> (instant[1].1, instant.2), {instants}) AS instants FROM ({rows})",
        instants=instants("is_tied"),
        rows=rows,
    )
    return sql(
        """SELECT * EXCEPT (at, steps, exclusions, instants), arrayFlatten(arrayMap(
            (instant, following) -> arrayMap(
                begun -> arrayFold(
                    (attempt, next) -> if(attempt.2, {walked}, attempt),
                    arrayFilter(next -> next.1 <= instant.1 + {window}, following),
                    (toUInt8(begun), true, arrayResize(CAST([] AS Array(UInt64)), begun, instant.1))),
                arrayReverse(range(toUInt8(1), toUInt8({most} + 1)))),
            arrayFilter((instant, following) -> {is_start}, instants, {following}) ,
            arrayFilter((following, instant) -> {is_start}, {following}, instants))) AS attempts
        FROM ({rows})""",
        walked=_walked(steps, shared),
        window=trusted(str(window)),
        most=_filled("instant.2", "0", steps, shared),
        is_start=trusted("arrayExists(mask -> bitTest(mask, 0), instant.2)"),
        following=trusted(_following(steps)),
        rows=by_instant,
    )


def _following(steps: int) -> str:
    """For each instant the instants after it, as many as an attempt can meet."""
    if steps == 1:
        return "arrayMap(instant -> arraySlice([instant], 1, 0), instants)"
    nothing = f"({_NEVER}, CAST([] AS Array(UInt32)))"
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
