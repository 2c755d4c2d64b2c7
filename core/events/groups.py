"""The groups that an event names: those that it happened in, and the one that it tells of."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.events.event import Event
from core.events.read import as_text

#: Code points of a group type and of a group key: the width of the columns. Longer ones name no group.
NAME_LENGTH = 400

_NO_GROUPS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class GroupChange:
    """What a ``$groupidentify`` tells of its group; ``at`` is the time of the event."""

    type: str
    key: str
    set: dict[str, Any]
    at: datetime


def groups_of(event: Event) -> Mapping[str, str]:
    """Group type to group key, by ``$groups``. What names no group is left out: blanks, null, lists, objects."""
    given = event.properties.get("$groups")
    if not given or not isinstance(given, dict):
        return _NO_GROUPS
    named = {_name(group_type): _name(key) for group_type, key in given.items()}
    return {group_type: key for group_type, key in named.items() if group_type and key}


def group_change(event: Event) -> GroupChange | None:
    """Null for any other event, and for one that names no group."""
    if event.name != "$groupidentify":
        return None
    properties = event.properties
    group_type, key = _name(properties.get("$group_type")), _name(properties.get("$group_key"))
    if group_type is None or key is None:
        return None
    set_ = properties.get("$group_set")
    return GroupChange(group_type, key, set_ if isinstance(set_, dict) else {}, event.timestamp)


def _name(value: Any) -> str | None:
    """A string as it is, a number or truth value as its JSON; null when it names nothing."""
    if value is None or isinstance(value, list | dict):
        return None
    text = as_text(value)
    return text if text.strip() and len(text) <= NAME_LENGTH else None
