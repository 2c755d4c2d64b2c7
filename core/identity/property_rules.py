"""How an event changes the properties of its person.

Pure rules: which values an event carries, and what they do to the values a person has.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

Properties = dict[str, Any]

#: Properties of browser, device and campaign that an event hands to its person: the newest value under the
#: same name, the first one under ``$initial_…``.
LIFTED = frozenset(
    """
    $current_url $pathname $referrer $referring_domain $browser $browser_version $device_type $os $os_version
    $raw_user_agent $screen_height $screen_width $viewport_height $viewport_width
    $app_build $app_name $app_namespace $app_version
    utm_source utm_medium utm_campaign utm_content utm_name utm_term
    gclid gad_source gclsrc dclid gbraid wbraid fbclid msclkid twclid li_fat_id mc_cid igshid ttclid rdt_cid irclid
    _kx epik qclid sccid
    """.split()
)
_INITIAL = {name: f"$initial_{name.removeprefix('$')}" for name in LIFTED}
_OS = frozenset(["$os", "$os_version"])

#: Values that change with every page view. Alone, on an ordinary event, they are not worth a write.
NOISE = frozenset(
    """
    $current_url $pathname $referrer $referring_domain $browser $browser_version $device_type $raw_user_agent
    $os $os_name $os_version $screen_height $screen_width $viewport_height $viewport_width
    $geoip_postal_code $geoip_time_zone $geoip_latitude $geoip_longitude $geoip_accuracy_radius
    $geoip_subdivision_1_code $geoip_subdivision_1_name $geoip_subdivision_2_code $geoip_subdivision_2_name
    $geoip_subdivision_3_code $geoip_subdivision_3_name
    $geoip_subdivision_1_confidence $geoip_subdivision_2_confidence $geoip_city_confidence
    $geoip_country_confidence $geoip_postal_code_confidence
    """.split()
)
#: Events that mean to change properties, so that also noise is written.
ALWAYS_WRITE = frozenset(["$identify", "$create_alias", "$merge_dangerously", "$set"])
#: Events that never change the properties of a person who exists.
NEVER_CHANGE = frozenset(["$exception", "$$heatmap"])
#: Events whose browser and device values are not the person's.
NEVER_LIFT = frozenset(["$snapshot", "$performance_event"])

#: Bytes of JSON above which a person is no longer updated, and to which one that is already above is trimmed.
LARGEST = 640 * 1024
TRIMMED = 512 * 1024
_NEVER_TRIMMED = LIFTED | set(_INITIAL.values()) | {"email", "name", "$os_name", "$creator_event_uuid"}


@dataclass(frozen=True, slots=True)
class PropertyChange:
    """What one event wants to do to its person's properties."""

    set: Properties = field(default_factory=dict)
    set_once: Properties = field(default_factory=dict)
    unset: frozenset[str] = frozenset()


NO_CHANGE = PropertyChange()


def change_of_event(event: str, properties: Mapping[str, Any]) -> PropertyChange:
    """What an event asks for: ``$set``, ``$set_once``, ``$unset``, and the values lifted from its properties."""
    set_ = _object(properties.get("$set"))
    set_once = _object(properties.get("$set_once"))
    if event not in NEVER_LIFT:
        set_, set_once = _lift(properties, set_, set_once)
    return PropertyChange(set_, set_once, _names(properties.get("$unset")))


def _lift(
    properties: Mapping[str, Any], set_: Properties, set_once: Properties
) -> tuple[Properties, Properties]:
    lifted = LIFTED & properties.keys()
    values = {name: properties[name] for name in lifted}
    if "$os" not in values and "$os_name" in properties:
        values["$os"] = properties["$os_name"]
    if properties.get("$is_server") is True:
        values = {name: value for name, value in values.items() if name not in _OS}
    if not values:
        return set_, set_once
    first = {_INITIAL[name]: value for name, value in values.items()}
    return {**values, **set_}, {**first, **set_once}


def _object(value: Any) -> Properties:
    return value if isinstance(value, dict) else {}


def _names(value: Any) -> frozenset[str]:
    if isinstance(value, dict):
        return frozenset(value)
    if isinstance(value, list):
        return frozenset(name for name in value if isinstance(name, str))
    return frozenset()


def first_properties(change: PropertyChange) -> Properties:
    """The properties of a person that this change makes."""
    return {**change.set_once, **change.set}


def apply_change(properties: Properties, change: PropertyChange, *, event: str) -> Properties | None:
    """The person's properties after ``change``, or null when nothing is to be written."""
    if event in NEVER_CHANGE:
        return None
    touched: set[str] = set()
    result = properties
    for name, value in _wanted(properties, change):
        if result is properties:
            result = dict(properties)
        result[name] = value
        touched.add(name)
    removed = change.unset & properties.keys()
    if removed:
        result = {name: value for name, value in result.items() if name not in removed}
    if result is properties:
        return None
    if not removed and event not in ALWAYS_WRITE and _only_noise(touched, properties):
        return None
    return _within_size(properties, result)


def _wanted(properties: Properties, change: PropertyChange) -> Iterable[tuple[str, Any]]:
    for name, value in change.set_once.items():
        if name not in properties and name not in change.set:
            yield name, value
    for name, value in change.set.items():
        if name not in properties or not _same(properties[name], value):
            yield name, value


def _same(one: Any, other: Any) -> bool:
    """Equal as JSON: Python's ``1 == True == 1.0`` are three different values."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict | list):
        return orjson.dumps(one, option=orjson.OPT_SORT_KEYS) == orjson.dumps(
            other, option=orjson.OPT_SORT_KEYS
        )
    return bool(one == other)


def _only_noise(touched: set[str], properties: Properties) -> bool:
    return touched <= NOISE and touched <= properties.keys()


def _within_size(before: Properties, after: Properties) -> Properties | None:
    """``after`` if it fits; trimmed when the person was too large before; else null: the update is refused."""
    if _size(after) <= LARGEST:
        return after
    if _size(before) <= LARGEST:
        return None
    trimmed = dict(after)
    size = _size(after)
    for name in sorted(after.keys() - _NEVER_TRIMMED):
        if size <= TRIMMED:
            break
        size -= _size({name: trimmed.pop(name)}) - 1
    return trimmed


def _size(properties: Properties) -> int:
    return len(orjson.dumps(properties))
