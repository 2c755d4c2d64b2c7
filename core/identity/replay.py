"""The properties that a person had in the past: what its events did to them, one after the other.

The order is that of the events' times, and not the one in which they arrived. So the result may differ from what the
person was when late events were still to come.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from core.identity.property_rules import LIFTED, NEVER_CHANGE, Properties, apply_change, change_of_event

#: The properties of an event that say how it changes its person.
CARRIERS = tuple(sorted(LIFTED | {"$set", "$set_once", "$unset", "$os_name", "$is_server"}))
#: Its ``$set`` is that of a group.
_OF_GROUPS = "$groupidentify"


def replayed(
    before: Properties, event: str, carried: Mapping[str, Any], *, with_set_once: bool = True
) -> Properties:
    """The person's properties after one more event; ``carried`` are the event's properties named in ``CARRIERS``.

    Every value counts, also those that are not worth a write to the person of today.
    """
    if event == _OF_GROUPS:
        return before
    # Such events change nobody, but a person whom one of them makes begins with what it carries.
    if event in NEVER_CHANGE and before:
        return before
    change = change_of_event(event, carried)
    if not with_set_once:
        change = replace(change, set_once={})
    after = apply_change(before, change, event="$set")
    return before if after is None else after
