"""How the actors of a funnel are told apart by the values of a breakdown.

``Split`` adds columns to the query that groups the events ``e`` by actor:

* nothing, when there is no breakdown;
* ``value`` as a part of the key: the funnel runs separately on the events of each value (``all_events``);
* ``values``: the actor's values, found among its events that match a step. ``told_apart`` makes a row of each.

A value is a list of texts, one a property. Values that are not kept become ``Other`` here, so that they are one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from core.filters.properties import Source
from core.sql.text import Sql, any_of, integer, join, sql, texts, trusted
from insights.filters.attribution import Touch
from insights.filters.breakdown import OTHER, Value
from insights.filters.funnel import FunnelFilter, Order
from insights.sql.breakdown import event_value, joined_owners
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


def split_of(funnel: FunnelFilter, actors: Actors, kept: Sequence[Value] | None) -> Split:
    """The split of a funnel by its breakdown. ``kept`` are the values that stay what they are, null: all."""
    if funnel.breakdown is None:
        return UNSPLIT
    value = _kept_or_other(event_value(funnel.breakdown, actors), kept)
    joined = joined_owners(funnel.breakdown, actors)
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
        values = _kept_or_other_touch(funnel, actors, touch, kept)
    return Split(
        sql(", {values} AS values", values=values), names=sql(", values"), joined=joined, by_start=by_start
    )


def _touch(funnel: FunnelFilter) -> Touch:
    """Properties of persons and groups do not change from event to event: the first will do."""
    if funnel.breakdown is not None and funnel.breakdown.source is not Source.EVENT:
        return Touch.FIRST
    return funnel.attribution.touch


def _kept_or_other_touch(
    funnel: FunnelFilter, actors: Actors, touch: Touch, kept: Sequence[Value] | None
) -> Sql:
    """The value of the first or last event that has one; empty texts when none has. Equal times go by uuid."""
    if funnel.breakdown is None:
        raise ValueError("the funnel has no breakdown")
    nothing = texts([""] * len(funnel.breakdown.keys))
    touched = sql(
        "{aggregate}({value} AS touched, ({time}, e.uuid), notEmpty(arrayStringConcat(touched)) AND {any_step})",
        aggregate=trusted("argMinIf" if touch is Touch.FIRST else "argMaxIf"),
        value=event_value(funnel.breakdown, actors),
        time=MICROSECONDS,
        any_step=_any_step(funnel, actors),
    )
    value = sql("if(empty({touched} AS found), {nothing}, found)", touched=touched, nothing=nothing)
    return sql("[{value}]", value=_kept_or_other(value, kept))


def _any_step(funnel: FunnelFilter, actors: Actors) -> Sql:
    return any_of(matches(step, actors) for step in funnel.steps)


def _kept_or_other(value: Sql, kept: Sequence[Value] | None) -> Sql:
    if kept is None:
        return value
    listed = (texts(one) for one in kept)
    return sql(
        "if(has([{kept}], {value}), {value}, {other})" if kept else "{other}",
        value=value,
        kept=join(", ", listed),
        other=texts(OTHER),
    )


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
                    arrayMap((start, length, time) -> (start, 0, length, time, CAST([] AS Array(String))),
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
