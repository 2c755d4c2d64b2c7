"""Who is counted by the result of a funnel: the same persons or groups that its links lead to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.clickhouse import client
from core.filters.properties import PropertyGroup, Source
from core.sql.conditions import ON_PERSONS, group_condition
from core.sql.patterns import check_patterns
from core.sql.text import Sql, join, sql
from insights.filters.breakdown import Value
from insights.filters.funnel import FunnelFilter
from insights.filters.split_sources import split_sources
from insights.limits import Limits
from insights.queries.funnel import find_values
from insights.queries.funnel_groups import asks_persons
from insights.queries.funnel_split import Split, split_of
from insights.sql.person_of_event import Actors, groups_of_events, has_overrides, persons_of_events


@dataclass(frozen=True, slots=True)
class Population:
    """The ``actors`` of the events that pass ``properties``, told apart by ``split``. Only an ``actor`` who passes
    ``condition`` counts. ``kept`` are the values of the breakdown, the most frequent first.
    """

    actors: Actors
    properties: PropertyGroup
    condition: Sql
    split: Split
    kept: Sequence[Value]


def population(funnel: FunnelFilter, *, overridden: bool, kept: Sequence[Value]) -> Population:
    """``overridden``: whether any distinct id of the project has moved."""
    if funnel.group_type_index is not None:
        actors = groups_of_events(funnel.group_type_index, overridden=overridden)
        return Population(actors, funnel.properties, sql("true"), split_of(funnel, actors, kept), kept)
    actors = persons_of_events(overridden=overridden)
    of_persons, of_events = split_sources(funnel.properties, Source.PERSON)
    conditions = [sql("project_id = {project_id:Int64}")]
    if of_persons.members:
        conditions.append(group_condition(of_persons, ON_PERSONS))
    exists = sql(
        "actor IN (SELECT id FROM person FINAL WHERE {conditions})", conditions=join(" AND ", conditions)
    )
    return Population(actors, of_events, exists, split_of(funnel, actors, kept), kept)


def find_population(funnel: FunnelFilter, *, limits: Limits, also_persons: bool = False) -> Population:
    """As ``population``, with what must be looked up first. ``also_persons``: the persons of events matter to more than
    the funnel.

    Raises ``InvalidInput`` for a bad pattern, ``ClickHouseUnavailable`` or ``QueryTooHeavy``.
    """
    check_patterns(funnel.filters())
    looks_at_persons = also_persons or funnel.group_type_index is None or asks_persons(funnel)
    overridden = looks_at_persons and has_overrides(funnel.project_id)
    actors = population(funnel, overridden=overridden, kept=()).actors
    kept = find_values(funnel, actors, limits=limits) if funnel.breakdown is not None else []
    return population(funnel, overridden=overridden, kept=kept)


def rows_of(query: Sql, funnel: FunnelFilter, *, limits: Limits, purpose: str) -> Sequence[Sequence[Any]]:
    """The rows of ``query``; ``purpose`` marks it in ``system.processes``."""
    text, parameters = query.rendered()
    return client.query(
        text,
        project_id=funnel.project_id,
        parameters=parameters,
        settings=limits.settings(purpose=purpose),
    )
