"""How many actors reached each step of a funnel, and how long did they take?

Rows: one a value of the breakdown. The times are those of one attempt of each actor: the first to arrive at the
actor's best result, of those that lead to the same arrival the latest to start. Reads what
``insights.queries.funnel_attempts`` reads, and the ids of ``person``. Cost: see there; the ids of 500,000 persons add
less than 0.1 s.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isnan
from typing import Any

from core.sql.text import Sql, sql, trusted
from insights.filters.breakdown import OTHER, Value
from insights.filters.funnel import FunnelFilter
from insights.limits import Limits
from insights.queries.funnel_population import Population, find_population, rows_of
from insights.queries.funnel_reached import split_attempts
from insights.sql.breakdown import value_at

#: Of each attempt a number that is the less, the better: the more steps, then the earlier to arrive, then the later to
#: start. Numbers are compared several times as fast as tuples.
_RANKS = sql("""arrayMap(
    (length, time, start) -> bitShiftLeft(toUInt128(255 - length), 120)
        + bitShiftLeft(toUInt128(time[greatest(length, 1)]), 60) + (1152921504606846975 - start),
    lengths, times, starts)""")


@dataclass(frozen=True, slots=True)
class StepCounts:
    """Of each step: ``counts`` of actors, ``averages`` and ``medians`` in seconds from the step before, null for the
    first step and where nobody got. ``value`` is null without a breakdown.
    """

    value: Value | None
    counts: list[int]
    averages: list[float | None]
    medians: list[float | None]


def find_steps(funnel: FunnelFilter, *, limits: Limits) -> list[StepCounts]:
    """One of the funnel, or one of each value of its breakdown, the most frequent first and ``OTHER`` last, cohorts as
    they were asked for. Raises as ``insights.queries.funnel_population.find_population``.
    """
    if parts := funnel.by_cohort():
        return [replace(find_steps(part, limits=limits)[0], value=value) for value, part in parts]
    people = find_population(funnel, limits=limits)
    rows = rows_of(step_counts(funnel, people), funnel, limits=limits, purpose="funnel steps")
    found = [_counts(row, people.kept) for row in rows]
    if funnel.breakdown is None:
        return found
    by_value = {counts.value: counts for counts in found}
    return [by_value[value] for value in (*people.kept, OTHER) if value in by_value]


def _counts(row: Sequence[Any], kept: Sequence[Value]) -> StepCounts:
    place, counts, averages, medians = row
    value = None if place is None else value_at(place, kept)
    return StepCounts(value, list(counts), _known(averages), _known(medians))


def _known(seconds: Sequence[float]) -> list[float | None]:
    return [None if isnan(one) else one for one in seconds]


def step_counts(funnel: FunnelFilter, people: Population) -> Sql:
    """Rows ``value, counts, averages, medians``: a row a value (its place), or one with the value null."""
    count = len(funnel.steps)
    spans = [f"(best[{step + 1}] - best[{step}]) / 1e6, reached > {step}" for step in range(1, count)]
    return sql(
        """SELECT {value} AS value, [{counts}] AS counts, [{averages}] AS averages, [{medians}] AS medians
        FROM ({best}) WHERE reached > 0{by_value}""",
        value=sql("value") if people.split.names.parts else sql("NULL"),
        counts=trusted(", ".join(f"countIf(reached > {step})" for step in range(count))),
        averages=trusted(", ".join(["nan", *(f"avgIf({span})" for span in spans)])),
        medians=trusted(", ".join(["nan", *(f"quantileExactInclusiveIf(0.5)({span})" for span in spans)])),
        best=best_attempts(funnel, people),
        by_value=sql(" GROUP BY value") if people.split.names.parts else sql(""),
    )


def best_attempts(funnel: FunnelFilter, people: Population) -> Sql:
    """Rows ``actor, reached, best``, and ``value`` with a split: ``best`` are the times of the steps, microseconds."""
    return sql(
        """SELECT actor{names}, arrayMax(lengths) AS reached, times[indexOf(ranks, arrayMin(ranks))] AS best
        FROM (SELECT actor{names}, lengths, times, {ranks} AS ranks FROM ({attempts}) WHERE {condition})""",
        names=sql(", value") if people.split.names.parts else sql(""),
        ranks=_RANKS,
        attempts=split_attempts(funnel, people.properties, people.actors, people.split),
        condition=people.condition,
    )
