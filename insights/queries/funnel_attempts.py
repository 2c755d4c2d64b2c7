"""What became of every attempt of each actor at a funnel?

Takes the timelines of ``insights.queries.funnel_timeline`` and gives rows with ``actor``, what the split adds, and
three arrays with an element for each instant at which an attempt starts: ``starts`` (microseconds), ``lengths``
(steps reached within the window; 0 when the attempt is void) and ``times`` (of the steps reached, perhaps with more
behind them).

Ordered: for each step, from the last to the first, a pass over the timeline from its end finds for every event when
the steps from this one on are done if one begins there: the earliest next event each time. A pass works on flat
arrays, one a step and event, so that the cost is linear in the events (measured on 10 M events with three steps: 2.5
times ``uniqExact``); arrays within arrays cost several times as much, and a lambda that looks into an outer array
copies it for each element.

Unordered: k steps are done at the first time at which the events since the start can fill k different steps. By
Hall's theorem that is when each set of steps S, out of c steps that hang together, has seen ``k - c + |S|`` events.
So one needs the first, second … next event of each S; steps that are defined alike are only ever together in S. A
single step that shares no event with others is just its next event.

Where events of an instant could fill the same steps, ``insights.queries.funnel_arranged`` brings them into the order
that gets furthest. Strict funnels are in ``insights.queries.funnel_strict``.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import combinations

from core.filters.properties import PropertyGroup
from core.sql.text import Sql, sql, trusted
from insights.filters.funnel import FunnelFilter, Order
from insights.filters.overlap import crowds
from insights.queries.funnel_arranged import arranged
from insights.queries.funnel_split import Split
from insights.queries.funnel_strict import strict_attempts
from insights.queries.funnel_timeline import timelines
from insights.sql.person_of_event import Actors

_MICROSECOND = timedelta(microseconds=1)
#: A time that never comes.
_NEVER = "toUInt64(18446744073709551615)"


def attempts(
    funnel: FunnelFilter, properties: PropertyGroup, actors: Actors, split: Split, *, least: int = 1
) -> Sql:
    """Rows ``actor, starts, lengths, times`` and what ``split`` adds; ``properties`` limits which events count. Actors
    who cannot get ``least`` steps far may be missing.
    """
    rows = timelines(funnel, properties, actors, split, least=least)
    window = funnel.window // _MICROSECOND
    if funnel.order is Order.STRICT:
        return strict_attempts(rows, split, steps=len(funnel.steps), shared=funnel.shared, window=window)
    if funnel.order is Order.ORDERED:
        if funnel.shared:
            rows = arranged(rows, split, steps=len(funnel.steps), shared=funnel.shared)
        return _ordered(_columns(rows, split, funnel), split, funnel, window)
    return _unordered(_columns(rows, split, funnel), split, funnel, window)


def _columns(rows: Sql, split: Split, funnel: FunnelFilter) -> Sql:
    """The timeline as flat arrays: ``at``, ``steps``, and for each exclusion ``void_<n>``, when it next happens after
    the instant.
    """
    voids = "".join(
        f", {_after_instant(number)} AS void_{number}" for number in range(len(funnel.exclusions))
    )
    return sql(
        "SELECT actor{names}, at, steps{voids} FROM ({rows})",
        names=split.names,
        voids=trusted(voids),
        rows=rows,
    )


def _after_instant(exclusion: int) -> str:
    from_here = _next_where("exclusions", f"bitTest(it, {exclusion})", "at")
    return (
        "arrayReverseFill((found, here, following) -> here != following, "
        f"{_shifted(from_here)}, at, {_shifted('at')})"
    )


def _next_where(column: str, condition: str, values: str) -> str:
    """For each place the element of ``values`` at the next place, this one included, where ``condition`` holds of
    ``it`` in ``column``.
    """
    return (
        f"arrayReverseFill((found, it) -> {condition}, "
        f"arrayMap((value, it) -> if({condition}, value, {_NEVER}), {values}, {column}), {column})"
    )


def _shifted(values: str) -> str:
    """The elements one place later."""
    return f"arrayShiftLeft({values}, 1, {_NEVER})"


def _ordered(rows: Sql, split: Split, funnel: FunnelFilter, window: int) -> Sql:
    count = len(funnel.steps)
    for step in range(count - 1, 0, -1):
        rows = _from_step(rows, split, funnel, step)
    chain = ["at", *(_shifted(f"time_{step}_1") for step in range(1, count))]
    voids = [
        f"void_{number}" if one.from_step == 0 else _shifted(f"void_{number}_1")
        for number, one in enumerate(funnel.exclusions)
    ]
    return _outcomes(
        rows,
        split,
        [f"time_{step}" for step in range(count)],
        chain,
        voids,
        is_start="bitTest(step, 0)",
        length=_in_window(count, window),
        void=[
            f"length > {one.from_step} AND void_{number} <= "
            f"if(length > {one.to_step}, time_{one.to_step}, time_{one.from_step} + {window})"
            for number, one in enumerate(funnel.exclusions)
        ],
        times=f"[{', '.join(f'time_{step}' for step in range(count))}]",
    )


def _from_step(rows: Sql, split: Split, funnel: FunnelFilter, step: int) -> Sql:
    """One pass: ``time_<k>_<step>`` is when step k is done by who does ``step`` at the next event that matches it, and
    ``void_<n>_<step>`` when an exclusion next happens after its from-step.
    """
    is_step = f"bitTest(it, {step})"
    columns = {f"time_{step}_{step}": _next_where("steps", is_step, "at")}
    for later in range(step + 1, len(funnel.steps)):
        columns[f"time_{later}_{step}"] = _next_where("steps", is_step, _shifted(f"time_{later}_{step + 1}"))
    kept = []
    for number, one in enumerate(funnel.exclusions):
        name = f"void_{number}"
        if one.from_step > step:
            columns[f"{name}_{step}"] = _next_where("steps", is_step, _shifted(f"{name}_{step + 1}"))
        elif one.from_step == step:
            columns[f"{name}_{step}"] = _next_where("steps", is_step, name)
        else:
            kept.append(f", {name}")
    made = "".join(f", {expression} AS {name}" for name, expression in columns.items())
    return sql(
        "SELECT actor{names}, at, steps{kept}{made} FROM ({rows})",
        names=split.names,
        kept=trusted("".join(kept)),
        made=trusted(made),
        rows=rows,
    )


def _in_window(count: int, window: int) -> str:
    """How many of the steps of an attempt, one at least, are within the window."""
    later = "".join(f" + (time_{step} <= time_0 + {window})" for step in range(1, count))
    return f"toUInt8(1{later})"


#: Sets of steps, as bits, each with how many of its next events are needed.
Needed = dict[int, int]


def _unordered(rows: Sql, split: Split, funnel: FunnelFilter, window: int) -> Sql:
    """``time_0`` is the start, ``done_<n>`` the times at which steps are done, in no order."""
    count, voids = len(funnel.steps), [f"void_{number}" for number in range(len(funnel.exclusions))]
    needed: Needed = {}
    done = [expression for crowd in crowds(funnel.steps) for expression in _done(crowd, needed)]
    names = [f"done_{number}" for number in range(count)]
    last = f"greatest({', '.join(names)})" if count > 1 else names[0]
    within = " + ".join(f"({name} <= time_0 + {window})" for name in names)
    return _outcomes(
        _with_next(rows, split, needed, voids),
        split,
        ["time_0", *names],
        ["at", *done],
        voids,
        is_start="step != 0",
        length=f"toUInt8({within})",
        void=[f"{name} <= if(length = {count}, {last}, time_0 + {window})" for name in voids],
        times=f"arraySort([{', '.join(names)}])",
    )


def _done(crowd: Sequence[Sequence[int]], needed: Needed) -> Iterator[str]:
    """For each number k of steps of a crowd, when so many are done; ``needed`` is told what that takes."""
    size = sum(map(len, crowd))
    for wanted in range(1, size + 1):
        columns = []
        for members in _unions(crowd):
            events = wanted - size + len(members)
            if events >= 1:
                mask = sum(1 << step for step in members)
                needed[mask] = max(events, needed.get(mask, 0))
                columns.append(f"next_{mask}_{events}")
        arrays = ", ".join(columns)
        yield f"arrayMap(({arrays}) -> greatest({arrays}), {arrays})" if len(columns) > 1 else arrays


def _unions(crowd: Sequence[Sequence[int]]) -> Iterator[tuple[int, ...]]:
    for number in range(1, len(crowd) + 1):
        for kinds in combinations(crowd, number):
            yield tuple(step for kind in kinds for step in kind)


def _with_next(rows: Sql, split: Split, needed: Needed, voids: Sequence[str]) -> Sql:
    """``rows`` with ``next_<bits>_<n>``: when the n-th next event happens that matches one of these steps."""
    names = list(voids)
    for number in range(1, max(needed.values()) + 1):
        made = {
            f"next_{mask}_{number}": _next_where(
                "steps",
                f"bitAnd(it, {mask}) != 0",
                "at" if number == 1 else _shifted(f"next_{mask}_{number - 1}"),
            )
            for mask, most in needed.items()
            if number <= most
        }
        columns = [*names, *(f"{expression} AS {name}" for name, expression in made.items())]
        rows = sql(
            "SELECT actor{names}, at, steps{columns} FROM ({rows})",
            names=split.names,
            columns=trusted("".join(f", {column}" for column in columns)),
            rows=rows,
        )
        names.extend(made)
    return rows


def _outcomes(
    rows: Sql,
    split: Split,
    names: Sequence[str],
    values: Sequence[str],
    voids: Sequence[str],
    *,
    is_start: str,
    length: str,
    void: Sequence[str],
    times: str,
) -> Sql:
    """``starts``, ``lengths`` and ``times`` of the first place of each instant where ``is_start`` holds of ``step``.

    ``values`` and ``voids`` are arrays over the timeline, in whose terms, ``names`` and ``void_<n>``, ``length``,
    ``void`` (any of it) and ``times`` are written.
    """
    everything = [*names, *(f"void_{number}" for number in range(len(voids)))]
    columns = ", ".join(
        f"arrayFilter((value, step) -> {is_start}, {expression}, steps) AS {name}"
        for name, expression in zip([f"start_{name}" for name in everything], [*values, *voids], strict=True)
    )
    starting = sql(
        "SELECT actor{names}, {columns} FROM ({rows})", names=split.names, columns=trusted(columns), rows=rows
    )
    first = "arrayFilter((value, at, before) -> at != before, {}, start_time_0, arrayShiftRight(start_time_0, 1, 0))"
    columns = ", ".join(f"{first.format(f'start_{name}')} AS first_{name}" for name in everything)
    one_each = sql(
        "SELECT actor{names}, {columns} FROM ({rows})",
        names=split.names,
        columns=trusted(columns),
        rows=starting,
    )
    arguments, arrays = ", ".join(everything), ", ".join(f"first_{name}" for name in everything)
    reached = f"arrayMap(({arguments}) -> {length}, {arrays})"
    if void:
        is_void = " OR ".join(f"({condition})" for condition in void)
        reached = f"arrayMap((length, {arguments}) -> if({is_void}, 0, length), {reached}, {arrays})"
    return sql(
        "SELECT actor{names}, first_time_0 AS starts, {reached} AS lengths, {times} AS times FROM ({rows})",
        names=split.names,
        reached=trusted(reached),
        times=trusted(f"arrayMap(({arguments}) -> {times}, {arrays})"),
        rows=one_each,
    )
