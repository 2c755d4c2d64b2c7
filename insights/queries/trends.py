"""Which persons, or groups, have events of a series, and how many?

Reads ``events`` of the dates and of the series' name (by the sorting key: project, day, name), resolved through
``person_distinct_id_overrides`` where the project has any, and ``person`` for who exists and passes filters of persons.
For groups the key stands in the event, and ``groups`` is read only for filters.

The order is that of the values, so every actor is counted for each page. Cost, 3 M events of 150,000 persons, 14 days
of one name: 3 times ``uniqExact(person_id)`` over the same rows; for maths of a property, which read it and leave out
what is stored twice (``FINAL``), 5 times.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from core.clickhouse import client
from core.filters.properties import Source
from core.sql.conditions import stored_number
from core.sql.patterns import check_patterns
from core.sql.text import Sql, integer, number, sql, texts
from insights.filters.split_sources import split_sources
from insights.filters.trends import Bin, TrendPersons
from insights.limits import Limits
from insights.sql.breakdown import event_value, joined_owners
from insights.sql.counted import Counted, actors_of, all_counted, existing_persons
from insights.sql.maths import value_of_actor
from insights.sql.person_of_event import Actors, has_overrides
from insights.sql.search import groups_with_text, persons_with_text


def find_actors(question: TrendPersons, *, offset: int, rows: int, limits: Limits) -> list[tuple[str, Any]]:
    """Ids of persons, or keys of groups, with their values; at most ``rows`` from ``offset`` on.

    Raises ``InvalidInput`` for a bad pattern, ``ClickHouseUnavailable`` or ``QueryTooHeavy``.
    """
    project_id = question.selection.project_id
    check_patterns(question.filters())
    build = persons if question.series.math.group_type_index is None else groups
    paged = replace(question, page=replace(question.page, offset=offset, limit=rows))
    text, parameters = build(paged, overridden=has_overrides(project_id)).rendered()
    found: Sequence[Sequence[Any]] = client.query(
        text, project_id=project_id, parameters=parameters, settings=limits.settings(purpose="trends persons")
    )
    return [(str(actor), value) for actor, value in found]


def persons(question: TrendPersons, *, overridden: bool) -> Sql:
    """A page of ids of persons with their values, the largest first, then the newest."""
    actors = actors_of(question.series.math, overridden=overridden)
    of_persons, of_events = split_sources(question.selection.properties, Source.PERSON)
    conditions = []
    if question.page.search is not None:
        conditions.append(
            persons_with_text(question.page.search, question.selection.dates, of_events, actors)
        )
    limited = replace(question, selection=replace(question.selection, properties=of_events))
    return sql(
        """SELECT p.id, counted.value FROM ({counted}) AS counted
        INNER JOIN (SELECT id, created_at FROM person FINAL WHERE {conditions}) AS p ON p.id = counted.actor
        ORDER BY counted.value DESC NULLS LAST, p.created_at DESC, UUIDToNum(p.id)
        LIMIT {limit} OFFSET {offset}""",
        counted=_values(limited, overridden=overridden),
        conditions=existing_persons(of_persons, *conditions),
        limit=integer(question.page.limit),
        offset=integer(question.page.offset),
    )


def groups(question: TrendPersons, *, overridden: bool) -> Sql:
    """A page of keys of groups with their values, the largest first, then by key."""
    math = question.series.math
    if math.group_type_index is None:
        raise ValueError("the math counts persons")
    condition = sql("true")
    if question.page.search is not None:
        condition = groups_with_text(
            question.page.search,
            math.group_type_index,
            question.selection.dates,
            question.selection.properties,
            actors_of(math, overridden=overridden),
        )
    return sql(
        """SELECT actor, value FROM ({counted}) WHERE {condition}
        ORDER BY value DESC NULLS LAST, actor LIMIT {limit} OFFSET {offset}""",
        counted=_values(question, overridden=overridden),
        condition=condition,
        limit=integer(question.page.limit),
        offset=integer(question.page.offset),
    )


def _values(question: TrendPersons, *, overridden: bool) -> Sql:
    """Rows ``actor, value`` of everyone with an event."""
    counted = all_counted(question.selection, question.series, overridden=overridden)
    counted = _with_value(question, counted, counted.actors)
    return sql(
        "SELECT {actor} AS actor, {value} AS value FROM {source} WHERE {where} GROUP BY actor",
        actor=counted.actors.id,
        value=value_of_actor(question.series.math),
        source=counted.source,
        where=counted.where,
    )


def _with_value(question: TrendPersons, counted: Counted, actors: Actors) -> Counted:
    """Only the events with the wanted value of the breakdown."""
    breakdown, wanted = question.breakdown, question.value
    if breakdown is None or wanted is None:
        return counted
    joined = replace(
        counted,
        source=sql("{events}{owners}", events=counted.source, owners=joined_owners(breakdown, actors)),
    )
    value = event_value(breakdown, actors)
    if isinstance(wanted, Bin):
        return joined.narrowed(_in_bin(sql("{value}[1]", value=value), wanted))
    return joined.narrowed(sql("{value} = {wanted}", value=value, wanted=texts(wanted)))


def _in_bin(value: Sql, wanted: Bin) -> Sql:
    return sql(
        "ifNull({value} >= {low} AND {value} < {high}, false)",
        value=stored_number(value),
        low=number(wanted.low),
        high=number(wanted.high),
    )
