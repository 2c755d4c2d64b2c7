"""A correlation as asked for: what is to be compared between those who finished a funnel and those who did not, and
whom of them a row is about.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from core.exceptions import InvalidInput
from core.filters.parameters import read_json, read_limit, read_list, read_offset, read_text
from core.filters.properties import OF_PERSONS, PropertyGroup, Source, filters_of
from insights.filters.breakdown import Value
from insights.filters.entities import Entity, no_action, read_event
from insights.filters.funnel import FunnelFilter, read_funnel, read_reached, read_step_breakdown
from insights.filters.project import ProjectFacts
from insights.filters.selection import Page

LIMIT = "funnel_correlation_person_limit"
OFFSET = "funnel_correlation_person_offset"
_ENTITY = "funnel_correlation_person_entity"
_VALUES = "funnel_correlation_property_values"
#: Stands for every property that an actor has.
_ALL_NAMES = "$all"
#: Names in one list; more is a mistake, and a query that is hard to parse.
MOST_NAMES = 200


class Kind(StrEnum):
    EVENTS = "events"
    EVENT_WITH_PROPERTIES = "event_with_properties"
    PROPERTIES = "properties"


KINDS = {kind.value: kind for kind in Kind}

#: The list of what is compared, of kinds that have one.
_COMPARED = {
    Kind.EVENT_WITH_PROPERTIES: "funnel_correlation_event_names",
    Kind.PROPERTIES: "funnel_correlation_names",
}
#: Each kind's list of what is left out.
_LEFT_OUT = {
    Kind.EVENTS: "funnel_correlation_exclude_event_names",
    Kind.EVENT_WITH_PROPERTIES: "funnel_correlation_event_exclude_property_names",
    Kind.PROPERTIES: "funnel_correlation_exclude_names",
}


@dataclass(frozen=True, slots=True)
class Entered:
    """Those actors of a funnel whose number of steps reached is in ``reached``, with the breakdown's ``value``. The
    funnel has a breakdown only when there is one.
    """

    funnel: FunnelFilter
    reached: tuple[int, ...]
    value: Value | None

    @property
    def is_nobody(self) -> bool:
        """True when no question is needed to know that there is nobody."""
        return not self.funnel.steps or not self.reached


@dataclass(frozen=True, slots=True)
class Correlation:
    """``names`` are the events whose properties, or the properties of actors, that are compared; null: all.
    ``left_out`` are names of events or properties.
    """

    entered: Entered
    kind: Kind
    names: tuple[str, ...] | None
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CorrelationActors:
    """A page of those of ``entered`` who have an event of ``event`` in their span; without one, of those whose own
    properties pass ``properties``.
    """

    entered: Entered
    event: Entity | None
    properties: PropertyGroup
    page: Page

    @property
    def asks_persons(self) -> bool:
        """Whether the persons of events matter, beside those of the funnel itself."""
        filters = () if self.event is None else filters_of(self.event.properties)
        return self.page.search is not None or any(item.source in OF_PERSONS for item in filters)


def read_correlation(given: Mapping[str, Any], *, project: ProjectFacts, now: datetime) -> Correlation:
    """Raises ``InvalidInput`` that names the parameter."""
    kind = read_kind(given)
    return Correlation(
        entered=_entered(given, project=project, now=now),
        kind=kind,
        names=_compared(given, kind),
        left_out={read: _names(given, name) for read, name in _LEFT_OUT.items()}[kind],
    )


def read_correlation_actors(
    given: Mapping[str, Any], *, project: ProjectFacts, now: datetime
) -> CorrelationActors:
    """Raises ``InvalidInput`` that names the parameter."""
    entered = _entered(given, project=project, now=now)
    finished = _finished(given)
    if finished is not None:
        steps = len(entered.funnel.steps)
        wanted = tuple(reached for reached in entered.reached if (reached == steps) == finished)
        entered = replace(entered, reached=wanted)
    event = _entity(given, project=project, now=now)
    properties = _own_properties(given, entered.funnel, project=project, now=now)
    is_event = read_kind(given) is not Kind.PROPERTIES
    if is_event and event is None:
        raise InvalidInput(f"Persons behind an event need {_ENTITY}.", attr=_ENTITY)
    if not is_event and not properties.members:
        raise InvalidInput(f"Persons behind a property need {_VALUES}.", attr=_VALUES)
    return CorrelationActors(
        entered=entered,
        event=event if is_event else None,
        properties=PropertyGroup() if is_event else properties,
        page=Page(
            search=read_text(given, "search"),
            limit=read_limit(given, LIMIT),
            offset=read_offset(given, OFFSET),
        ),
    )


def read_kind(given: Mapping[str, Any]) -> Kind:
    """``funnel_correlation_type``; what is unknown means events."""
    return KINDS.get(read_text(given, "funnel_correlation_type") or "", Kind.EVENTS)


def _entered(given: Mapping[str, Any], *, project: ProjectFacts, now: datetime) -> Entered:
    funnel = read_funnel(given, project=project, now=now)
    value = read_step_breakdown(given, funnel.breakdown)
    if value is None:
        # By itself a breakdown does not change who entered.
        funnel = replace(funnel, breakdown=None)
    elif funnel.by_cohort():
        funnel, value = funnel.of_cohort(value), None
    return Entered(
        funnel=funnel,
        reached=read_reached(given, steps=len(funnel.steps), default=1),
        value=value,
    )


def _compared(given: Mapping[str, Any], kind: Kind) -> tuple[str, ...] | None:
    of_kinds = {read: _names(given, name) for read, name in _COMPARED.items()}
    if kind not in of_kinds:
        return None
    name, names = _COMPARED[kind], of_kinds[kind]
    if not names:
        raise InvalidInput(f"A correlation with {kind} needs {name}.", attr=name)
    return None if kind is Kind.PROPERTIES and _ALL_NAMES in names else names


def _names(given: Mapping[str, Any], name: str) -> tuple[str, ...]:
    names = read_list(given, name)
    if not all(isinstance(one, str) for one in names):
        raise InvalidInput("A list of names is required.", attr=name)
    if len(names) > MOST_NAMES:
        raise InvalidInput(f"There are more than {MOST_NAMES} names.", attr=name)
    return tuple(dict.fromkeys(names))


def _finished(given: Mapping[str, Any]) -> bool | None:
    """``funnel_correlation_person_converted``: any text but ``true`` means those who did not finish; null both."""
    name = "funnel_correlation_person_converted"
    value = given.get(name)
    if value is None or isinstance(value, bool):
        return value
    return (read_text(given, name) or "").strip().lower() == "true"


def _entity(given: Mapping[str, Any], *, project: ProjectFacts, now: datetime) -> Entity | None:
    """The event of the row; null when it is not given."""
    item = read_json(given, _ENTITY)
    if item is None:
        return None
    if not isinstance(item, Mapping):
        raise InvalidInput("An object with id, type and properties is required.", attr=_ENTITY)
    if item.get("type") == "actions":
        raise no_action(item.get("id"), attr=_ENTITY)
    return read_event(item, attr=_ENTITY, reader=project.reader(now))


def _own_properties(
    given: Mapping[str, Any], funnel: FunnelFilter, *, project: ProjectFacts, now: datetime
) -> PropertyGroup:
    """Filters of the properties that the actors themselves have: persons, or groups of the type that is counted. Empty
    when they are not given.
    """
    items = read_list(given, _VALUES)
    source = Source.PERSON
    if funnel.group_type_index is not None:
        source = Source.GROUP
        usual = {"group_type_index": funnel.group_type_index}
        items = [{**usual, **item} if isinstance(item, Mapping) else item for item in items]
    group = replace(project.reader(now), sources=(source,)).read(items, attr=_VALUES)
    for item in filters_of(group):
        if item.group_type_index != funnel.group_type_index:
            raise InvalidInput("The property is not of the groups that are counted.", attr=item.attr)
    return group
