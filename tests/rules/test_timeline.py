"""Points of a properties timeline, from events in order."""

from typing import Any

import pytest

from core.clickhouse.history import PastEvent, Place
from insights.queries.properties_timeline import points


def happened(second: int, carried: dict[str, Any] | None = None, *, wanted: bool = True) -> PastEvent:
    return PastEvent(Place(second * 1_000_000, 0, ""), "x", carried or {}, wanted)


SET_A = {"$set": {"a": 1}}
SET_B = {"$set": {"b": 1}}


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([], []),
        ([happened(1, SET_A, wanted=False)], []),
        ([happened(1)], [(1, {}, 1)]),
        ([happened(1), happened(2, SET_B)], [(1, {}, 2)]),
        ([happened(1), happened(2, SET_A)], [(1, {}, 1), (2, {"a": 1}, 1)]),
        # What another event changed shows at the next one that is looked at.
        ([happened(1), happened(2, SET_A, wanted=False), happened(3)], [(1, {}, 1), (3, {"a": 1}, 1)]),
        # Changed and changed back in between: nothing to be seen.
        (
            [
                happened(1),
                happened(2, SET_A, wanted=False),
                happened(3, {"$unset": ["a"]}, wanted=False),
                happened(4),
            ],
            [(1, {}, 2)],
        ),
        # A key that is null is there.
        ([happened(1), happened(2, {"$set": {"a": None}})], [(1, {}, 1), (2, {"a": None}, 1)]),
    ],
)
def test_points(events: list[PastEvent], expected: list[tuple[int, dict[str, Any], int]]) -> None:
    assert points(events, ["a"]) == [
        {
            "timestamp": f"1970-01-01T00:00:0{second}Z",
            "properties": properties,
            "relevant_event_count": count,
        }
        for second, properties, count in expected
    ]
