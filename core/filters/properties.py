"""Property filters: from any of their written shapes to one typed tree.

An operator that is the complement of another (``is_not``, ``not_icontains``, ``not_regex``, ``is_not_set``)
becomes that other one, negated; so there is one meaning of each test, and the complement is exact by
construction.
"""

from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from core.events.text_form import text_forms
from core.exceptions import InvalidInput
from core.filters.group_type import read_group_type_index
from core.filters.parameters import read_boolean, whole_number
from core.filters.property_dates import DateTest, Direction, read_date_test
from core.filters.property_numbers import Comparison, NumberTest, read_number_test

#: Filters of one request, and groups within groups; more is a mistake, and a query that is hard to parse.
MOST_FILTERS = 500
DEEPEST_GROUP = 50


class Source(StrEnum):
    """Whose property is looked at."""

    EVENT = "event"
    PERSON = "person"
    GROUP = "group"
    #: No property: who is in a cohort.
    COHORT = "cohort"


#: Sources that ask about a person, whatever the event.
OF_PERSONS = frozenset({Source.PERSON, Source.COHORT})
#: No cohort has this number, so nobody is in it.
NO_COHORT = 0
#: Other words for cohorts in filters of analytical questions. Members are stored ones in any case.
_COHORT_WORDS = frozenset({"static-cohort", "precalculated-cohort"})


class TextMatch(StrEnum):
    EXACT = "exact"
    CONTAINS = "icontains"
    PATTERN = "regex"


class Joiner(StrEnum):
    AND = "AND"
    OR = "OR"


@dataclass(frozen=True, slots=True)
class TextTest:
    """The text form is, contains, or fits one of ``values``."""

    match: TextMatch
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PresenceTest:
    """The key exists, whatever its value."""


@dataclass(frozen=True, slots=True)
class MemberTest:
    """The person is in the cohort."""

    cohort_id: int


Test = TextTest | PresenceTest | NumberTest | DateTest | MemberTest


@dataclass(frozen=True, slots=True)
class PropertyFilter:
    """``attr`` is where the filter stands in the request; ``group_type_index`` is given for groups only."""

    source: Source
    key: str
    test: Test
    negated: bool
    attr: str
    group_type_index: int | None = None


@dataclass(frozen=True, slots=True)
class PropertyGroup:
    """Filters joined by AND or OR; without members it lets everything pass."""

    joiner: Joiner = Joiner.AND
    members: "tuple[PropertyFilter | PropertyGroup, ...]" = ()


def both(*groups: PropertyGroup) -> PropertyGroup:
    """What passes all of ``groups``."""
    given = tuple(group for group in groups if group.members)
    return given[0] if len(given) == 1 else PropertyGroup(Joiner.AND, given)


def filters_of(group: PropertyGroup) -> Iterator[PropertyFilter]:
    """Every filter of the tree."""
    for member in group.members:
        if isinstance(member, PropertyFilter):
            yield member
        else:
            yield from filters_of(member)


def conjuncts(group: PropertyGroup) -> list[PropertyFilter | PropertyGroup]:
    """The parts of ``group`` that must all pass."""
    if group.joiner is Joiner.OR and len(group.members) > 1:
        return [group]
    found: list[PropertyFilter | PropertyGroup] = []
    for member in group.members:
        found.extend([member] if isinstance(member, PropertyFilter) else conjuncts(member))
    return found


def cohorts_of(group: PropertyGroup) -> set[int]:
    """The cohorts that the tree asks for."""
    return {item.test.cohort_id for item in filters_of(group) if isinstance(item.test, MemberTest)}


def members_filter(cohort_id: int, *, attr: str) -> PropertyGroup:
    """What the members of a cohort pass."""
    item = PropertyFilter(Source.COHORT, "id", MemberTest(cohort_id), negated=False, attr=attr)
    return PropertyGroup(members=(item,))


@dataclass
class PropertyReader:
    """Reads the property filters of one request; ``zone`` and ``now`` are for dates in them. A filter without a type
    is of the first of ``sources``; others are refused. Cohorts that are not among ``cohorts`` have no members; null
    takes every number as it is.
    """

    zone: ZoneInfo
    now: datetime
    sources: tuple[Source, ...] = (Source.EVENT, Source.PERSON, Source.GROUP, Source.COHORT)
    cohorts: Container[int] | None = None
    #: Whether objects in the old form, which are about events, are read as well.
    takes_old_form: bool = True
    #: Whether groups and filters may stand in one list.
    takes_mixed_lists: bool = False
    count: int = 0

    def read(self, value: Any, *, attr: str) -> PropertyGroup:
        """The tree of ``value``: a list, a group, an object in the old form, or one of them as JSON text.

        Raises ``InvalidInput`` that names the place.
        """
        if isinstance(value, str):
            value = _from_json(value, attr=attr) if value.strip() else None
        if isinstance(value, Mapping) and not _is_group(value):
            return self._old_form(value, attr=attr)
        if value is None or isinstance(value, Mapping):
            return self._group(value, attr=attr, depth=0) if value else PropertyGroup()
        return self._members(Joiner.AND, value, attr=attr, depth=0)

    def _old_form(self, value: Mapping[str, Any], *, attr: str) -> PropertyGroup:
        """``{"key": value, "key__operator": value}``"""
        if value and not self.takes_old_form:
            raise InvalidInput("A list of filters or a group of filters is required.", attr=attr)
        if "key" in value and ("value" in value or "operator" in value):
            raise InvalidInput("A single filter must stand in a list.", attr=attr)
        filters = []
        for name, wanted in value.items():
            key, separator, operator = name.rpartition("__")
            if not separator or operator not in OPERATORS:
                key, operator = name, "exact"
            item = {"key": key, "value": wanted, "operator": operator}
            filters.append(self._filter(item, attr=f"{attr}.{name}"))
        return PropertyGroup(Joiner.AND, tuple(filters))

    def _group(self, value: Mapping[str, Any], *, attr: str, depth: int) -> PropertyGroup:
        joiner = value["type"]
        if not isinstance(joiner, str) or joiner.upper() not in Joiner.__members__:
            raise InvalidInput(f"The type of a group is AND or OR, not {joiner!r}.", attr=attr)
        if depth >= DEEPEST_GROUP:
            raise InvalidInput(f"Groups are nested deeper than {DEEPEST_GROUP}.", attr=attr)
        return self._members(Joiner[joiner.upper()], value["values"], attr=f"{attr}.values", depth=depth + 1)

    def _members(self, joiner: Joiner, values: Any, *, attr: str, depth: int) -> PropertyGroup:
        if values is None:
            return PropertyGroup()
        if not isinstance(values, list):
            raise InvalidInput("A list of filters or a group of filters is required.", attr=attr)
        if not self.takes_mixed_lists and len({_is_group(value) for value in values}) > 1:
            raise InvalidInput("Groups and filters cannot stand in one list.", attr=attr)
        read = [self._member(item, attr=f"{attr}[{index}]", depth=depth) for index, item in enumerate(values)]
        members = tuple(member for member in read if isinstance(member, PropertyFilter) or member.members)
        return PropertyGroup(joiner, members) if members else PropertyGroup()

    def _member(self, value: Any, *, attr: str, depth: int) -> PropertyFilter | PropertyGroup:
        if not isinstance(value, Mapping):
            raise InvalidInput("A filter is an object with key, value, operator and type.", attr=attr)
        return (
            self._group(value, attr=attr, depth=depth) if _is_group(value) else self._filter(value, attr=attr)
        )

    def _filter(self, item: Mapping[str, Any], *, attr: str) -> PropertyFilter:
        self.count += 1
        if self.count > MOST_FILTERS:
            raise InvalidInput(f"There are more than {MOST_FILTERS} filters.", attr=attr)
        if not isinstance(item.get("key"), str):
            raise InvalidInput("The key of a filter is missing.", attr=attr)
        source = self._source(item.get("type"), attr=attr)
        read = self._membership if source is Source.COHORT else self._test
        test, complement = read(item, attr=attr)
        return PropertyFilter(
            source,
            item["key"],
            test,
            complement ^ read_boolean(item, "negation"),
            attr,
            _group_type_index(item, attr=attr) if source is Source.GROUP else None,
        )

    def _source(self, value: Any, *, attr: str) -> Source:
        if value in (None, ""):
            return self.sources[0]
        if value in self.sources:
            return Source(value)
        if not isinstance(value, str):
            raise InvalidInput(f"The filter type {value!r} is unknown.", attr=attr)
        if value in _COHORT_WORDS and {Source.EVENT, Source.COHORT} <= {*self.sources}:
            return Source.COHORT
        if value in _NOT_YET or value in list(Source):
            raise InvalidInput(f"Filters of type {value} are not supported here.", attr=attr)
        raise InvalidInput(f"The filter type {value!r} is unknown.", attr=attr)

    def _test(self, item: Mapping[str, Any], *, attr: str) -> tuple[Test, bool]:
        """What is tested, and whether the filter asks for its complement."""
        operator = item.get("operator") or "exact"
        if operator in ("in", "not_in"):
            raise InvalidInput(f"The operator {operator} is for cohorts only.", attr=attr)
        if not isinstance(operator, str) or operator not in OPERATORS:
            raise InvalidInput(f"The operator {operator!r} is unknown.", attr=attr)
        read, complement = OPERATORS[operator]
        return read(self, item.get("value"), attr), complement

    def _membership(self, item: Mapping[str, Any], *, attr: str) -> tuple[Test, bool]:
        """The same of a cohort."""
        if item["key"] != "id":
            raise InvalidInput("The key of a cohort filter is id.", attr=attr)
        operator = item.get("operator") or "exact"
        if not isinstance(operator, str) or operator not in _MEMBERSHIP:
            raise InvalidInput(f"A cohort cannot be tested with {operator!r}.", attr=attr)
        return self.member_test(whole_number(item.get("value"), attr=attr)), _MEMBERSHIP[operator]

    def member_test(self, cohort_id: int) -> MemberTest:
        """The test for members of this cohort."""
        return MemberTest(cohort_id if self.cohorts is None or cohort_id in self.cohorts else NO_COHORT)


def _is_group(value: Any) -> bool:
    return isinstance(value, Mapping) and "type" in value and "values" in value


def _from_json(text: str, *, attr: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise InvalidInput("Properties are unparsable!", attr=attr) from None


_NOT_YET = frozenset({*_COHORT_WORDS, *"element session hogql recording behavioral".split()})


#: For people who name a cohort: the operators, and whether they ask for its complement.
_MEMBERSHIP = {"exact": False, "in": False, "is_not": True, "not_in": True}


def _group_type_index(item: Mapping[str, Any], *, attr: str) -> int:
    name = "group_type_index"
    return read_group_type_index(item.get(name), name=name, attr=attr)


Read = Callable[[PropertyReader, Any, str], Test]


def _text_test(match: TextMatch) -> Read:
    def read(reader: PropertyReader, value: Any, attr: str) -> Test:
        if value is None:
            raise InvalidInput("The value of a filter is missing.", attr=attr)
        return TextTest(match, _texts(value))

    return read


def _presence_test(reader: PropertyReader, value: Any, attr: str) -> Test:
    return PresenceTest()


def _number_test(comparison: Comparison) -> Read:
    def read(reader: PropertyReader, value: Any, attr: str) -> Test:
        return read_number_test(comparison, _one_text(value, attr=attr), attr=attr)

    return read


def _date_test(direction: Direction) -> Read:
    def read(reader: PropertyReader, value: Any, attr: str) -> Test:
        return read_date_test(
            direction,
            _one_text(value, attr=attr),
            now=reader.now.astimezone(reader.zone),
            zone=reader.zone,
            attr=attr,
        )

    return read


def _texts(value: Any) -> tuple[str, ...]:
    """The text forms that are looked for: those of a list are alternatives."""
    values = value if isinstance(value, list) else [value]
    return tuple(dict.fromkeys(text_forms({"value": one})[0]["value"] for one in values))


def _one_text(value: Any, *, attr: str) -> str:
    values = value if isinstance(value, list) else [value]
    if len(values) != 1 or values[0] is None:
        raise InvalidInput("Exactly one value is required.", attr=attr)
    return _texts(values[0])[0]


#: How the value of each operator is read, and whether it is the complement of what is read.
OPERATORS: dict[str, tuple[Read, bool]] = {
    "exact": (_text_test(TextMatch.EXACT), False),
    "is_not": (_text_test(TextMatch.EXACT), True),
    "icontains": (_text_test(TextMatch.CONTAINS), False),
    "not_icontains": (_text_test(TextMatch.CONTAINS), True),
    "regex": (_text_test(TextMatch.PATTERN), False),
    "not_regex": (_text_test(TextMatch.PATTERN), True),
    "gt": (_number_test(Comparison.GT), False),
    "gte": (_number_test(Comparison.GTE), False),
    "lt": (_number_test(Comparison.LT), False),
    "lte": (_number_test(Comparison.LTE), False),
    "is_set": (_presence_test, False),
    "is_not_set": (_presence_test, True),
    "is_date_exact": (_date_test(Direction.EXACT), False),
    "is_date_after": (_date_test(Direction.AFTER), False),
    "is_date_before": (_date_test(Direction.BEFORE), False),
    "is_relative_date_after": (_date_test(Direction.AFTER), False),
    "is_relative_date_before": (_date_test(Direction.BEFORE), False),
}
