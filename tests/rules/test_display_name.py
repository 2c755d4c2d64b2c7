"""The name under which a person is shown, which is found in the text of its properties"""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.identity.display_name import display_name

NAMES = ["email", "name", "username", 'a"b', "a b", "é", "$x", "x\\", ""]
texts = st.text(st.sampled_from('email:name{}[],"\\ é\n$x'), max_size=12) | st.sampled_from(
    [*NAMES, '"email": "']
)
values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=4,
)
persons = st.dictionaries(st.sampled_from(NAMES) | texts, values, max_size=4)


def shown(properties: str, *names: str) -> str:
    return display_name(properties, ["id"], name_properties=names or None, fallback=7)


def as_postgresql(properties: dict[str, Any]) -> str:
    return json.dumps(properties, ensure_ascii=False)


@given(properties=persons, names=st.lists(st.sampled_from(NAMES), min_size=1, max_size=3))
def test_the_text_is_read_as_json(properties: dict[str, Any], names: list[str]) -> None:
    expected = next((str(properties[name]) for name in names if properties.get(name)), "id")

    assert shown(as_postgresql(properties), *names) == expected
    assert shown(orjson.dumps(properties).decode(), *names) == expected


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"email": "a@x.org", "name": "A"}, "a@x.org"),
        ({"email": "", "name": None, "username": "a"}, "a"),
        ({"email": 0, "name": 5}, "5"),
        ({"nested": {"email": "a@x.org"}, "name": "A"}, "A"),
        ({"said": '"email": "a@x.org"', "name": "A"}, "A"),
        ({'"email': "a@x.org", "name": "A"}, "A"),
        ({"email": 'a"b'}, 'a"b'),
        ({}, "id"),
    ],
)
def test_the_first_property_with_a_value_is_the_name(properties: dict[str, Any], expected: str) -> None:
    assert shown(as_postgresql(properties)) == expected


def test_without_properties_and_ids_the_fallback_is() -> None:
    assert display_name("{}", [], name_properties=None, fallback=7) == "7"
