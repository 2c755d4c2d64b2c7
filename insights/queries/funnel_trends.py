"""How many of the actors who entered a funnel in a period went through it?

An actor counts once a period, by its best attempt that starts there, and may count in several. Rows: one a value of
the breakdown and period in which somebody entered. Reads what ``insights.queries.funnel_attempts`` reads, and the ids
of ``person``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from core.sql.text import Sql, sql, trusted
from insights.filters.breakdown import OTHER, Value
from insights.filters.funnel import FunnelFilter
from insights.filters.funnel_result import FunnelResult
from insights.limits import Limits
from insights.queries.funnel_population import Population, find_population, rows_of
from insights.queries.funnel_reached import split_attempts
from insights.sql.breakdown import value_at
from insights.sql.events_between import microseconds


@dataclass(frozen=True, slots=True)
class Trend:
    """Of each period, how many reached the first and the last of the steps. ``value`` is null without a breakdown."""

    value: Value | None
    reached_from: list[int]
    reached_to: list[int]


def find_trends(question: FunnelResult, *, limits: Limits) -> list[Trend]:
    """One of the funnel, or one of each value of its breakdown, the most frequent first and ``OTHER`` last, cohorts as
    they were asked for. Raises as ``insights.queries.funnel_population.find_population``.
    """
    funnel, periods = question.funnel, question.periods[:-1]
    if parts := funnel.by_cohort():
        trends = (
            (value, find_trends(replace(question, funnel=part), limits=limits)) for value, part in parts
        )
        return [replace(trend, value=value) for value, (trend,) in trends]
    people = find_population(funnel, limits=limits)
    rows = rows_of(entered(question, people), funnel, limits=limits, purpose="funnel trends")
    if funnel.breakdown is None:
        return [_trend(None, rows, periods)]
    by_value: dict[Value, list[Sequence[int]]] = {}
    for row in rows:
        by_value.setdefault(value_at(row[0], people.kept), []).append(row)
    return [_trend(value, by_value[value], periods) for value in (*people.kept, OTHER) if value in by_value]


def _trend(value: Value | None, rows: Sequence[Sequence[int]], periods: Sequence[datetime]) -> Trend:
    counts = {start: (first, last) for _, start, first, last in rows}
    found = [counts.get(microseconds(start), (0, 0)) for start in periods]
    return Trend(value, [first for first, _ in found], [last for _, last in found])


def entered(question: FunnelResult, people: Population) -> Sql:
    """Rows ``value, period, reached_from, reached_to``; values by their places, periods by their starts, in
    microseconds.
    """
    funnel: FunnelFilter = question.funnel
    is_split = bool(people.split.names.parts)
    return sql(
        """SELECT {value} AS value, period, countIf(reached > {first}) AS reached_from,
            countIf(reached > {last}) AS reached_to
        FROM (
            SELECT actor{names}, roundDown(attempt.1, {periods}) AS period, max(attempt.2) AS reached
            FROM (
                SELECT actor{names}, arrayJoin(arrayZip(starts, lengths)) AS attempt
                FROM ({attempts}) WHERE {condition}
            ) GROUP BY actor{names}, period
        ) WHERE reached > {first} GROUP BY period{names}""",
        value=sql("value") if is_split else sql("NULL"),
        names=sql(", value") if is_split else sql(""),
        first=trusted(str(question.from_step)),
        last=trusted(str(question.to_step)),
        periods=trusted(str([microseconds(start) for start in question.periods[:-1]])),
        attempts=split_attempts(funnel, people.properties, people.actors, people.split),
        condition=people.condition,
    )
