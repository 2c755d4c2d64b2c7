"""Which events may be sent beside each other, and which only one after the other."""

from uuid import UUID

import pytest

from core.services.webhooks.lanes import Planner, Waiting

PERSONS = {name: UUID(int=ord(name)) for name in "abcdef"}


def waiting(*events: str) -> list[Waiting]:
    """An event each of the persons that the letters name; ``!`` marks one whose time has not come."""
    return [
        Waiting(number, frozenset(PERSONS[name] for name in event.strip("!")), not event.endswith("!"))
        for number, event in enumerate(events, 1)
    ]


def planned(*events: str, most: int = 4, longest: int = 3, busy: str = "") -> list[list[int]]:
    planner = Planner(most=most, longest=longest, busy={PERSONS[name] for name in busy})
    planner.take(waiting(*events))
    return [lane.ids for lane in planner.lanes]


@pytest.mark.parametrize(
    ("events", "lanes"),
    [
        ("", []),
        ("a", [[1]]),
        ("a a a", [[1, 2, 3]]),
        ("a a a a", [[1, 2, 3]]),
        ("a b c d", [[1], [2], [3], [4]]),
        ("a b c d e f", [[1, 5], [2, 6], [3], [4]]),
        ("a! a b", [[3]]),
        ("a a! a b", [[1], [4]]),
        # A merge of two persons comes after both, and before what comes after it.
        ("a b ab a b c", [[1], [2], [6]]),
        ("a ab b", [[1, 2, 3]]),
        ("a! ab b c", [[4]]),
        # Who waits for somebody who waits.
        ("a! ab bc c d", [[5]]),
    ],
    ids=lambda value: value.replace(" ", "-") or "none" if isinstance(value, str) else "",
)
def test_lanes(events: str, lanes: list[list[int]]) -> None:
    assert planned(*events.split()) == lanes


def test_who_is_under_way_is_waited_for() -> None:
    assert planned("a", "b", "ab", "c", busy="a") == [[2], [4]]


def test_full_lanes_hold_up_the_rest() -> None:
    assert planned("a", "b", "c", "b", most=1, longest=2) == [[1, 2]]
    assert planned("a", most=0) == []


def test_pages_go_on_where_the_one_before_ended() -> None:
    planner = Planner(most=1, longest=2)
    first, second, third = waiting("a!", "a", "b")
    planner.take([first])
    assert not planner.is_full
    planner.take([second, third])

    assert [lane.ids for lane in planner.lanes] == [[3]]
