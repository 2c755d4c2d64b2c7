"""Random sequences of captures, merges, splits, deletions and re-use, against the model: ``docs/testing.md``."""

import os
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from tests.clients import new_project
from tests.stack import Stack
from tests.stateful.model import Said
from tests.stateful.world import (
    BulkDelete,
    Delete,
    DeleteEvents,
    Join,
    Operation,
    Send,
    SplitOff,
    World,
    new_world,
    settle_and_compare,
)

SEQUENCES = int(os.environ.get("PERSONS_API_SEQUENCES", "500"))
FIRST_SEED = int(os.environ.get("PERSONS_API_SEED", "0"))
#: Sequences between two comparisons with ClickHouse.
CHUNK = 125

#: Few, so that they meet; two whose uuids can be the same; and one that names nobody.
IDS = ("a", "b", "c", "a:split", "ünï-😀 two", "0190aa11-22bb-7cc3-8dd4-ee55ff667788", "Anonymous")
ids = st.sampled_from(IDS)
keys = st.sampled_from(["email", "plan", "$browser"])
values = st.sampled_from(["x", "y", 1, 1.5, 1.0, True, None, [1, "ü"], {"k": None}])
properties = st.dictionaries(keys, values, max_size=2)
rarely = st.sampled_from([False, False, False, True])
times = st.sampled_from(
    [datetime(2026, 3, 4, 5, 6, 7, 89000, UTC) + timedelta(minutes=minutes) for minutes in (0, 0, 1, 2, 90)]
)


#: Each as often as it is to be drawn.
NAMES = (
    *["look"] * 3,
    *["$set"] * 2,
    *["$identify"] * 4,
    *["$create_alias"] * 2,
    *["$merge_dangerously"] * 5,
    *["$exception", "$feature_flag_called", "$groupidentify", "$snapshot"],
)
KINDS = (*["send"] * 10, *["split"] * 5, *["delete"] * 2, "bulk delete", "delete events", "join")


@st.composite
def events(draw: st.DrawFn) -> Said:
    return Said(
        name=draw(st.sampled_from(NAMES)),
        distinct_id=draw(ids),
        other_id=draw(st.sampled_from((*IDS, *IDS, *IDS, "", None))),
        set=draw(properties),
        set_once=draw(properties),
        unset=draw(st.lists(keys, max_size=1)),
        beside=draw(st.dictionaries(st.sampled_from(["$browser", "utm_source"]), values, max_size=1)),
        profile=draw(st.sampled_from([None] * 12 + [True, False, False])),
        at=draw(times),
    )


@st.composite
def splits(draw: st.DrawFn) -> SplitOff:
    of = draw(ids)
    if draw(st.booleans()):
        return SplitOff(of, keep=draw(st.sampled_from([None, of, of, of, *IDS[:2]])))
    return SplitOff(
        of, move=draw(st.one_of(st.just([of]), st.just([of]), st.lists(ids, min_size=1, max_size=2)))
    )


@st.composite
def deletions(draw: st.DrawFn) -> Delete:
    return Delete(draw(ids), delete_events=draw(st.booleans()), keep_person=draw(rarely))


@st.composite
def bulk_deletions(draw: st.DrawFn) -> BulkDelete:
    names = draw(st.lists(ids, min_size=1, max_size=4, unique=True))
    return BulkDelete(names, delete_events=draw(st.booleans()), keep_person=draw(rarely))


OTHERS: dict[str, st.SearchStrategy[Operation]] = {
    "split": splits(),
    "delete": deletions(),
    "bulk delete": bulk_deletions(),
    "delete events": st.builds(DeleteEvents, ids),
    "join": st.builds(Join, ids),
}


@st.composite
def sequences(draw: st.DrawFn) -> list[Operation]:
    """Some visitors first, so that there is somebody to be merged, split and deleted."""
    visitors = draw(st.lists(ids, unique=True, min_size=1, max_size=len(IDS)))
    sequence: list[Operation] = [
        Send([Said("look", visitor, set={"plan": visitor}, at=draw(times)) for visitor in visitors])
    ]
    for kind in draw(st.lists(st.sampled_from(KINDS), min_size=3, max_size=10)):
        if kind == "send":
            sequence.append(Send(draw(st.lists(events(), min_size=1, max_size=4))))
        else:
            sequence.append(draw(OTHERS[kind]))
    return sequence


@pytest.mark.parametrize("number", range(-(-SEQUENCES // CHUNK)))
def test_both_stores_hold_what_the_model_says(stack: Stack, number: int) -> None:
    worlds: list[World] = []

    with new_project(stack) as owner, httpx.Client(base_url=stack.url, timeout=40) as http:

        @seed(FIRST_SEED + number)
        @settings(max_examples=CHUNK, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(sequences())
        def play(sequence: list[Operation]) -> None:
            worlds.append(new_world(http, owner))
            worlds[-1].play(sequence)

        play()
        settle_and_compare(worlds)
