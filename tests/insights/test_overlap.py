"""Which steps one event might fill."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from core.filters.properties import PropertyReader
from insights.filters.entities import read_entities
from insights.filters.overlap import MOST_OVERLAPPING, TooManyOverlaps, shared_sets


def shared(*steps: Any) -> list[tuple[int, ...]]:
    """Steps are names, or (name, properties)."""
    events = [
        {"id": step, "order": place}
        if isinstance(step, str | None)
        else {"id": step[0], "properties": step[1], "order": place}
        for place, step in enumerate(steps, start=1)
    ]
    reader = PropertyReader(zone=ZoneInfo("UTC"), now=datetime(2026, 1, 1, tzinfo=UTC))
    return shared_sets(read_entities({"events": events}, reader=reader))


def url(value: Any, operator: str = "exact", **more: Any) -> list[dict[str, Any]]:
    return [{"key": "url", "value": value, "operator": operator, **more}]


@pytest.mark.parametrize(
    ("steps", "sets"),
    [
        (("a", "b", "c"), []),
        (("a",), []),
        ((), []),
        (("a", "b", "a"), [(0, 2)]),
        (("a", "a", "a"), [(0, 1), (0, 2), (1, 2), (0, 1, 2)]),
        # Any event hangs together with everything, the others only through it.
        (("a", None, "b"), [(0, 1), (1, 2), (0, 1, 2)]),
        (("a", "b", "a", "b"), [(0, 2), (1, 3)]),
        ((("v", url("/a")), ("v", url("/b"))), []),
        ((("v", url(["/a", "/b"])), ("v", url(["/c"]))), []),
        ((("v", url(["/a", "/b"])), ("v", url(["/b", "/c"]))), [(0, 1)]),
        ((("v", url("/a")), "v"), [(0, 1)]),
        ((("v", url("/a")), ("v", url("/a", "is_not"))), [(0, 1)]),
        ((("v", url("/a")), ("v", url("/b", negation=True))), [(0, 1)]),
        ((("v", url("/a", "icontains")), ("v", url("/b", "icontains"))), [(0, 1)]),
        # Of one person, but of two different properties of an event.
        ((("v", url("/a")), ("v", url("/b", type="person"))), [(0, 1)]),
        ((("v", url("/a", type="person")), ("v", url("/b", type="person"))), []),
        # What stands in an OR need not hold.
        ((("v", {"type": "OR", "values": [*url("/a"), {"key": "x", "value": 1}]}), ("v", url("/b"))), [(0, 1)]),
        ((("v", {"type": "OR", "values": url("/a")}), ("v", url("/b"))), []),
        ((("v", [*url(["/a", "/b"]), *url(["/b", "/c"])]), ("v", url(["/a", "/c"]))), []),
    ],
)  # fmt: skip
def test_sets_of_steps(steps: Any, sets: list[tuple[int, ...]]) -> None:
    assert shared(*steps) == sets


def test_there_is_an_end_to_what_can_be_told_apart() -> None:
    assert len(shared(*["a"] * MOST_OVERLAPPING)) == 2**MOST_OVERLAPPING - 1 - MOST_OVERLAPPING

    with pytest.raises(TooManyOverlaps):
        shared(*["a"] * (MOST_OVERLAPPING + 1))


def test_many_steps_in_small_sets_are_no_problem() -> None:
    assert len(shared(*"aabbccddeeffgghhiijj")) == 10
