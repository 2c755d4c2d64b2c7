"""Strict and unordered funnels and exclusions: the sentences of the contract, one row each."""

from typing import Any

import pytest

from tests.insights.world import World

A, B, C = {"id": "A"}, {"id": "B"}, {"id": "C"}
HOUR = 3600


def reached(*events: tuple[str, float], of: Any = (A, B, C), **given: Any) -> int:
    """How many steps someone with these events, at these hours, reached."""
    world = World()
    world.persons("p")
    world.events(*(world.event_line(name, "p", at * HOUR) for name, at in events))
    question = {"events": [{**step, "order": place} for place, step in enumerate(of)], **given}
    return next(
        (
            step
            for step in range(len(of), 0, -1)
            if world.found(["p"], funnel_step=step, date_from="-3d", date_to="2026-01-20", **question)
        ),
        0,
    )


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([("A", 0), ("B", 1), ("C", 2)], 3),
        ([("A", 0), ("X", 1), ("B", 2), ("C", 3)], 1),
        ([("A", 0), ("A", 1), ("B", 2), ("C", 3)], 3),
        ([("A", 0), ("B", 1), ("B", 2), ("C", 3)], 2),
        ([("X", 0), ("A", 1), ("B", 2), ("X", 3), ("A", 4), ("B", 5), ("C", 6)], 3),
        ([("B", 0), ("C", 1)], 0),
        # Of one instant any order that helps.
        ([("C", 0), ("A", 0), ("B", 0)], 3),
        ([("A", 0), ("X", 0), ("B", 1)], 2),
        ([("A", 0), ("C", 1), ("B", 1)], 3),
        ([("A", 0), ("X", 1), ("B", 1)], 2),
        ([("A", 0), ("X", 1), ("B", 1), ("C", 2)], 2),
        # The window counts from the first step.
        ([("A", 0), ("B", 4), ("C", 5)], 3),
        ([("A", 0), ("B", 4), ("C", 5.1)], 2),
    ],
)
def test_strict_steps_are_neighbours(events: Any, expected: int) -> None:
    assert reached(*events, funnel_order_type="strict", **WINDOW) == expected


#: Five hours.
WINDOW: dict[str, Any] = {"funnel_window_interval": 5, "funnel_window_interval_unit": "hour"}


def test_events_that_filters_keep_out_do_not_break_a_strict_run() -> None:
    world = World()
    world.persons("p")
    world.events(
        world.event_line("A", "p", 0, {"x": "1"}),
        world.event_line("X", "p", 1),
        world.event_line("B", "p", 2, {"x": "1"}),
    )
    given: dict[str, Any] = {
        "events": [A, {**B, "order": 1}],
        "funnel_order_type": "strict",
        "funnel_step": 2,
    }

    assert world.found(["p"], **given) == []
    assert world.found(["p"], **given, properties=[{"key": "x", "value": "1"}]) == ["p"]


@pytest.mark.parametrize(
    ("events", "of", "expected"),
    [
        ([("C", 0), ("B", 1), ("A", 2)], (A, B, C), 3),
        ([("B", 0)], (A, B, C), 1),
        ([("X", 0)], (A, B, C), 0),
        ([("C", 0), ("A", 0)], (A, B, C), 2),
        ([("C", 0), ("X", 1), ("B", 5)], (A, B, C), 2),
        ([("C", 0), ("B", 5.1)], (A, B, C), 1),
        ([("C", 0), ("B", 3), ("A", 6)], (A, B, C), 2),
        # One event counts for one step.
        ([("A", 0)], (A, A), 1),
        ([("A", 0), ("A", 1)], (A, A), 2),
        ([("A", 0), ("B", 1)], (A, {"id": None}), 2),
        ([("A", 0)], (A, {"id": None}), 1),
        ([("B", 0), ("A", 1)], (A, {"id": None}, B), 2),
    ],
)
def test_unordered_steps_are_done_within_one_window(events: Any, of: Any, expected: int) -> None:
    assert reached(*events, of=of, funnel_order_type="unordered", **WINDOW) == expected


def excluded(first: int, last: int, name: str = "X") -> dict[str, Any]:
    return {"id": name, "funnel_from_step": first, "funnel_to_step": last}


@pytest.mark.parametrize(
    ("events", "exclusion", "expected"),
    [
        ([("A", 0), ("B", 1), ("X", 2), ("C", 3)], excluded(0, 1), 3),
        ([("A", 0), ("X", 1), ("B", 2), ("C", 3)], excluded(0, 1), 0),
        ([("A", 0), ("X", 1), ("B", 2), ("C", 3)], excluded(1, 2), 3),
        # At the instant of the first step it does nothing, at that of the last it does.
        ([("A", 0), ("X", 0), ("B", 1), ("C", 2)], excluded(0, 1), 3),
        ([("A", 0), ("X", 1), ("B", 1), ("C", 2)], excluded(0, 1), 0),
        # Who does not get there: until the window is over, from the exclusion's first step on.
        ([("A", 0), ("X", 5)], excluded(0, 1), 0),
        ([("A", 0), ("X", 5.1)], excluded(0, 1), 1),
        ([("A", 0), ("B", 3), ("X", 8)], excluded(1, 2), 0),
        ([("A", 0), ("B", 3), ("X", 8.1)], excluded(1, 2), 2),
        ([("A", 0), ("X", 3)], excluded(1, 2), 1),
        # Other attempts still count.
        ([("A", 0), ("X", 1), ("A", 2), ("B", 3)], excluded(0, 1), 2),
        ([("A", 0), ("B", 1), ("X", 2), ("C", 3), ("A", 6)], excluded(1, 2), 1),
    ],
)
def test_exclusions_void_attempts(events: Any, exclusion: Any, expected: int) -> None:
    assert reached(*events, exclusions=[exclusion], **WINDOW) == expected


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([("B", 0), ("X", 1), ("A", 2)], 1),
        ([("B", 0), ("A", 1), ("X", 2)], 2),
        ([("B", 0), ("X", 1)], 0),
        ([("B", 0), ("X", 0), ("A", 1)], 2),
        ([("B", 0), ("X", 1), ("A", 1)], 1),
    ],
)
def test_exclusions_of_unordered_funnels(events: Any, expected: int) -> None:
    found = reached(*events, of=(A, B), funnel_order_type="unordered", exclusions=[excluded(0, 1)], **WINDOW)

    assert found == expected


def test_a_row_that_is_there_twice_is_one_event() -> None:
    world = World()
    world.persons("p")
    lines = [world.event_line(name, "p", at) for name, at in (("A", 0), ("B", 1), ("C", 2))]
    for _ in range(2):
        world.events(*lines)

    for order in ("strict", "unordered", "ordered"):
        assert world.found(["p"], events=[A], funnel_order_type=order) == ["p"]
        twice = [A, {**A, "order": 1}]
        assert world.found(["p"], events=twice, funnel_order_type=order, funnel_step=2) == []
    three = [A, {**B, "order": 1}, {**C, "order": 2}]
    assert world.found(["p"], events=three, funnel_order_type="strict", funnel_step=3) == ["p"]
