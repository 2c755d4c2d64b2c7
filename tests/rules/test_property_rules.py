"""What an event does to its person's properties."""

from typing import Any

import pytest

from core.identity.property_rules import (
    LARGEST,
    TRIMMED,
    PropertyChange,
    apply_change,
    change_of_event,
    first_properties,
)

BIG = "x" * (LARGEST - 20)


@pytest.mark.parametrize(
    ("properties", "set_", "set_once", "unset"),
    [
        ({}, {}, {}, set()),
        ({"$set": {"a": 1}, "$set_once": {"b": 2}, "$unset": ["c", 5, "d"]}, {"a": 1}, {"b": 2}, {"c", "d"}),
        ({"$set": "no object", "$set_once": [1], "$unset": "text"}, {}, {}, set()),
        ({"$unset": {"a": None, "b": 1}}, {}, {}, {"a", "b"}),
        ({"$browser": "Chrome", "other": 1}, {"$browser": "Chrome"}, {"$initial_browser": "Chrome"}, set()),
        ({"utm_source": "x"}, {"utm_source": "x"}, {"$initial_utm_source": "x"}, set()),
        (
            {"$os": "Linux", "$set": {"$os": "mine"}, "$set_once": {"$initial_os": "first"}},
            {"$os": "mine"},
            {"$initial_os": "first"},
            set(),
        ),
        ({"$os_name": "Linux"}, {"$os": "Linux"}, {"$initial_os": "Linux"}, set()),
        ({"$os_name": "Linux", "$os": "Other"}, {"$os": "Other"}, {"$initial_os": "Other"}, set()),
        ({"$os": "Linux", "$os_version": "6", "$is_server": True}, {}, {}, set()),
        ({"$os_name": "Linux", "$is_server": True}, {}, {}, set()),
    ],
)
def test_what_an_event_asks_for(
    properties: dict[str, Any], set_: dict[str, Any], set_once: dict[str, Any], unset: set[str]
) -> None:
    assert change_of_event("any", properties) == PropertyChange(set_, set_once, frozenset(unset))


def test_recordings_lift_nothing() -> None:
    assert change_of_event("$snapshot", {"$browser": "Chrome"}) == PropertyChange()


def test_the_first_properties_are_set_over_set_once() -> None:
    assert first_properties(PropertyChange({"a": 1}, {"a": 2, "b": 3})) == {"a": 1, "b": 3}


@pytest.mark.parametrize(
    ("before", "change", "after"),
    [
        ({"a": 1}, PropertyChange({"a": 2}), {"a": 2}),
        ({"a": 1}, PropertyChange({"a": 1}), None),
        ({"a": 1}, PropertyChange({"a": True}), {"a": True}),
        ({"a": 1}, PropertyChange({"a": 1.0}), {"a": 1.0}),
        ({"a": {"x": 1, "y": 2}}, PropertyChange({"a": {"y": 2, "x": 1}}), None),
        ({"a": [1]}, PropertyChange({"a": [True]}), {"a": [True]}),
        ({"a": None}, PropertyChange({}, {"a": 1}), None),
        ({}, PropertyChange({}, {"a": 1}), {"a": 1}),
        ({}, PropertyChange({"a": 2}, {"a": 1}), {"a": 2}),
        ({"a": 1, "b": 2}, PropertyChange({}, {}, frozenset("a")), {"b": 2}),
        ({"a": 1}, PropertyChange({"a": 2}, {}, frozenset("a")), {}),
        ({}, PropertyChange({"a": 2}, {}, frozenset("a")), {"a": 2}),
        ({}, PropertyChange({}, {}, frozenset("a")), None),
    ],
)
def test_how_properties_change(
    before: dict[str, Any], change: PropertyChange, after: dict[str, Any] | None
) -> None:
    stored = dict(before)

    assert apply_change(before, change, event="any") == after
    assert before == stored


@pytest.mark.parametrize(
    ("event", "before", "set_", "is_written"),
    [
        ("any", {"$browser": "a"}, {"$browser": "b"}, False),
        ("any", {}, {"$browser": "b"}, True),
        ("any", {"$browser": "a", "k": 1}, {"$browser": "b", "k": 2}, True),
        ("any", {"utm_source": "a"}, {"utm_source": "b"}, True),
        ("$set", {"$browser": "a"}, {"$browser": "b"}, True),
        ("$identify", {"$browser": "a"}, {"$browser": "b"}, True),
        ("$exception", {"k": 1}, {"k": 2}, False),
        ("$$heatmap", {}, {"k": 2}, False),
    ],
)
def test_noise_alone_is_not_written(
    event: str, before: dict[str, Any], set_: dict[str, Any], is_written: bool
) -> None:
    assert (apply_change(before, PropertyChange(set_), event=event) is not None) == is_written


def test_a_person_is_not_grown_beyond_the_limit() -> None:
    assert apply_change({"a": BIG}, PropertyChange({"b": "x" * 100}), event="any") is None


def test_a_person_beyond_the_limit_is_trimmed_in_order_of_keys() -> None:
    before = {"a": BIG, "b": "x" * 100, "c": "y" * (TRIMMED - 1000), "email": "e"}

    after = apply_change(before, PropertyChange({"d": 1}), event="any")

    assert after is not None
    assert list(after) == ["b", "c", "email", "d"]
