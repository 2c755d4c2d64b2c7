"""Property filters as conditions: the one table of what each operator means.

What is compared is the text form of a value: a string as it is, anything else as compact JSON, a missing
key as the empty text. Every condition is true or false, never null, so that its negation is its exact
complement.

Filters of persons and groups ask the current properties. Where a condition is put on events, they become a set
of person ids or group keys.
"""

from collections.abc import Callable
from dataclasses import dataclass

from core.clickhouse.escape import property_text
from insights.filters.properties import (
    Joiner,
    PresenceTest,
    PropertyFilter,
    PropertyGroup,
    Source,
    Test,
    TextMatch,
    TextTest,
)
from insights.filters.property_dates import DateTest
from insights.filters.property_numbers import NumberTest
from insights.sql.lenient_dates import unix_seconds
from insights.sql.person_of_event import group_column
from insights.sql.text import Sql, all_of, any_of, integer, negated, number, sql, text, texts, trusted


@dataclass(frozen=True, slots=True)
class OnEvents:
    """Conditions on rows of ``events AS e``; ``person`` is the id of the person of a row."""

    person: Sql

    def condition(self, item: PropertyFilter) -> Sql:
        if item.source is Source.PERSON:
            return sql(
                "{person} IN (SELECT id FROM person FINAL WHERE project_id = {project_id:Int64} AND {condition})",
                person=self.person,
                condition=ON_PERSONS.condition(item),
            )
        if item.source is Source.GROUP:
            return _of_group(item)
        return _tested(_stored("e.properties", item.key), item)


@dataclass(frozen=True, slots=True)
class OnPersons:
    """Conditions on rows of ``person``, for filters that ask nothing but persons."""

    def condition(self, item: PropertyFilter) -> Sql:
        if item.source is not Source.PERSON:
            raise ValueError(f"{item.attr} is no person filter")
        return _tested(_stored("properties", item.key), item)


ON_PERSONS = OnPersons()


def group_condition(group: PropertyGroup, on: OnEvents | OnPersons) -> Sql:
    """The whole tree as one condition."""
    members = [
        on.condition(member) if isinstance(member, PropertyFilter) else group_condition(member, on)
        for member in group.members
    ]
    return any_of(members) if group.joiner is Joiner.OR and members else all_of(members)


#: What a key that does not exist has for a text.
_MISSING = sql("CAST(NULL AS Nullable(String))")


def _of_group(item: PropertyFilter) -> Sql:
    """A group that nobody has told of, and no group at all, have no properties. What is looked for are the groups that
    fare otherwise than these.
    """
    if item.group_type_index is None:
        raise ValueError(f"{item.attr} names no group type")
    return sql(
        """xor({column} IN (
            SELECT key FROM groups FINAL
            WHERE project_id = {project_id:Int64} AND type_index = {index} AND xor({condition}, {without})
        ), {without})""",
        column=group_column(item.group_type_index),
        index=trusted(str(item.group_type_index)),
        condition=_tested(_stored("properties", item.key), item),
        without=_tested(_MISSING, item),
    )


def _stored(column: str, key: str) -> Sql:
    return trusted(property_text(column, key))


def _tested(stored: Sql, item: PropertyFilter) -> Sql:
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


def _number(stored: Sql, test: NumberTest) -> Sql:
    # Infinity is a number to ClickHouse, but no JSON number.
    return sql(
        "ifNull({value} {comparison} {number} AND isFinite({value}), false)",
        value=sql("toFloat64OrNull(replaceAll(replaceAll({stored}, ' ', ''), '\"', ''))", stored=stored),
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
