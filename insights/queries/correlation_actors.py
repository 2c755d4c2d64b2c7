"""Which actors are behind a row of a correlation?

Those with an event in their span (``insights.queries.correlation_spans``), or those whose own properties pass filters:
exactly the ones that ``insights.queries.correlation`` counts. Cost: what that takes for one name; properties of actors
need no spans.
"""

from dataclasses import replace

from core.filters.properties import filters_of
from core.sql.conditions import ON_PERSONS, group_condition
from core.sql.patterns import check_patterns
from core.sql.text import Sql, integer, join, sql
from insights.filters.correlation import CorrelationActors
from insights.filters.entities import Entity
from insights.filters.funnel import FunnelFilter
from insights.limits import Limits
from insights.queries.correlation_spans import finishers, happened, spans, within
from insights.queries.funnel_population import Population, find_population, rows_of
from insights.sql.conditions import OnGroups
from insights.sql.events_between import matches
from insights.sql.search import groups_with_text, persons_with_text


def find_actors(question: CorrelationActors, *, offset: int, rows: int, limits: Limits) -> list[str]:
    """Ids of at most ``rows`` persons, or keys of groups, from ``offset`` on, by id or key.

    Raises as ``insights.queries.funnel_population.find_population``.
    """
    filters = question.properties if question.event is None else question.event.properties
    check_patterns(filters_of(filters))
    funnel = question.entered.funnel
    people = find_population(funnel, limits=limits, also_persons=question.asks_persons)
    query = actors(replace(question, page=replace(question.page, offset=offset, limit=rows)), people)
    return [str(actor) for (actor,) in rows_of(query, funnel, limits=limits, purpose="correlation actors")]


def actors(question: CorrelationActors, people: Population) -> Sql:
    """One page of ids or keys."""
    if question.page.search is not None:
        found = _found(question.page.search, question.entered.funnel, people)
        people = replace(people, condition=join(" AND ", [people.condition, found]))
    if question.event is not None:
        wanted = _by_event(question, question.event, people)
    else:
        wanted = _by_properties(question, people)
    return sql(
        "SELECT actor FROM ({wanted}) GROUP BY actor ORDER BY actor LIMIT {limit} OFFSET {offset}",
        wanted=wanted,
        limit=integer(question.page.limit),
        offset=integer(question.page.offset),
    )


def _by_event(question: CorrelationActors, event: Entity, people: Population) -> Sql:
    names = [] if event.id is None else [event.id]
    events = happened(question.entered, people, columns=sql("e.event AS event"), names=names)
    if event.properties.members:
        events = sql("{events} AND {matches}", events=events, matches=matches(event, people.actors))
    return sql(
        """SELECT happened.actor AS actor
        FROM ({events}) AS happened INNER JOIN ({spans}) AS span ON happened.actor = span.actor
        WHERE {within}""",
        events=events,
        spans=spans(question.entered, people),
        within=within(question.entered),
    )


def _by_properties(question: CorrelationActors, people: Population) -> Sql:
    if question.entered.funnel.group_type_index is None:
        passing = _persons(group_condition(question.properties, ON_PERSONS))
    else:
        passing = group_condition(question.properties, OnGroups(sql("actor")))
    return sql(
        "SELECT actor FROM ({finishers}) WHERE {passing}",
        finishers=finishers(question.entered, people),
        passing=passing,
    )


def _found(search: str, funnel: FunnelFilter, people: Population) -> Sql:
    """Whether a text is found in what is known of an actor."""
    if funnel.group_type_index is not None:
        return groups_with_text(
            search, funnel.group_type_index, funnel.dates, people.properties, people.actors
        )
    return _persons(persons_with_text(search, funnel.dates, people.properties, people.actors))


def _persons(condition: Sql) -> Sql:
    """Whether an actor is a person of whom ``condition`` holds."""
    return sql(
        "actor IN (SELECT id FROM person FINAL WHERE project_id = {project_id:Int64} AND ({condition}))",
        condition=condition,
    )
