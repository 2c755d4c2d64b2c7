"""How the actors of a funnel are told apart by the values of a breakdown.

``Split`` adds columns to the query that groups the events ``e`` by actor:

* nothing, when there is no breakdown;
* ``value`` as a part of the key: the funnel runs separately on the events of each value (``all_events``);
* ``values``: the actor's values, found among its events that match a step. ``told_apart`` makes a row of each.

A value is its place among the values that are kept, from 1 on; those that are not kept are one, with the place after
them (``insights.sql.breakdown``). Texts would be copied for each actor and compared for each event.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from core.filters.properties import Source
from core.sql.text import Sql, any_of, integer, sql, texts, trusted
from insights.filters.attribution import Touch
from insights.filters.breakdown import OTHER, Breakdown, Value
from insights.filters.funnel import FunnelFilter, Order
from insights.sql.breakdown import event_place, event_value, joined_owners, joined_places, place_of
from insights.sql.events_between import MICROSECONDS, events_between, matches, names_of
from insights.sql.person_of_event import Actors

_NOTHING = sql("")


@dataclass(frozen=True, slots=True)
class Split:
    """``columns`` and ``keys`` are for SELECT and GROUP BY of events, ``names`` for SELECT around it; ``joined`` is
    what FROM needs besides. Each begins with a comma, or is empty.
    """

    columns: Sql = _NOTHING
    keys: Sql = _NOTHING
    names: Sql = _NOTHING
    joined: Sql = _NOTHING
    #: Whether ``values`` are of single events, as tuples (microseconds, value), whose attempts count for their value.
    by_start: bool = False

    def source(self, actors: Actors) -> Sql:
        """What FROM names, for the events and their values."""
        return sql("{events}{joined}", events=actors.source, joined=self.joined)


UNSPLIT = Split()


def split_of(funnel: FunnelFilter, actors: Actors, kept: Sequence[Value]) -> Split:
    """The split of a funnel by its breakdown. ``kept`` are the values that stay what they are."""
    if funnel.breakdown is None:
        return UNSPLIT
    place = event_place(funnel.breakdown, kept)
    nothing = _place_of_nothing(funnel.breakdown, kept)
    value = sql("transform({place}, {from_}, {to})", place=place, from_=_array(0), to=_array(nothing))
    joined = joined_places(funnel.breakdown, actors, kept)
    touch = _touch(funnel)
    if touch is Touch.ALL:
        return Split(sql(", {value} AS value", value=value), sql(", value"), sql(", value"), joined)
    by_start = touch is Touch.STEP and funnel.order is Order.UNORDERED
    if by_start:
        values = sql(
            "groupUniqArrayIf(({time}, {value}), {any_step})",
            time=MICROSECONDS,
            value=value,
            any_step=_any_step(funnel, actors),
        )
    elif touch is Touch.STEP:
        step = matches(funnel.steps[funnel.attribution.step], actors)
        values = sql("groupUniqArrayIf({value}, {step})", value=value, step=step)
    else:
        values = sql(
            "[transform({touched}, {from_}, {to})]",
            touched=_touched(funnel, actors, touch, place),
            from_=_array(0),
            to=_array(nothing),
        )
    return Split(
        sql(", {values} AS values", values=values), names=sql(", values"), joined=joined, by_start=by_start
    )


def _place_of_nothing(breakdown: Breakdown, kept: Sequence[Value]) -> int:
    """Where the empty value stands, like any other."""
    nothing = tuple("" for _ in breakdown.keys)
    return place_of(nothing if nothing in kept else OTHER, kept)


def _array(number: int) -> Sql:
    return trusted(f"CAST([{number}] AS Array(UInt16))")


def _touch(funnel: FunnelFilter) -> Touch:
    """Properties of persons and groups do not change from event to event: the first will do."""
    if funnel.breakdown is not None and funnel.breakdown.source is not Source.EVENT:
        return Touch.FIRST
    return funnel.attribution.touch


def _touched(funnel: FunnelFilter, actors: Actors, touch: Touch, place: Sql) -> Sql:
    """The place of the value of the first or last event that has one; 0 when none has. Equal times go by uuid."""
    return sql(
        "{aggregate}({place} AS touched, {moment}, touched != 0 AND {any_step})",
        aggregate=trusted("argMinIf" if touch is Touch.FIRST else "argMaxIf"),
        place=place,
        moment=sql(_MOMENT, time=MICROSECONDS),
        any_step=_any_step(funnel, actors),
    )


#: Time and uuid as one number, which is compared several times as fast as a tuple.
_MOMENT = "bitShiftLeft(toUInt256({time}), 128) + reinterpretAsUInt128(e.uuid)"


def _any_step(funnel: FunnelFilter, actors: Actors) -> Sql:
    return any_of(matches(step, actors) for step in funnel.steps)


def told_apart(rows: Sql, split: Split) -> Sql:
    """``rows`` with one of ``value`` for each of ``values``."""
    if split.names != sql(", values"):
        return rows
    return sql("SELECT * EXCEPT (values), arrayJoin(values) AS value FROM ({rows})", rows=rows)


def starts_told_apart(rows: Sql) -> Sql:
    """Rows of attempts, with ``values`` of single events, as a row for each value with the attempts that start on its
    events. Attempts and events are sorted together by time, so that each event stands after the attempt of its instant.
    """
    return sql(
        """SELECT actor, paired.3 AS value, groupArray(paired.1) AS starts, groupArray(paired.2) AS lengths,
            groupArray(paired.4) AS times
        FROM (
            SELECT actor, arrayJoin(arrayMap(
                (event, attempt) -> (event.1, attempt.3, event.5, attempt.4),
                arrayFilter(event -> event.2 = 1, sorted),
                arrayFilter((attempt, event) -> event.2 = 1, arrayFill(one -> one.2 = 0, sorted), sorted)
            )) AS paired
            FROM (
                SELECT actor, arraySort(arrayConcat(
                    arrayMap((start, length, time) -> (start, 0, length, time, toUInt16(0)),
                        starts, lengths, times),
                    arrayMap(event -> (event.1, 1, toUInt8(0), CAST([] AS Array(UInt64)), event.2), values)
                )) AS sorted FROM ({rows})
            )
        ) GROUP BY actor, value""",
        rows=rows,
    )


def frequent_values(funnel: FunnelFilter, actors: Actors) -> Sql:
    """The values of the events that match a step, most frequent first; of equally frequent ones the larger text."""
    if funnel.breakdown is None:
        raise ValueError("the funnel has no breakdown")
    return sql(
        """SELECT {value} AS value, uniqExact(e.uuid) AS events FROM {events}{joined} WHERE {where} AND {any_step}
        GROUP BY value HAVING value != {other} ORDER BY events DESC, value DESC LIMIT {limit}""",
        value=event_value(funnel.breakdown, actors),
        events=actors.source,
        joined=joined_owners(funnel.breakdown, actors),
        where=events_between(funnel.dates, funnel.properties, actors, names_of(funnel.steps)),
        any_step=_any_step(funnel, actors),
        other=texts(OTHER),
        limit=integer(funnel.breakdown.limit),
    )
