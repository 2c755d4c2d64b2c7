"""What the random sequences and reading for them have found, each as small as it gets."""

from collections.abc import Iterator

import httpx
import pytest

from tests.clients import new_project
from tests.stack import Stack
from tests.stateful.model import Said
from tests.stateful.world import Delete, Operation, Send, SplitOff, World, new_world, settle_and_compare


@pytest.fixture
def world(stack: Stack) -> Iterator[World]:
    with new_project(stack) as owner, httpx.Client(base_url=stack.url, timeout=40) as http:
        yield new_world(http, owner)


def play(world: World, *operations: Operation) -> None:
    world.play(operations)
    settle_and_compare([world])


def test_an_id_that_looks_like_the_split_of_another_can_move_away_with_it(world: World) -> None:
    play(
        world,
        Send([Said("$identify", "a", other_id="a:split"), Said("$identify", "a", other_id="b")]),
        SplitOff("a", keep="b"),
    )


def test_an_id_that_looks_like_the_split_of_another_can_come_back_with_it(world: World) -> None:
    play(
        world,
        Send([Said("$identify", "a", other_id="b")]),
        SplitOff("a", move=["a"]),
        Delete("a"),
        Send([Said("look", "a"), Said("look", "a:split")]),
    )


def test_events_without_profile_follow_an_id_whose_uuid_was_somebody_elses(world: World) -> None:
    play(
        world,
        Send([Said("$identify", "a", other_id="b")]),
        SplitOff("a", move=["a"]),
        Send([Said("look", "a:split", profile=False)]),
        Send([Said("look", "a:split")]),
    )


def test_a_person_may_take_another_and_merge_away_before_it_was_ever_stored(world: World) -> None:
    play(
        world,
        Send([Said("look", "x"), Said("look", "a")]),
        Send(
            [
                Said("$merge_dangerously", "b", other_id="c"),
                Said("$merge_dangerously", "b", other_id="x"),
                Said("$merge_dangerously", "a", other_id="b"),
            ]
        ),
    )
