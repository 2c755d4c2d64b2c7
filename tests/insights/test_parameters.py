"""How parameters travel: query string, JSON body, text and native values."""

from typing import Any

import pytest

from core.exceptions import InvalidInput
from core.filters import parameters


@pytest.mark.parametrize(
    ("query", "body", "expected"),
    [
        ({"a": "1"}, {}, {"a": "1"}),
        ({"a": "1"}, {"a": 2}, {"a": 2}),
        ({"a": "1"}, {"a": None}, {"a": "1"}),
        ({"a": "1"}, {"a": " "}, {"a": "1"}),
        ({"a": ""}, {"b": ""}, {}),
        ({"limit": "5", "offset": "7"}, {"limit": 50, "offset": 0}, {"limit": "5", "offset": "7"}),
        ({"limit": ""}, {"limit": 50}, {"limit": 50}),
        ({"properties": '[{"key": "x"}]'}, {"properties": []}, {"properties": '[{"key": "x"}]'}),
        ({"properties": "text"}, {"properties": []}, {"properties": "text"}),
        ({"properties": " "}, {"properties": [1]}, {"properties": [1]}),
        ({"properties": "null"}, {"properties": [1]}, {"properties": [1]}),
        ({}, {"a": False, "b": 0, "c": []}, {"a": False, "b": 0, "c": []}),
    ],
)
def test_body_and_query_become_one(
    query: dict[str, str], body: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert parameters.merged(query=query, body=body) == expected


@pytest.mark.parametrize("body", [[], "text", 5, None])
def test_a_body_is_an_object(body: Any) -> None:
    with pytest.raises(InvalidInput):
        parameters.merged(query={}, body=body)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(3, 3), ("3", 3), (" -3 ", -3), (3.0, 3), ("0", 0), (None, None)],
)
def test_whole_numbers(value: Any, expected: int | None) -> None:
    assert parameters.read_integer({"n": value}, "n") == expected


@pytest.mark.parametrize(
    "value", ["three", "1.5", 1.5, True, [], {}, "1e3", "9" * 40, 10**30, float("inf"), "٣٣x"]
)
def test_what_is_no_whole_number(value: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        parameters.read_integer({"n": value}, "n")

    assert caught.value.attr == "n"


@pytest.mark.parametrize(
    ("value", "expected"),
    [("true", True), ("True", True), ("1", True), ("yes", True), ("on", True), (True, True), (1, True),
     ("false", False), ("0", False), ("", False), ("no", False), ("2", False), (False, False), (0, False),
     (None, False), ([1], False), ({}, False)],
)  # fmt: skip
def test_booleans(value: Any, expected: bool) -> None:
    assert parameters.read_boolean({"flag": value}, "flag") is expected


@pytest.mark.parametrize("value", [[1, 3], "[1, 3]", " [1,3] "])
def test_lists_come_as_they_are_or_as_json_text(value: Any) -> None:
    assert parameters.read_list({"steps": value}, "steps") == [1, 3]


@pytest.mark.parametrize("value", ["[1", "{}", "5", 5, {"a": 1}, "'a'"])
def test_what_is_no_list(value: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        parameters.read_list({"steps": value}, "steps")

    assert caught.value.attr == "steps"


def test_limit_and_offset() -> None:
    assert [parameters.read_limit(given) for given in ({}, {"limit": 0}, {"limit": "7"}, {"limit": 1000})] == [
        100, 100, 7, 1000,
    ]  # fmt: skip
    assert [parameters.read_offset(given) for given in ({}, {"offset": "0"}, {"offset": 10**12})] == [
        0,
        0,
        10**12,
    ]


@pytest.mark.parametrize(
    "given", [{"limit": -1}, {"limit": 1001}, {"limit": "x"}, {"offset": -1}, {"offset": "x"}]
)
def test_limit_and_offset_out_of_range(given: dict[str, Any]) -> None:
    read = {"limit": parameters.read_limit, "offset": parameters.read_offset}[next(iter(given))]

    with pytest.raises(InvalidInput) as caught:
        read(given)

    assert caught.value.attr == next(iter(given))
