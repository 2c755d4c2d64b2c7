"""A breakdown: by which values of which properties the actors of a question are told apart, or by which cohorts.

Cohorts are no values of anything: a question that is broken down by them is asked once of the members of each, as if a
filter said so (``members_of``). Somebody may be in several.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from core.events.text_form import text_forms
from core.exceptions import InvalidInput
from core.filters.group_type import read_group_type_index
from core.filters.parameters import read_boolean, read_integer, read_list, read_text, whole_number
from core.filters.properties import Joiner, PropertyGroup, Source, members_filter
from insights.filters.project import ProjectFacts

#: A value: the text form of each property, empty for one that is missing.
Value = tuple[str, ...]
#: All values that are not among the most frequent ones.
OTHER: Value = ("Other",)

#: Properties that are taken together.
MOST_PROPERTIES = 5
MOST_VALUES = 1000
_USUAL_VALUES = 25
_MAP_VALUES = 300
_SOURCES = {
    "event": Source.EVENT,
    "person": Source.PERSON,
    "group": Source.GROUP,
    "cohort": Source.COHORT,
}

#: Cohorts of one breakdown: each is a question of its own.
MOST_COHORTS = 25
_DIGITS = re.compile(r"-?\d+")
#: In place of a cohort: everybody.
EVERYBODY = "all"
_NAME_OF_EVERYBODY = "all users"


@dataclass(frozen=True, slots=True)
class Breakdown:
    """Values of the properties ``keys``; the ``limit`` most frequent are kept, the rest are ``OTHER``.
    ``group_type_index`` is given for properties of groups only. By cohorts ``keys`` are their ids, or ``EVERYBODY``,
    and ``names`` what they are called.
    """

    source: Source
    keys: tuple[str, ...]
    group_type_index: int | None
    limit: int
    normalize_url: bool
    names: tuple[str, ...] = ()

    @property
    def by_cohort(self) -> bool:
        return self.source is Source.COHORT

    @property
    def cohorts(self) -> list[Value]:
        """The values of a breakdown by cohorts, in the order of the request."""
        return [(key,) for key in self.keys]

    def name_of(self, value: Value) -> str:
        """What the cohort of a value is called."""
        return _NAME_OF_EVERYBODY if value == (EVERYBODY,) else self.names[self.keys.index(value[0])]


def members_of(*values: Value) -> PropertyGroup:
    """The filter that the members of the cohort of any of the values pass."""
    keys = [key for (key,) in values]
    if EVERYBODY in keys:
        return PropertyGroup()
    return PropertyGroup(Joiner.OR, tuple(members_filter(int(key), attr="breakdown") for key in keys))


def cohort_id_of(value: Value) -> int | str:
    """The value of a breakdown by cohorts as answers and links show it."""
    (key,) = value
    return key if key == EVERYBODY else int(key)


def read_breakdown(given: Mapping[str, Any], *, project: ProjectFacts) -> Breakdown | None:
    """``breakdown``, ``breakdowns`` and what goes with them; null when none is asked for.

    Raises ``InvalidInput`` for what cannot be read, and for types that this server does not have, also where there is
    nothing to break down by.
    """
    keys, kind = _keys_and_type(given)
    source = _SOURCES.get(kind)
    if source is None:
        named = "breakdown_type" if read_text(given, "breakdown_type") == kind else "breakdowns"
        raise InvalidInput(f"A breakdown of type {kind!r} is not supported.", attr=named)
    limit, group_type_index = (
        _limit(given),
        _group_type_index(given, needed=bool(keys) and source is Source.GROUP),
    )
    if not keys:
        return None
    if source is Source.COHORT:
        return _by_cohorts(keys, project)
    if len(keys) > MOST_PROPERTIES:
        raise InvalidInput(f"A breakdown is by {MOST_PROPERTIES} properties at most.", attr="breakdown")
    return Breakdown(
        source=source,
        keys=keys,
        group_type_index=group_type_index if source is Source.GROUP else None,
        limit=limit,
        normalize_url=read_boolean(given, "breakdown_normalize_url"),
    )


def _by_cohorts(ids: Sequence[str], project: ProjectFacts) -> Breakdown:
    keys = list(dict.fromkeys(one if one == EVERYBODY else str(_cohort_id(one)) for one in ids))
    if len(keys) > MOST_COHORTS:
        raise InvalidInput(f"A breakdown is by {MOST_COHORTS} cohorts at most.", attr="breakdown")
    for key in keys:
        if key != EVERYBODY and key not in project.cohorts:
            raise InvalidInput(f"There is no cohort {key}.", attr="breakdown")
    names = tuple(project.cohorts.get(key, _NAME_OF_EVERYBODY) for key in keys)
    return Breakdown(Source.COHORT, tuple(keys), None, len(keys), normalize_url=False, names=names)


def _cohort_id(text: str) -> int:
    return whole_number(text, attr="breakdown")


def _keys_and_type(given: Mapping[str, Any]) -> tuple[tuple[str, ...], str]:
    kind = read_text(given, "breakdown_type") or "event"
    keys, items = read_names(given), read_list(given, "breakdowns")
    for item in items:
        if not _is_item(item):
            raise InvalidInput("Objects with property and type are required.", attr="breakdowns")
    kinds = {item.get("type") or kind for item in items}
    if len(kinds) > 1:
        raise InvalidInput("Properties of one breakdown are of one type.", attr="breakdowns")
    if keys:
        return keys, kind
    return tuple(str(item["property"]) for item in items), next(iter(kinds), kind)


def _is_item(item: Any) -> bool:
    return (
        isinstance(item, Mapping)
        and _is_name(item.get("property"))
        and isinstance(item.get("type"), str | None)
    )


def read_names(given: Mapping[str, Any]) -> tuple[str, ...]:
    """``breakdown``: a name, a list of names, or such a list as JSON text. A number is its digits: ids of cohorts are
    numbers.
    """
    value = given.get("breakdown")
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            raise InvalidInput("The value of breakdown is not JSON.", attr="breakdown") from None
    values = value if isinstance(value, list) else [] if value is None else [value]
    if not all(map(_is_name, values)):
        raise InvalidInput("The name of a property, or a list of names, is required.", attr="breakdown")
    return tuple(map(str, values))


def _is_name(value: Any) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool)


def _group_type_index(given: Mapping[str, Any], *, needed: bool) -> int | None:
    name = "breakdown_group_type_index"
    if given.get(name) is None and not needed:
        return None
    return read_group_type_index(given.get(name), name=name, attr=name)


def _limit(given: Mapping[str, Any]) -> int:
    usual = _MAP_VALUES if read_text(given, "display") == "WorldMap" else _USUAL_VALUES
    limit = read_integer(given, "breakdown_limit") or usual
    if not 1 <= limit <= MOST_VALUES:
        raise InvalidInput(f"Ensure this value is between 1 and {MOST_VALUES}.", attr="breakdown_limit")
    return limit


def read_value(value: Any, breakdown: Breakdown, *, attr: str) -> Value:
    """One value as clients write it: ``Chrome``, ``"Chrome"`` and ``["Chrome"]`` are the same, 0 is ``"0"``; a cohort
    by its id.
    """
    if isinstance(value, str):
        value = _decoded(value)
    texts = _texts(value if isinstance(value, list) else [value])
    if breakdown.by_cohort:
        return _cohort(texts, breakdown, attr=attr)
    if texts == ("",):
        return texts * len(breakdown.keys)
    if texts != OTHER and len(texts) != len(breakdown.keys):
        raise InvalidInput("A list with a value for each property of the breakdown is required.", attr=attr)
    return texts


def _cohort(texts: Value, breakdown: Breakdown, *, attr: str) -> Value:
    if texts != (EVERYBODY,) and texts not in breakdown.cohorts:
        raise InvalidInput("One of the cohorts of the breakdown, or all, is required.", attr=attr)
    return texts


def _decoded(value: str) -> Any:
    try:
        decoded = orjson.loads(value)
    except orjson.JSONDecodeError:
        return value
    # Of long numbers, such as ids, all digits count.
    return value.strip() if isinstance(decoded, float) and _DIGITS.fullmatch(value.strip()) else decoded


def _texts(values: Sequence[Any]) -> Value:
    return tuple(text_forms({"value": one})[0]["value"] for one in values)
