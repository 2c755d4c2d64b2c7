"""The events of each actor of a funnel as flat arrays, in an order in which the steps can be counted off.

Reads ``events`` as ``insights.queries.funnel`` does; for a strict funnel events of every name. A row has ``actor``,
what the split adds, and three arrays with an element for each event, by time: ``at`` (microseconds), ``steps`` (the
steps that the event matches, as bits) and ``exclusions`` (likewise).

* Where no event can fill two steps, events of an instant stand in the order of the steps. A row that is there twice
  until ClickHouse merges it changes nothing.
* Otherwise (``FunnelFilter.shared``), and for strict funnels, rows that are there twice must become one: they are
  known by a hash of the uuid.

An event is gathered as one number, time before hash before bits: numbers are sorted several times as fast as tuples.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from core.filters.properties import PropertyGroup
from core.sql.text import Sql, any_of, join, sql, trusted
from insights.filters.funnel import FunnelFilter, Order
from insights.queries.funnel_split import Split
from insights.sql.events_between import MICROSECONDS, events_between, matches, microseconds, names_of
from insights.sql.person_of_event import Actors

_MICROSECOND = timedelta(microseconds=1)
_HASH_BITS = 64


def timelines(
    funnel: FunnelFilter, properties: PropertyGroup, actors: Actors, split: Split, *, least: int
) -> Sql:
    """Rows ``actor, at, steps, exclusions`` and what ``split`` adds; ``properties`` limits which events count.

    Actors are left out who have no event that may be the start of an attempt, or too few to get ``least`` steps far.
    """
    event = _packing(funnel)
    are_counted_once = bool(event.hash_bits)
    packed = event.packed(
        sql("{steps} AS is_step", steps=bits([matches(step, actors) for step in funnel.steps], "UInt32")),
        bits([matches(one.entity, actors) for one in funnel.exclusions], "UInt16"),
    )
    gathered = sql("arraySort(groupArray({packed}))", packed=packed)
    if are_counted_once:
        gathered = sql("arrayCompact({gathered})", gathered=gathered)
    return sql(
        """SELECT actor{names}, {unpacked} FROM (
            SELECT {actor} AS actor{columns}, {gathered} AS gathered
            FROM {source} WHERE {where} GROUP BY actor{keys} HAVING {gets_far}
        )""",
        names=split.names,
        unpacked=trusted(event.unpacked("gathered")),
        actor=actors.id,
        columns=split.columns,
        gathered=gathered,
        source=split.source(actors),
        where=counted_events(funnel, properties, actors),
        keys=split.keys,
        gets_far=trusted(_gets_far("is_step", funnel, least)),
    )


@dataclass(frozen=True, slots=True)
class _Packing:
    """An event as a number, from the highest bits to the lowest: the time since ``first``, ``hash_bits`` of a hash of
    the uuid, the steps, the exclusions.
    """

    first: int
    hash_bits: int
    steps: int
    exclusions: int
    #: Of the number, as a type of ClickHouse.
    width: str

    def packed(self, steps: Sql, exclusions: Sql) -> Sql:
        number = sql(
            "bitShiftLeft({wide}({time} - {first}), {places})",
            wide=trusted(f"to{self.width}"),
            time=MICROSECONDS,
            first=trusted(str(self.first)),
            places=trusted(str(self.hash_bits + self.steps + self.exclusions)),
        )
        parts = [number]
        if self.hash_bits:
            parts.append(
                sql(
                    "bitShiftLeft({wide}(bitShiftRight(cityHash64(e.uuid), {dropped})), {places})",
                    wide=trusted(f"to{self.width}"),
                    dropped=trusted(str(64 - self.hash_bits)),
                    places=trusted(str(self.steps + self.exclusions)),
                )
            )
        parts.append(
            sql(
                "bitShiftLeft(to{wide}({steps}), {places})",
                wide=trusted(self.width),
                steps=steps,
                places=trusted(str(self.exclusions)),
            )
        )
        if self.exclusions:
            parts.append(exclusions)
        return join(" + ", parts)

    def unpacked(self, array: str) -> str:
        """``at``, ``steps`` and ``exclusions`` of an array of numbers."""
        places = self.hash_bits + self.steps + self.exclusions
        steps = f"bitAnd(toUInt32(bitShiftRight(one, {self.exclusions})), {(1 << self.steps) - 1})"
        exclusions = f"toUInt16(bitAnd(toUInt16(one), {(1 << self.exclusions) - 1}))"
        return (
            f"arrayMap(one -> toUInt64(bitShiftRight(one, {places})) + {self.first}, {array}) AS at, "
            f"arrayMap(one -> toUInt32({steps}), {array}) AS steps, "
            f"arrayMap(one -> {exclusions}, {array}) AS exclusions"
        )


def _packing(funnel: FunnelFilter) -> _Packing:
    first = microseconds(funnel.dates.first)
    span = max(microseconds(funnel.dates.last + timedelta(seconds=1)) - first, 1).bit_length()
    used = span + len(funnel.steps) + len(funnel.exclusions)
    if funnel.shared or funnel.order is Order.STRICT:
        # Never less than 45: there are 20 steps and 10 exclusions at most, and times until 2299.
        return _Packing(
            first, min(_HASH_BITS, 128 - used), len(funnel.steps), len(funnel.exclusions), "UInt128"
        )
    return _Packing(
        first, 0, len(funnel.steps), len(funnel.exclusions), "UInt64" if used <= 64 else "UInt128"
    )


def _gets_far(steps: str, funnel: FunnelFilter, least: int) -> str:
    """Whether the events of an actor match enough steps, and are enough, for ``least`` steps. Sorting and walking costs
    more than gathering, and of most funnels most actors get nowhere.
    """
    matched = f"groupBitOr({steps})"
    if funnel.order is Order.UNORDERED:
        enough = f"bitCount({matched}) >= {least}"
    else:
        needed = (1 << least) - 1
        enough = f"bitAnd({matched}, {needed}) = {needed}"
    return f"{enough} AND count() >= {least}" if funnel.shared else enough


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
