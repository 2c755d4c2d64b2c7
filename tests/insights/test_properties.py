"""Property filters: every written shape becomes one tree; mistakes are named."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from core.exceptions import InvalidInput
from core.filters.properties import (
    DEEPEST_GROUP,
    MOST_FILTERS,
    Joiner,
    PresenceTest,
    PropertyFilter,
    PropertyGroup,
    PropertyReader,
    Source,
    TextMatch,
    TextTest,
    both,
    filters_of,
)
from core.filters.property_dates import DateTest
from core.filters.property_numbers import Comparison, NumberTest
from insights.filters.split_sources import split_sources


def read(value: Any) -> PropertyGroup:
    # Noon in UTC, 13:00 in Berlin.
    reader = PropertyReader(zone=ZoneInfo("Europe/Berlin"), now=datetime(2026, 1, 10, 12, tzinfo=UTC))
    return reader.read(value, attr="properties")


def one(**item: Any) -> PropertyFilter:
    [found] = filters_of(read([{"key": "k", **item}]))
    return found


def texts(group: PropertyGroup) -> Any:
    """The tree as nested tuples of joiner and keys."""
    members = (
        member.key if isinstance(member, PropertyFilter) else texts(member) for member in group.members
    )
    return (group.joiner.value, *members)


A, B, C = ({"key": key, "value": 1} for key in "abc")


@pytest.mark.parametrize(
    ("value", "tree"),
    [
        ([A, B], ("AND", "a", "b")),
        ('[{"key": "a", "value": 1}]', ("AND", "a")),
        ({"type": "AND", "values": [A, B]}, ("AND", "a", "b")),
        ({"type": "or", "values": [A, B]}, ("OR", "a", "b")),
        ({"type": "OR", "values": [{"type": "AND", "values": [A, B]}, {"type": "AND", "values": [C]}]},
         ("OR", ("AND", "a", "b"), ("AND", "c"))),
        ([{"type": "OR", "values": [A, B]}], ("AND", ("OR", "a", "b"))),
        # Empty groups let everything pass, wherever they stand.
        ({"type": "OR", "values": [{"type": "AND", "values": []}, {"type": "AND", "values": [A]}]},
         ("OR", ("AND", "a"))),
        ({"type": "OR", "values": []}, ("AND",)),
        ({"type": "OR", "values": None}, ("AND",)),
        ({"a": 1, "b__gt": 2}, ("AND", "a", "b")),
        ([], ("AND",)),
        ({}, ("AND",)),
        (None, ("AND",)),
        ("", ("AND",)),
        ("[]", ("AND",)),
        ("null", ("AND",)),
    ],
)  # fmt: skip
def test_shapes(value: Any, tree: Any) -> None:
    assert texts(read(value)) == tree


@pytest.mark.parametrize(
    ("name", "key", "test", "negated"),
    [
        ("email", "email", TextTest(TextMatch.EXACT, ("v",)), False),
        ("email__is_not", "email", TextTest(TextMatch.EXACT, ("v",)), True),
        ("email__icontains", "email", TextTest(TextMatch.CONTAINS, ("v",)), False),
        # Two underscores are part of a key unless an operator follows.
        ("utm__source", "utm__source", TextTest(TextMatch.EXACT, ("v",)), False),
        ("utm__source__regex", "utm__source", TextTest(TextMatch.PATTERN, ("v",)), False),
    ],
)
def test_the_old_form(name: str, key: str, test: Any, negated: bool) -> None:
    [found] = filters_of(read({name: "v"}))

    assert (found.source, found.key, found.test, found.negated) == (Source.EVENT, key, test, negated)


@pytest.mark.parametrize(
    ("item", "test", "negated"),
    [
        ({"value": "v"}, TextTest(TextMatch.EXACT, ("v",)), False),
        ({"value": "v", "operator": None}, TextTest(TextMatch.EXACT, ("v",)), False),
        ({"value": ["v", 2, 2.5, True, None, {"a": [1]}], "operator": "exact"},
         TextTest(TextMatch.EXACT, ("v", "2", "2.5", "true", "null", '{"a":[1]}')), False),
        ({"value": "2", "operator": "is_not"}, TextTest(TextMatch.EXACT, ("2",)), True),
        ({"value": "v", "operator": "not_icontains"}, TextTest(TextMatch.CONTAINS, ("v",)), True),
        ({"value": ".", "operator": "not_regex"}, TextTest(TextMatch.PATTERN, (".",)), True),
        ({"operator": "is_set", "value": "is_set"}, PresenceTest(), False),
        ({"operator": "is_not_set"}, PresenceTest(), True),
        ({"operator": "gt", "value": ' "1.5" '}, NumberTest(Comparison.GT, 1.5), False),
        ({"operator": "lte", "value": [-2]}, NumberTest(Comparison.LTE, -2.0), False),
        ({"value": "v", "negation": True}, TextTest(TextMatch.EXACT, ("v",)), True),
        ({"value": "v", "operator": "is_not", "negation": True}, TextTest(TextMatch.EXACT, ("v",)), False),
        ({"value": "v", "negation": False}, TextTest(TextMatch.EXACT, ("v",)), False),
        ({"value": "v", "negation": "true"}, TextTest(TextMatch.EXACT, ("v",)), True),
        ({"value": "v", "negation": 1}, TextTest(TextMatch.EXACT, ("v",)), True),
        ({"value": "v", "negation": "false"}, TextTest(TextMatch.EXACT, ("v",)), False),
    ],
)  # fmt: skip
def test_operators(item: dict[str, Any], test: Any, negated: bool) -> None:
    found = one(**item)

    assert (found.test, found.negated) == (test, negated)


def seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


@pytest.mark.parametrize(
    ("operator", "value", "since", "until"),
    [
        # A day of Berlin, which is an hour ahead of UTC in January and two in May.
        ("is_date_exact", "2026-01-05", "2026-01-05T00:00+01:00", "2026-01-06T00:00+01:00"),
        ("is_date_exact", "05/01/2026", "2026-01-05T00:00+01:00", "2026-01-06T00:00+01:00"),
        ("is_date_exact", "5-1-2026", "2026-01-05T00:00+01:00", "2026-01-06T00:00+01:00"),
        ("is_date_exact", "2026/01/05", "2026-01-05T00:00+01:00", "2026-01-06T00:00+01:00"),
        # 23 hours long.
        ("is_date_exact", "2026-03-29", "2026-03-29T00:00+01:00", "2026-03-30T00:00+02:00"),
        ("is_date_exact", "2026-01-05 10:11:12.9", "2026-01-05T10:11:12+01:00", "2026-01-05T10:11:13+01:00"),
        ("is_date_exact", "2026-01-05T10:11:12Z", "2026-01-05T10:11:12+00:00", "2026-01-05T10:11:13+00:00"),
        ("is_date_exact", 1767600000, "2026-01-05T08:00+00:00", "2026-01-05T08:00:01+00:00"),
        ("is_date_exact", "1767600000123", "2026-01-05T08:00+00:00", "2026-01-05T08:00:01+00:00"),
        (
            "is_date_exact",
            "Mon, 05 Jan 2026 10:00:00 +0200",
            "2026-01-05T08:00+00:00",
            "2026-01-05T08:00:01+00:00",
        ),
        ("is_date_after", "2026-01-05", "2026-01-06T00:00+01:00", None),
        ("is_date_after", "2026-01-05 10:00", "2026-01-05T10:00:01+01:00", None),
        ("is_date_before", "2026-01-05", None, "2026-01-05T00:00+01:00"),
        ("is_date_before", "2026-01-05T10:00:00Z", None, "2026-01-05T10:00+00:00"),
        ("is_relative_date_before", "-3d", None, "2026-01-07T13:00+01:00"),
        ("is_date_after", "-2h", "2026-01-10T10:00:01+00:00", None),
    ],
)
def test_dates(operator: str, value: Any, since: str | None, until: str | None) -> None:
    expected = DateTest(
        seconds(since) if since else None,
        seconds(until) if until else None,
        "Europe/Berlin",
    )

    assert one(operator=operator, value=value).test == expected


@pytest.mark.parametrize(
    ("value", "attr"),
    [
        ("not json", "properties"),
        (5, "properties"),
        ({"type": "XOR", "values": [A]}, "properties"),
        ({"type": "event", "values": [A]}, "properties"),
        ({"type": "AND", "values": 5}, "properties.values"),
        ({"key": "a", "value": 1}, "properties"),
        ([A, {"type": "AND", "values": [A]}], "properties"),
        ({"type": "AND", "values": [A, {"type": "AND", "values": [A]}]}, "properties.values"),
        ([A, "b"], "properties[1]"),
        ([A, {"value": 1}], "properties[1]"),
        ([{"key": 5, "value": 1}], "properties[0]"),
        ([{"key": "a", "value": 1, "operator": "like"}], "properties[0]"),
        ([{"key": "a", "value": 1, "operator": ["exact"]}], "properties[0]"),
        ([{"key": "a", "value": 1, "operator": "in"}], "properties[0]"),
        ([{"key": "a", "value": 1, "type": "persona"}], "properties[0]"),
        ([{"key": "a", "value": 1, "type": ["person"]}], "properties[0]"),
        ([{"key": "name", "value": 1, "type": "cohort"}], "properties[0]"),
        ([{"key": "id", "value": "many", "type": "cohort"}], "properties[0]"),
        ([{"key": "id", "value": 1, "type": "cohort", "operator": "gt"}], "properties[0]"),
        ([{"key": "id", "value": 1, "type": "behavioral"}], "properties[0]"),
        ([{"key": "a"}], "properties[0]"),
        ([{"key": "a", "value": None, "operator": "icontains"}], "properties[0]"),
        ([{"key": "a", "value": "many", "operator": "gt"}], "properties[0]"),
        ([{"key": "a", "value": "1e999", "operator": "gt"}], "properties[0]"),
        ([{"key": "a", "value": [1, 2], "operator": "gt"}], "properties[0]"),
        ([{"key": "a", "value": [], "operator": "lt"}], "properties[0]"),
        ([{"key": "a", "value": "soon", "operator": "is_date_after"}], "properties[0]"),
        ([{"key": "a", "value": "2026-02-30", "operator": "is_date_after"}], "properties[0]"),
        ([{"key": "a", "value": "1234567", "operator": "is_date_after"}], "properties[0]"),
        ({"a": None}, "properties.a"),
        (
            {"type": "AND", "values": [{"type": "OR", "values": [A, {"key": "b"}]}]},
            "properties.values[0].values[1]",
        ),
    ],
)
def test_mistakes_are_named(value: Any, attr: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read(value)

    assert caught.value.attr == attr


def test_there_is_an_end_to_nesting_and_to_filters() -> None:
    nested: Any = [A]
    for _ in range(DEEPEST_GROUP + 1):
        nested = [{"type": "AND", "values": nested}]

    for value in (nested, [A] * (MOST_FILTERS + 1)):
        with pytest.raises(InvalidInput):
            read(value)


def test_filters_of_persons_can_be_taken_out() -> None:
    person = {"key": "p", "value": 1, "type": "person"}
    tree = read(
        [
            {"type": "AND", "values": [person, A]},
            {"type": "OR", "values": [person, person]},
            {"type": "OR", "values": [person, B]},
        ]
    )

    persons, rest = split_sources(tree, Source.PERSON)

    assert (texts(persons), texts(rest)) == (("AND", "p", ("OR", "p", "p")), ("AND", "a", ("OR", "p", "b")))


def test_both_leaves_out_what_is_empty() -> None:
    group = PropertyGroup(Joiner.OR, tuple(filters_of(read([A, B]))))

    assert both(PropertyGroup(), group) == group
    assert both(group, group) == PropertyGroup(Joiner.AND, (group, group))
    assert both(PropertyGroup(), PropertyGroup()) == PropertyGroup()
