"""The events of a series, and who is counted by them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.filters.properties import OF_PERSONS, PropertyGroup, Source, filters_of
from core.sql.conditions import ON_PERSONS, group_condition
from core.sql.text import Sql, join, sql
from insights.filters.breakdown import Breakdown
from insights.filters.maths import Math, Of
from insights.filters.selection import Selection
from insights.filters.series import Series
from insights.filters.split_sources import split_sources
from insights.sql.events_between import events_between, matches, names_of
from insights.sql.person_of_event import Actors, groups_of_events, persons_of_events

#: Tells events apart: rows that agree in it are one event that was sent twice.
EVENT_KEY = sql("cityHash64(toDate32(e.timestamp), e.event, e.distinct_id), e.uuid")


@dataclass(frozen=True, slots=True)
class Counted:
    """Events ``e`` of ``source`` that pass ``where``, with ``actors`` who are counted by them. ``of_events`` is what
    every event must pass, whatever its name and its person.
    """

    actors: Actors
    source: Sql
    where: Sql
    of_events: PropertyGroup

    def narrowed(self, *conditions: Sql) -> "Counted":
        """Only those that pass ``conditions``, too."""
        return replace(self, where=join(" AND ", [self.where, *conditions]))


def actors_of(math: Math, *, overridden: bool) -> Actors:
    """Whom the math counts: the groups of its type, else persons."""
    once = math.of is Of.PROPERTY
    if math.group_type_index is not None:
        return groups_of_events(math.group_type_index, overridden=overridden, once=once)
    return persons_of_events(overridden=overridden, once=once)


def counts_persons(math: Math) -> bool:
    """Whether the number itself, and not only the list behind it, is about persons."""
    return math.of in (Of.ACTORS, Of.EVENTS_OF_ACTORS) and math.group_type_index is None


def asks_persons(selection: Selection, series: Series, breakdown: Breakdown | None = None) -> bool:
    """Whether whose an event is matters at all."""
    filters = [*filters_of(selection.properties), *filters_of(series.entity.properties)]
    return (
        counts_persons(series.math)
        or any(item.source in OF_PERSONS for item in filters)
        or (breakdown is not None and breakdown.source in OF_PERSONS)
    )


def all_counted(selection: Selection, series: Series, *, overridden: bool) -> Counted:
    """Every event of ``series``, also of persons who do not exist."""
    actors = actors_of(series.math, overridden=overridden)
    return _counted(selection, series, actors, selection.properties, ())


def existing_counted(selection: Selection, series: Series, *, overridden: bool) -> Counted:
    """Only events of persons who exist and pass the filters of persons; groups exist by their events."""
    actors = actors_of(series.math, overridden=overridden)
    if series.math.group_type_index is not None:
        return _counted(selection, series, actors, selection.properties, ())
    of_persons, of_events = split_sources(selection.properties, Source.PERSON)
    exists = sql(
        "{person} IN (SELECT id FROM person FINAL WHERE {conditions})",
        person=actors.person,
        conditions=existing_persons(of_persons),
    )
    return _counted(selection, series, actors, of_events, (exists,))


def existing_persons(of_persons: PropertyGroup, *conditions: Sql) -> Sql:
    """A condition on rows of ``person FINAL``."""
    found = [sql("project_id = {project_id:Int64}")]
    if of_persons.members:
        found.append(group_condition(of_persons, ON_PERSONS))
    return join(" AND ", [*found, *conditions])


def _counted(
    selection: Selection, series: Series, actors: Actors, properties: PropertyGroup, more: Sequence[Sql]
) -> Counted:
    conditions = [events_between(selection.dates, properties, actors, names_of([series.entity])), *more]
    if series.entity.properties.members:
        conditions.append(matches(series.entity, actors))
    return Counted(actors, actors.source, join(" AND ", conditions), properties)
