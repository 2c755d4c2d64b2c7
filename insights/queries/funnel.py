"""Which persons reached which step of a funnel?

Reads what ``insights.queries.funnel_reached`` reads, and ``person`` for who exists and passes person filters.

Cost on two cores, 10 M events, three steps, 14 days (``benchmarks/insights.py``): 2.2 times
``uniqExact(person_id)`` over the same rows for an ordered funnel. The overrides add one join.

Persons are selected from ``person`` by the set of actors, not the other way round: who has no profile is
never found, pages come in the order of the table (person id) and the table stops being read when the page
is full.
"""

from collections.abc import Sequence
from dataclasses import replace

from core.clickhouse import client
from core.filters.properties import PropertyGroup, Source
from core.sql.patterns import check_patterns
from core.sql.text import Sql, integer, join, sql, trusted
from insights.filters.breakdown import OTHER, Value
from insights.filters.funnel import FunnelFilter, FunnelPersons
from insights.filters.split_sources import split_sources
from insights.limits import Limits
from insights.queries.funnel_reached import steps_reached
from insights.queries.funnel_split import UNSPLIT, frequent_values, split_of
from insights.sql.breakdown import place_of
from insights.sql.person_of_event import Actors, has_overrides, persons_of_events
from insights.sql.persons_page import persons_page
from insights.sql.search import persons_with_text


def find_persons(question: FunnelPersons, *, offset: int, rows: int, limits: Limits) -> list[str]:
    """Ids of at most ``rows`` persons, from ``offset`` on.

    Raises ``InvalidInput`` for a bad pattern, ``ClickHouseUnavailable`` or ``QueryTooHeavy``.
    """
    project_id = question.funnel.project_id
    check_patterns(question.funnel.filters())
    overridden = has_overrides(project_id)
    actors = persons_of_events(overridden=overridden)
    query = persons(
        replace(question, page=replace(question.page, offset=offset, limit=rows)),
        overridden=overridden,
        kept=kept_values(question, actors, limits=limits),
    )
    text, parameters = query.rendered()
    found = client.query(
        text, project_id=project_id, parameters=parameters, settings=limits.settings(purpose="funnel persons")
    )
    return [str(row[0]) for row in found]


def kept_values(question: FunnelPersons, actors: Actors, *, limits: Limits) -> Sequence[Value]:
    """The values that must be told apart: those of the breakdown when all others are asked for, else the one."""
    if question.value is None:
        return ()
    return (
        find_values(question.funnel, actors, limits=limits) if question.value == OTHER else (question.value,)
    )


def find_values(funnel: FunnelFilter, actors: Actors, *, limits: Limits) -> list[Value]:
    """The values of the breakdown that stay themselves, the most frequent first."""
    query_text, parameters = frequent_values(funnel, actors).rendered()
    rows = client.query(
        query_text,
        project_id=funnel.project_id,
        parameters=parameters,
        settings=limits.settings(purpose="funnel breakdown values"),
    )
    return [tuple(value) for value, _ in rows]


def persons(question: FunnelPersons, *, overridden: bool, kept: Sequence[Value] = ()) -> Sql:
    """One page of ids of persons, by id. ``overridden``: whether any distinct id of the project has moved; ``kept``:
    the values of the breakdown that are told apart.
    """
    funnel = question.funnel
    actors = persons_of_events(overridden=overridden)
    of_persons, of_events = split_sources(funnel.properties, Source.PERSON)
    search = question.page.search
    return persons_page(
        wanted_actors(question, of_events, actors, kept),
        of_persons,
        question.page,
        found=None if search is None else persons_with_text(search, funnel.dates, of_events, actors),
    )


def wanted_actors(
    question: FunnelPersons, properties: PropertyGroup, actors: Actors, kept: Sequence[Value]
) -> Sql:
    """Ids of the actors who reached a wanted number of steps, with the wanted value; ``properties`` limits which events
    count.
    """
    funnel = question.funnel
    conditions = [sql("reached IN ({wanted})", wanted=trusted(", ".join(map(str, question.reached))))]
    split = UNSPLIT
    if question.value is not None:
        split = split_of(funnel, actors, kept)
        conditions.append(sql("value = {place}", place=integer(place_of(question.value, kept))))
    return sql(
        "SELECT actor FROM ({reached}) WHERE {conditions}",
        reached=steps_reached(
            funnel,
            properties,
            actors,
            split=split,
            entrance=question.entrance,
            least=min(question.reached, default=1),
        ),
        conditions=join(" AND ", conditions),
    )
