"""The events of each actor of a funnel as one array, in an order in which the steps can be counted off.

Reads ``events`` as ``insights.queries.funnel`` does; for a strict funnel events of every name. A row has ``actor``,
what the split adds, and ``timeline``: tuples of (microseconds, the steps that the event matches as bits, the
exclusions that it matches as bits), by time.

* Where no event can fill two steps, events of an instant stand in the order of the steps. A row that is there twice
  until ClickHouse merges it changes nothing.
* Otherwise (``FunnelFilter.shared``) rows that are there twice must become one: what is gathered is unique with a
  hash of its uuid.
"""

from collections.abc import Sequence

from core.filters.properties import PropertyGroup
from core.sql.text import Sql, any_of, join, sql, trusted
from insights.filters.funnel import FunnelFilter, Order
from insights.queries.funnel_split import Split
from insights.sql.events_between import MICROSECONDS, events_between, matches, names_of
from insights.sql.person_of_event import Actors


def timelines(funnel: FunnelFilter, properties: PropertyGroup, actors: Actors, split: Split) -> Sql:
    """Rows ``actor, timeline`` and what ``split`` adds; ``properties`` limits which events count.

    Actors without an event that may be the start of an attempt are left out.
    """
    event = sql(
        "{steps} AS steps, {exclusions} AS exclusions",
        steps=bits([matches(step, actors) for step in funnel.steps], "UInt32"),
        exclusions=bits([matches(one.entity, actors) for one in funnel.exclusions], "UInt16"),
    )
    if funnel.shared or funnel.order is Order.STRICT:
        gathered = "arraySort(groupUniqArray(({time}, cityHash64(e.uuid), {event})))"
        timeline = "arrayMap(event -> (event.1, event.3, event.4), gathered)"
    else:
        gathered, timeline = "arraySort(groupArray(({time}, {event})))", "gathered"
    return sql(
        """SELECT actor{names}, {timeline} AS timeline FROM (
            SELECT {actor} AS actor{columns}, {gathered} AS gathered
            FROM {source} WHERE {where} GROUP BY actor{keys} HAVING {starts}
        )""",
        names=split.names,
        timeline=trusted(timeline),
        actor=actors.id,
        columns=split.columns,
        gathered=sql(gathered, time=MICROSECONDS, event=event),
        source=split.source(actors),
        where=counted_events(funnel, properties, actors),
        keys=split.keys,
        starts=trusted(
            "groupBitOr(steps) != 0" if funnel.order is Order.UNORDERED else "bitTest(groupBitOr(steps), 0)"
        ),
    )


def counted_events(funnel: FunnelFilter, properties: PropertyGroup, actors: Actors) -> Sql:
    """The condition for events that a timeline needs."""
    if funnel.order is Order.STRICT:
        return events_between(funnel.dates, properties, actors, names=())
    entities = funnel.entities()
    between = events_between(funnel.dates, properties, actors, names_of(entities))
    if all(entity.id is not None and not entity.properties.members for entity in entities):
        return between
    return join(" AND ", [between, any_of(matches(entity, actors) for entity in entities)])


def bits(conditions: Sequence[Sql], width: str) -> Sql:
    """Which of ``conditions`` are true, as the bits of a number of the type ``width``."""
    if not conditions:
        return trusted(f"to{width}(0)")
    terms = (
        sql(
            "bitShiftLeft(to{width}({condition}), {position})",
            width=trusted(width),
            condition=condition,
            position=trusted(str(position)),
        )
        for position, condition in enumerate(conditions)
    )
    return sql("({terms})", terms=join(" + ", terms))
