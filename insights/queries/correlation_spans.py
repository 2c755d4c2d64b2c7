"""Which events of each actor of a funnel count for a correlation, and did the actor finish?

Those in its span, unless they have the name of a step. The span lies strictly between the start of the actor's best
attempt, the earliest of several, and the last step, or the end of the window where that was not reached. Reads what
``insights.queries.funnel_attempts`` reads, and the ids of ``person``.
"""

from collections.abc import Sequence
from datetime import timedelta

from core.sql.text import Sql, integer, join, sql, texts, trusted
from insights.filters.correlation import Entered
from insights.queries.funnel_population import Population
from insights.queries.funnel_reached import split_attempts, steps_reached
from insights.sql.breakdown import place_of
from insights.sql.events_between import MICROSECONDS, events_between, microseconds

_MICROSECOND = timedelta(microseconds=1)
#: The attempt with the most steps, of those the first to start and then to arrive, as one number of 8, 60 and 60 bits:
#: numbers are compared several times as fast as tuples.
_BEST = sql("""arrayMin(arrayMap(
    (length, time, start) -> bitShiftLeft(toUInt128(255 - length), 120)
        + bitShiftLeft(toUInt128(start), 60) + time[greatest(length, 1)],
    lengths, times, starts))""")
_LOW = sql("1152921504606846975")


def spans(entered: Entered, people: Population) -> Sql:
    """Rows ``actor, number, success, start, finish``: one an actor, numbered, times in microseconds."""
    return sql(
        """SELECT actor, toUInt32(rowNumberInAllBlocks()) AS number, length = {steps} AS success,
            bitAnd(toUInt64(bitShiftRight(best, 60)), {low}) AS start,
            least(if(success, bitAnd(toUInt64(best), {low}), start + {window}), {end}) AS finish
        FROM (
            SELECT actor, {best} AS best, 255 - toUInt8(bitShiftRight(best, 120)) AS length
            FROM ({attempts}) WHERE {condition}
        ) WHERE length IN ({wanted})""",
        steps=trusted(str(len(entered.funnel.steps))),
        low=_LOW,
        window=trusted(str(entered.funnel.window // _MICROSECOND)),
        # The last second of the range is no part of any span.
        end=trusted(str(microseconds(entered.funnel.dates.last))),
        best=_BEST,
        attempts=split_attempts(
            entered.funnel,
            people.properties,
            people.actors,
            people.split,
            least=min(entered.reached, default=1),
        ),
        condition=_condition(entered, people),
        wanted=_wanted(entered),
    )


def finishers(entered: Entered, people: Population) -> Sql:
    """Rows ``actor, success``: the same actors, where their spans do not matter."""
    return sql(
        """SELECT actor, reached = {steps} AS success FROM ({reached})
        WHERE reached IN ({wanted}) AND {condition}""",
        steps=trusted(str(len(entered.funnel.steps))),
        reached=steps_reached(
            entered.funnel,
            people.properties,
            people.actors,
            split=people.split,
            least=min(entered.reached, default=1),
        ),
        wanted=_wanted(entered),
        condition=_condition(entered, people),
    )


def happened(entered: Entered, people: Population, *, columns: Sql, names: Sequence[str]) -> Sql:
    """Rows ``actor, time`` and ``columns`` of events ``e``, as far as they exist for the funnel, with one of ``names``
    (none: any).
    """
    return sql(
        "SELECT {actor} AS actor, {time} AS time, {columns} FROM {source} WHERE {where}",
        actor=people.actors.id,
        time=MICROSECONDS,
        columns=columns,
        source=people.actors.source,
        where=events_between(entered.funnel.dates, people.properties, people.actors, names),
    )


def within(entered: Entered, left_out: Sequence[str] = ()) -> Sql:
    """Whether an event counts that ``happened``, a row with ``time`` and ``event``, beside the ``span`` of its actor.
    Names that are ``left_out`` do not.
    """
    steps = [step.id for step in entered.funnel.steps if step.id is not None]
    not_counted = list(dict.fromkeys([*steps, *left_out]))
    inside = sql("happened.time > span.start AND happened.time < span.finish")
    if not not_counted:
        return inside
    return sql("{inside} AND happened.event NOT IN {names}", inside=inside, names=texts(not_counted))


def _wanted(entered: Entered) -> Sql:
    return trusted(", ".join(map(str, entered.reached)))


def _condition(entered: Entered, people: Population) -> Sql:
    if entered.value is None:
        return people.condition
    return join(
        " AND ",
        [people.condition, sql("value = {place}", place=integer(place_of(entered.value, people.kept)))],
    )
