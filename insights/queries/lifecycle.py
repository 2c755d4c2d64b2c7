"""Who is new, returning, resurrecting or dormant in an hour, day, week or month?

Reads ``events`` of the periods, of the one before them, and of the series' name (by the sorting key: project, day,
name), resolved through ``person_distinct_id_overrides`` where the project has any, and ``person`` for who exists, who
passes filters of persons, and when each was created.

For each person the places of the periods with an event are gathered; an event that is stored twice changes nothing.
New is who was created in the first of them, so the questions about new and resurrecting persons read everything up to
their period, those about returning and dormant ones two periods.

Cost, 3 M events of 150,000 persons, 14 days of one name: 3 times ``uniqExact(person_id)`` over the same rows; for who
is returning or dormant less than once.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, timedelta
from typing import Any

from core.clickhouse import client
from core.filters.dates import DateRange
from core.filters.properties import Source
from core.sql.patterns import check_patterns
from core.sql.text import Sql, integer, join, moment, sql, text, trusted
from insights.filters.lifecycle import Lifecycle, LifecyclePersons, State
from insights.filters.maths import ACTIVITY
from insights.filters.split_sources import split_sources
from insights.limits import Limits
from insights.sql.counted import actors_of, all_counted, existing_persons
from insights.sql.person_of_event import has_overrides
from insights.sql.pieces import piece_of
from insights.sql.search import persons_with_text

_SECOND = timedelta(seconds=1)


def find_persons(question: LifecyclePersons, *, offset: int, rows: int, limits: Limits) -> list[str]:
    """Ids of at most ``rows`` persons, from ``offset`` on.

    Raises ``InvalidInput`` for a bad pattern, ``ClickHouseUnavailable`` or ``QueryTooHeavy``.
    """
    if question.lifecycle is None:
        return []
    paged = replace(question, page=replace(question.page, offset=offset, limit=rows))
    query = persons(paged, question.lifecycle, overridden=_is_overridden(question.lifecycle))
    return [str(actor) for (actor,) in _rows(question.lifecycle, query, limits)]


def find_counts(question: Lifecycle, *, limits: Limits) -> dict[tuple[State, int], int]:
    """How many are in each state in each period, by its place, from 1 on. Raises as ``find_persons`` does."""
    found = _rows(question, counts(question, overridden=_is_overridden(question)), limits)
    return {(State(state), int(period)): int(count) for state, period, count in found}


def _is_overridden(question: Lifecycle) -> bool:
    return has_overrides(question.selection.project_id)


def _rows(question: Lifecycle, query: Sql, limits: Limits) -> Sequence[Sequence[Any]]:
    check_patterns(question.filters())
    query_text, parameters = query.rendered()
    return client.query(
        query_text,
        project_id=question.selection.project_id,
        parameters=parameters,
        settings=limits.settings(purpose="lifecycle"),
    )


def persons(question: LifecyclePersons, lifecycle: Lifecycle, *, overridden: bool) -> Sql:
    """A page of ids of persons, by id. ``overridden``: whether any distinct id of the project has moved."""
    first = 0 if question.state in (State.NEW, State.RESURRECTING) else question.period - 1
    needed = _between(lifecycle, first, question.period + 2)
    conditions = [
        sql("state = ({state}, {period})", state=text(question.state), period=_place(question, first))
    ]
    if question.page.search is not None:
        actors = actors_of(ACTIVITY, overridden=overridden)
        _, of_events = split_sources(lifecycle.selection.properties, Source.PERSON)
        found = persons_with_text(question.page.search, lifecycle.selection.dates, of_events, actors)
        conditions.append(
            sql(
                "id IN (SELECT id FROM person FINAL WHERE project_id = {project_id:Int64} AND {found})",
                found=found,
            )
        )
    return sql(
        "SELECT id FROM ({states}) WHERE {conditions} ORDER BY id LIMIT {limit} OFFSET {offset}",
        states=_states(needed, overridden=overridden),
        conditions=join(" AND ", conditions),
        limit=integer(question.page.limit),
        offset=integer(question.page.offset),
    )


def counts(question: Lifecycle, *, overridden: bool) -> Sql:
    """Rows ``state, period, count``."""
    return sql(
        "SELECT state.1, state.2, count() FROM ({states}) GROUP BY state",
        states=_states(question, overridden=overridden),
    )


def _place(question: LifecyclePersons, first: int) -> Sql:
    return trusted(f"toInt64({question.period - first})")


def _between(question: Lifecycle, first: int, end: int) -> Lifecycle:
    """Only the periods between two of the bounds, by their places."""
    bounds = question.bounds[first:end]
    dates = DateRange(bounds[0].astimezone(UTC), bounds[-1].astimezone(UTC) - _SECOND)
    return replace(question, selection=replace(question.selection, dates=dates), bounds=bounds)


def _states(question: Lifecycle, *, overridden: bool) -> Sql:
    """Rows ``id, state``, where ``state`` is a tuple of its name and the place of the period, from 1 on."""
    of_persons, of_events = split_sources(question.selection.properties, Source.PERSON)
    selection = replace(question.selection, properties=of_events)
    # Whatever its math: a lifecycle is that of persons.
    series = replace(question.series, math=ACTIVITY)
    counted = all_counted(selection, series, overridden=overridden)
    starts, end = question.bounds[:-1], question.bounds[-1]
    return sql(
        """SELECT p.id AS id, arrayJoin(arrayConcat(
            arrayMap(
                place -> (multiIf(
                    has(places, place - 1), 'returning',
                    place = places[1] AND place = p.created, 'new',
                    'resurrecting'), place),
                arrayFilter(place -> place > 0, places)),
            arrayMap(
                place -> ('dormant', place + 1),
                arrayFilter(place -> place + 1 < {count} AND NOT has(places, place + 1), places))
        )) AS state
        FROM (
            SELECT {actor} AS actor, arraySort(groupUniqArray({piece})) AS places
            FROM {source} WHERE {where} GROUP BY actor
        ) AS active
        INNER JOIN (
            SELECT id, if(created_at >= {first} AND created_at < {end}, {created}, -1) AS created
            FROM person FINAL WHERE {exists}
        ) AS p ON p.id = active.actor""",
        count=trusted(str(len(starts))),
        actor=counted.actors.id,
        piece=piece_of(starts),
        source=counted.source,
        where=counted.where,
        first=moment(starts[0]),
        end=moment(end),
        created=piece_of(starts, sql("created_at")),
        exists=existing_persons(of_persons),
    )
