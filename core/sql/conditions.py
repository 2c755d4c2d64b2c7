"""Property filters as conditions: the one table of what each operator means.

What is compared is the text form of a value: a string as it is, anything else as compact JSON, a missing
key as the empty text. Every condition is true or false, never null, so that its negation is its exact
complement.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

from core.clickhouse.escape import property_text
from core.filters.properties import (
    Joiner,
    MemberTest,
    PresenceTest,
    PropertyFilter,
    PropertyGroup,
    Source,
    Test,
    TextMatch,
    TextTest,
)
from core.filters.property_dates import DateTest
from core.filters.property_numbers import NumberTest
from core.sql.lenient_dates import unix_seconds
from core.sql.members import WaitingMembers, is_member
from core.sql.text import Sql, all_of, any_of, integer, negated, number, sql, text, texts, trusted


class Rows(Protocol):
    """The rows that a condition is put on."""

    def condition(self, item: PropertyFilter) -> Sql:
        """One filter as a condition on these rows."""


@dataclass(frozen=True, slots=True)
class OnPersons:
    """Conditions on rows of ``person``, for filters that ask nothing but persons. ``waiting`` are changes of members
    that count although ClickHouse does not have them yet.
    """

    waiting: WaitingMembers = field(default_factory=dict)

    def condition(self, item: PropertyFilter) -> Sql:
        if isinstance(item.test, MemberTest):
            return of_members(_ID, item, item.test, self.waiting)
        if item.source is not Source.PERSON:
            raise ValueError(f"{item.attr} is no person filter")
        return tested(stored_text("properties", item.key), item)


_ID = sql("id")
ON_PERSONS = OnPersons()


def of_members(
    person: Sql, item: PropertyFilter, test: MemberTest, waiting: WaitingMembers = MappingProxyType({})
) -> Sql:
    """Whether ``person`` passes ``item``, which asks for the members of a cohort."""
    condition = is_member(person, test.cohort_id, waiting)
    return negated(condition) if item.negated else condition


def group_condition(group: PropertyGroup, on: Rows) -> Sql:
    """The whole tree as one condition."""
    members = [
        on.condition(member) if isinstance(member, PropertyFilter) else group_condition(member, on)
        for member in group.members
    ]
    return any_of(members) if group.joiner is Joiner.OR and members else all_of(members)


def stored_text(column: str, key: str) -> Sql:
    """The text form of a property, null when there is none."""
    return trusted(property_text(column, key))


def tested(stored: Sql, item: PropertyFilter) -> Sql:
    """Whether the text form ``stored`` passes the filter."""
    condition = test_condition(item.test, stored)
    return negated(condition) if item.negated else condition


def test_condition(test: Test, stored: Sql) -> Sql:
    """Whether ``stored``, a ``Nullable(String)`` that is null for a missing key, passes ``test``."""
    match test:
        case PresenceTest():
            return sql("isNotNull({stored})", stored=stored)
        case TextTest():
            return _TEXT[test.match](sql("ifNull({stored}, '')", stored=stored), test.values)
        case NumberTest():
            return _number(stored, test)
        case DateTest():
            return _date(stored, test)
        case MemberTest():
            raise ValueError("who is in a cohort does not show in a property")


def _exact(stored: Sql, values: tuple[str, ...]) -> Sql:
    if len(values) == 1:
        return sql("{stored} = {value}", stored=stored, value=text(values[0]))
    return sql("{stored} IN {values}", stored=stored, values=texts(values))


def _contains(stored: Sql, values: tuple[str, ...]) -> Sql:
    return any_of(
        sql("positionCaseInsensitiveUTF8({stored}, {value}) > 0", stored=stored, value=text(value))
        for value in values
    )


def _pattern(stored: Sql, values: tuple[str, ...]) -> Sql:
    return any_of(sql("match({stored}, {value})", stored=stored, value=text(value)) for value in values)


_TEXT: dict[TextMatch, Callable[[Sql, tuple[str, ...]], Sql]] = {
    TextMatch.EXACT: _exact,
    TextMatch.CONTAINS: _contains,
    TextMatch.PATTERN: _pattern,
}


def stored_number(stored: Sql) -> Sql:
    """The number that a text form is, whatever quotes or spaces are in it; null when it is none. Infinity is a number
    to ClickHouse, but no JSON number.
    """
    return sql(
        "if(isFinite({value}), {value}, NULL)",
        value=sql("toFloat64OrNull(replaceAll(replaceAll({stored}, ' ', ''), '\"', ''))", stored=stored),
    )


def _number(stored: Sql, test: NumberTest) -> Sql:
    return sql(
        "ifNull({value} {comparison} {number}, false)",
        value=stored_number(stored),
        comparison=trusted(test.comparison.value),
        number=number(test.number),
    )


def _date(stored: Sql, test: DateTest) -> Sql:
    at = unix_seconds(sql("trimBoth(ifNull({stored}, ''))", stored=stored), zone=test.zone)
    bounds = []
    if test.since is not None:
        bounds.append(sql("{at} >= {since}", at=at, since=integer(test.since)))
    if test.until is not None:
        bounds.append(sql("{at} < {until}", at=at, until=integer(test.until)))
    return sql("ifNull({bounds}, false)", bounds=all_of(bounds))
