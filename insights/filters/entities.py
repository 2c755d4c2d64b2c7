"""The series of a question: the events that it is about, in their order. Actions are events under another name that
somebody gave them; here nobody can, so none is known.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from core.exceptions import InvalidInput
from core.filters.parameters import read_list, whole_number
from core.filters.properties import PropertyGroup, PropertyReader

#: Letters of an id in an error.
_SHOWN = 40


class EntityType(StrEnum):
    EVENTS = "events"
    ACTIONS = "actions"


@dataclass(frozen=True, slots=True)
class Entity:
    """One step or series: events of this name (null: of any name) that pass ``properties``."""

    type: EntityType
    id: str | None
    name: str | None
    custom_name: str | None
    properties: PropertyGroup


def read_entities(given: Mapping[str, Any], *, reader: PropertyReader) -> tuple[Entity, ...]:
    """``events`` as one series, sorted by ``order``; equal orders stay as they were sent."""
    return tuple(read_event(item, attr=attr, reader=reader) for attr, item in sorted_events(given))


def sorted_events(given: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """The places in the request and the objects of the series, as sent, in their order."""
    for item in read_list(given, "actions"):
        raise no_action(item.get("id") if isinstance(item, Mapping) else item, attr="actions")
    items = [(f"events[{index}]", item) for index, item in enumerate(read_list(given, "events"))]
    ordered = sorted(((_order(item, attr), attr, item) for attr, item in items), key=lambda entry: entry[0])
    return [(attr, item) for _, attr, item in ordered]


def no_action(action_id: Any, *, attr: str) -> InvalidInput:
    """What to raise for an action."""
    shown = f" {action_id}"[:_SHOWN] if isinstance(action_id, str | int) else ""
    return InvalidInput(f"There is no action{shown}: this server has none. Name the event.", attr=attr)


def _order(item: Any, attr: str) -> int:
    """Where the item stands; nothing and 0 come before everything else."""
    if not isinstance(item, Mapping):
        raise InvalidInput("An object with id and properties is required.", attr=attr)
    order = item.get("order")
    return (whole_number(order, attr=attr) if order not in (None, "") else 0) or -1


def read_event(item: Mapping[str, Any], *, attr: str, reader: PropertyReader) -> Entity:
    """One event of a series; ``attr`` is its place in the request."""
    name = item.get("id")
    if name is not None and not isinstance(name, str):
        raise InvalidInput("The id of an event is its name, or null for any event.", attr=attr)
    label, custom_name = item.get("name"), item.get("custom_name")
    return Entity(
        type=EntityType.EVENTS,
        id=name,
        name=label if isinstance(label, str) else name,
        custom_name=(custom_name.strip() or None) if isinstance(custom_name, str) else None,
        properties=reader.read(item.get("properties"), attr=f"{attr}.properties"),
    )
