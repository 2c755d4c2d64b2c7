"""Which filters the index of pairs answers, and what it is asked."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from core.filters.properties import PropertyReader, Source
from core.sql.conditions import group_condition
from core.sql.newest_first import OnNewestFirst, contains
from core.sql.text import trusted


def condition(*items: dict[str, Any]) -> tuple[str, list[Any]]:
    """The text of the condition and its values."""
    reader = PropertyReader(ZoneInfo("UTC"), datetime(2026, 1, 1, tzinfo=UTC), sources=(Source.PERSON,))
    text, values = group_condition(reader.read(list(items), attr="properties"), OnNewestFirst()).rendered()
    return text, list(values.values())


@pytest.mark.parametrize(
    ("item", "pairs"),
    [
        ({"key": "plan", "value": "team"}, ["plan=team"]),
        ({"key": "plan", "value": ["team", 2, True]}, ["plan=team", "plan=2", "plan=true"]),
        ({"key": "a=b.c", "value": "d=e"}, ["a%3Db%2Ec=d=e"]),
        ({"key": "", "value": "x"}, ["%=x"]),
        ({"key": "k", "value": "x" * 198}, [f"k={'x' * 198}"]),
    ],
)
def test_equal_values_are_pairs(item: dict[str, Any], pairs: list[str]) -> None:
    assert condition(item) == ("hasAny(pairs, {p0:Array(String)})", [pairs])


@pytest.mark.parametrize(
    "item",
    [
        {"key": "k", "value": ""},
        {"key": "k", "value": ["x", ""]},
        {"key": "k", "value": "x" * 199},
        {"key": "k", "value": "é" * 100},
        {"key": "k", "value": "x", "operator": "is_not"},
        {"key": "k", "value": "x", "operator": "icontains"},
        {"key": "k", "value": 1, "operator": "gt"},
        {"key": "k", "operator": "is_set"},
    ],
)
def test_other_filters_look_at_the_property(item: dict[str, Any]) -> None:
    text, _ = condition(item)

    assert "properties.`k`" in text
    assert "pairs" not in text


def test_signs_of_a_pattern_are_letters_of_a_searched_text() -> None:
    _, values = contains(trusted("place"), "50%_\\").rendered()

    assert values == {"p0": "%50\\%\\_\\\\%"}
