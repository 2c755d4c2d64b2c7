"""The properties of a person, replayed from what events carried."""

from typing import Any

import pytest

from core.identity.replay import replayed

Step = tuple[str, dict[str, Any]]
SET = "$set"


def after(*steps: Step, with_set_once: bool = True) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    for event, carried in steps:
        properties = replayed(properties, event, carried, with_set_once=with_set_once)
    return properties


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([], {}),
        ([("x", {})], {}),
        ([("x", {SET: {"a": 1}})], {"a": 1}),
        # The later one wins, keys that it does not name stay.
        ([("x", {SET: {"a": 1, "b": 1}}), ("x", {SET: {"a": 2}})], {"a": 2, "b": 1}),
        # null is a value.
        ([("x", {SET: {"a": 1}}), ("x", {SET: {"a": None}})], {"a": None}),
        # True is not 1.
        ([("x", {SET: {"a": 1}}), ("x", {SET: {"a": True}})], {"a": True}),
        # Once only.
        ([("x", {"$set_once": {"a": 1}}), ("x", {"$set_once": {"a": 2}})], {"a": 1}),
        ([("x", {"$set_once": {"a": 1}}), ("x", {SET: {"a": 2}})], {"a": 2}),
        ([("x", {SET: {"a": 1}, "$set_once": {"a": 2}})], {"a": 1}),
        # Removed, by names or by keys; what is removed can be set once more.
        ([("x", {SET: {"a": 1, "b": 1}}), ("x", {"$unset": ["a", "c"]})], {"b": 1}),
        ([("x", {SET: {"a": 1}}), ("x", {"$unset": {"a": ""}})], {}),
        ([("x", {SET: {"a": 1}}), ("x", {"$unset": ["a"]}), ("x", {"$set_once": {"a": 2}})], {"a": 2}),
        # Removing comes last in an event, and is about what was there before.
        ([("x", {SET: {"a": 1}}), ("x", {SET: {"a": 2}, "$unset": ["a"]})], {}),
        ([("x", {SET: {"a": 2}, "$unset": ["a"]})], {"a": 2}),
        # Carriers of another form carry nothing.
        ([("x", {SET: "a", "$set_once": 5, "$unset": "a"})], {}),
        # What is lifted from an event.
        ([("x", {"$browser": "Fox"})], {"$browser": "Fox", "$initial_browser": "Fox"}),
        # Values that are not worth a write count here.
        ([("x", {SET: {"$browser": "Fox"}}), ("x", {SET: {"$browser": "Dog"}})], {"$browser": "Dog"}),
        # Of a group, not of the person.
        ([("$groupidentify", {SET: {"a": 1}})], {}),
        # It changes nobody who is there, but begins somebody who is not.
        ([("x", {SET: {"a": 1}}), ("$exception", {SET: {"a": 2}})], {"a": 1}),
        ([("$exception", {SET: {"a": 2}})], {"a": 2}),
    ],
)
def test_replay(steps: list[Step], expected: dict[str, Any]) -> None:
    result = after(*steps)

    # 1, 1.0 and True are equal to Python.
    assert sorted(map(repr, result.items())) == sorted(map(repr, expected.items()))


def test_set_once_can_be_left_out() -> None:
    steps: list[Step] = [
        ("x", {SET: {"a": 1}, "$set_once": {"b": 1}}),
        ("$set_once", {"$set_once": {"c": 1}}),
        ("x", {"$browser": "Fox"}),
    ]

    assert after(*steps, with_set_once=False) == {"a": 1, "$browser": "Fox"}
    assert after(*steps) == {"a": 1, "b": 1, "c": 1, "$browser": "Fox", "$initial_browser": "Fox"}


def test_what_was_before_is_not_changed() -> None:
    before = {"a": 1}

    replayed(before, "x", {SET: {"a": 2}})

    assert before == {"a": 1}
