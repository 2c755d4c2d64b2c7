"""How many steps did each actor of a funnel reach?

Reads ``events`` of the date range and of the steps' names (by the sorting key: project, day, name), and resolves
persons through ``person_distinct_id_overrides`` where the project has any.

An ordered funnel without exclusions of which no event can fill two steps (``FunnelFilter.shared`` is empty, the
common case) is ``windowFunnel`` on the rows. It keeps the latest start that leads to each step, in order of time and,
at the same instant, in order of the steps. That is exact then; a row that is there twice until ClickHouse merges it
changes nothing. It takes no DateTime64, hence microseconds. (Its mode ``strict_once`` would keep one event from filling
two steps, but keeps every possible sequence: they grow as the events of an actor to the power of steps.
``strict_order`` gives up at the first other event.) Where events can fill two steps, the same is done with arrays
(``insights.queries.funnel_latest_starts``).

All others are the best of the attempts of ``insights.queries.funnel_attempts``.
"""

from datetime import timedelta

from core.filters.properties import PropertyGroup
from core.sql.text import Sql, join, sql, trusted, unsigned
from insights.filters.funnel import Entrance, FunnelFilter, Order
from insights.queries.funnel_arranged import arranged
from insights.queries.funnel_attempts import attempts
from insights.queries.funnel_latest_starts import reached_by_latest_starts
from insights.queries.funnel_split import UNSPLIT, Split, starts_told_apart, told_apart
from insights.queries.funnel_timeline import timelines
from insights.sql.events_between import MICROSECONDS, events_between, matches, microseconds, names_of
from insights.sql.person_of_event import Actors

_MICROSECOND = timedelta(microseconds=1)


def steps_reached(
    funnel: FunnelFilter,
    properties: PropertyGroup,
    actors: Actors,
    *,
    split: Split = UNSPLIT,
    entrance: Entrance | None = None,
    least: int = 1,
) -> Sql:
    """Rows ``actor, reached``, and ``value`` with a split, of everyone with an event of a step; who did not reach
    ``least`` steps may be missing. ``properties`` limits which events count, ``entrance`` which attempts.
    """
    if funnel.order is Order.ORDERED and not funnel.exclusions and entrance is None:
        if not funnel.shared:
            return told_apart(_window_funnel(funnel, properties, actors, split), split)
        return told_apart(_latest_starts(funnel, properties, actors, split, least=least), split)
    lengths = sql("lengths")
    if entrance is not None:
        lengths = sql(
            "arrayFilter((length, start) -> start >= {first} AND start < {end}, lengths, starts)",
            first=trusted(str(microseconds(entrance.first))),
            end=trusted(str(microseconds(entrance.end))),
        )
    names = sql(", value") if split.names.parts else sql("")
    return sql(
        "SELECT actor{names}, arrayMax({lengths}) AS reached FROM ({rows})",
        names=names,
        lengths=lengths,
        rows=split_attempts(funnel, properties, actors, split, least=least),
    )


def split_attempts(
    funnel: FunnelFilter, properties: PropertyGroup, actors: Actors, split: Split, *, least: int = 1
) -> Sql:
    """Rows ``actor, starts, lengths, times``, and ``value`` with a split; ``least`` as for ``steps_reached``."""
    rows = attempts(funnel, properties, actors, split, least=least)
    return starts_told_apart(rows) if split.by_start else told_apart(rows, split)


def _latest_starts(
    funnel: FunnelFilter, properties: PropertyGroup, actors: Actors, split: Split, *, least: int
) -> Sql:
    count = len(funnel.steps)
    rows = timelines(funnel, properties, actors, split, least=least)
    rows = arranged(rows, split, steps=count, shared=funnel.shared)
    return reached_by_latest_starts(rows, split, steps=count, window=funnel.window // _MICROSECOND)


def _window_funnel(funnel: FunnelFilter, properties: PropertyGroup, actors: Actors, split: Split) -> Sql:
    return sql(
        """SELECT {actor} AS actor{columns}, windowFunnel({window})({time}, {steps}) AS reached
        FROM {source} WHERE {where} GROUP BY actor{keys}""",
        actor=actors.id,
        columns=split.columns,
        window=unsigned(funnel.window // _MICROSECOND),
        time=MICROSECONDS,
        steps=join(", ", [matches(step, actors) for step in funnel.steps]),
        source=split.source(actors),
        where=events_between(funnel.dates, properties, actors, names_of(funnel.steps)),
        keys=split.keys,
    )
