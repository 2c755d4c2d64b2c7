"""Requests about the same persons at the same moment: section E of the capture contract.

Each race is run ``REPETITIONS`` times. What becomes of it must be what the model of ``tests.stateful`` says for some
order of its requests one after the other: answers, persons, and whose each event is.
"""

import pytest
from django.db import connection

from core.clickhouse.compare import compare
from tests.clients import settle
from tests.races.arena import Race, identify, look, merge, open_arena, outcomes, whoever_is_first
from tests.stack import Stack
from tests.stateful.model import Said
from tests.stateful.world import Delete, Send, SplitOff

REPETITIONS = 30


RACES = [
    Race(
        "E4: the same new id ten times",
        [],
        [Send([Said("$set", "a", set={f"k{number}": number})]) for number in range(10)],
        whoever_is_first,
    ),
    Race(
        "E4: the same two new ids ten times",
        [],
        [Send([identify("a", "b", **{f"k{number}": "x"})]) for number in range(10)],
        whoever_is_first,
    ),
    Race(
        "E4: one person gets ten properties",
        [look("a")],
        [Send([Said("$set", "a", set={f"k{number}": number})]) for number in range(10)],
        whoever_is_first,
    ),
    Race(
        "E5: one source for two, by $identify",
        [look("a"), look("b"), look("x", of="x")],
        [Send([identify("a", "x")]), Send([identify("b", "x")])],
    ),
    Race(
        "E5: one source for two, by force",
        [look("a"), look("b"), look("x", of="x")],
        [Send([merge("a", "x")]), Send([merge("b", "x")])],
    ),
    Race(
        "E5: one new id for two",
        [look("a"), look("b")],
        [Send([identify("a", "x")]), Send([identify("b", "x")])],
    ),
    Race(
        "E6: each into the other, by $identify",
        [look("a", of="a"), look("b", of="b")],
        [Send([identify("a", "b")]), Send([identify("b", "a")])],
    ),
    Race(
        "E6: each into the other, by force",
        [look("a", of="a"), look("b", of="b")],
        [Send([merge("a", "b")]), Send([merge("b", "a")])],
    ),
    Race(
        "E6: two new ids, each into the other",
        [],
        [Send([identify("a", "b")]), Send([identify("b", "a")])],
    ),
    Race(
        "E7: a chain, by $identify",
        [look("a"), look("b"), look("c")],
        [Send([identify("b", "a")]), Send([identify("c", "b")])],
    ),
    Race(
        "E7: a chain, by force",
        [look("a"), look("b"), look("c")],
        [Send([merge("b", "a")]), Send([merge("c", "b")])],
    ),
    Race(
        "E7: round in a circle, by force",
        [look("a", of="a"), look("b", of="b"), look("c", of="c")],
        [Send([merge("a", "b")]), Send([merge("b", "c")]), Send([merge("c", "a")])],
    ),
    Race(
        "E8: the source of a merge changes",
        [look("a", of="a"), look("x", of="x", plan="free", gone="x")],
        [
            Send([merge("a", "x")]),
            Send([Said("look", "x", set={"plan": "team"}, set_once={"first": 1}, unset=["gone"])]),
        ],
    ),
    Race(
        "E8: the target of a merge changes",
        [look("a", of="a"), look("x", of="x", plan="free")],
        [Send([identify("a", "x")]), Send([look("a", plan="team")])],
    ),
    Race(
        "E9: the source of a merge gets an id",
        [look("a"), look("x")],
        [Send([merge("a", "x")]), Send([identify("x", "new")])],
    ),
    Race(
        "E9: an id is tied to the source of a merge",
        [look("a"), identify("x", "y")],
        [Send([merge("a", "x")]), Send([identify("new", "x")])],
    ),
    Race(
        "E10: the source of a merge is deleted",
        [look("a", of="a"), look("x", of="x")],
        [Send([identify("a", "x")]), Delete("x")],
    ),
    Race(
        "E10: the target of a merge is deleted",
        [look("a", of="a"), look("x", of="x")],
        [Send([identify("a", "x", plan="team")]), Delete("a")],
    ),
    Race(
        "E11: a person changes and is deleted",
        [look("a", of="a")],
        [Send([look("a", plan="team")]), Delete("a")],
    ),
    Race(
        "E11: a person gets an id and is deleted",
        [identify("a", "b", of="a")],
        [Send([identify("a", "new")]), Delete("a")],
    ),
    Race("two deletions", [identify("a", "b")], [Delete("a"), Delete("a")]),
    Race(
        "two splits of the same ids",
        [identify("a", "b"), identify("a", "c")],
        [SplitOff("a", move=["b", "c"]), SplitOff("a", move=["c"])],
    ),
    Race(
        "two splits that leave different ids",
        [identify("a", "b"), identify("a", "c")],
        [SplitOff("a", keep="b"), SplitOff("a", keep="c")],
    ),
    Race(
        "a split and a deletion",
        [identify("a", "b")],
        [SplitOff("a", move=["a"]), Delete("a")],
    ),
    Race(
        "a split and the merge of an id that moves",
        [identify("a", "b"), look("c", of="c")],
        [SplitOff("a", move=["b"]), Send([merge("c", "b")])],
    ),
    Race(
        "a split and a merge into the person",
        [identify("a", "b"), look("x", of="x")],
        [SplitOff("a", keep="a"), Send([identify("b", "x")])],
    ),
    Race(
        "a split and an event of an id that moves",
        [identify("a", "b", plan="free")],
        [SplitOff("a", move=["b"]), Send([look("b", plan="team")])],
    ),
    Race(
        "a split and a new id beside one that moves",
        [identify("a", "b")],
        [SplitOff("a", keep="a"), Send([identify("new", "b")])],
    ),
    Race(
        "new ids for two persons in opposite order",
        [look("a"), look("b")],
        [
            Send([identify("a", "x"), identify("a", "y"), identify("a", "z")]),
            Send([identify("b", "z"), identify("b", "y"), identify("b", "x")]),
        ],
    ),
]

_LOST_IDS = """
SELECT count(*) FROM core_persondistinctid m LEFT JOIN core_person p ON p.id = m.person_id
WHERE m.project_id = %s AND p.id IS NULL
"""


@pytest.mark.parametrize("race", RACES, ids=lambda race: race.title)
def test_requests_that_meet_end_as_if_one_had_come_after_the_other(stack: Stack, race: Race) -> None:
    with open_arena(stack) as arena:
        played = arena.run(race, repetitions=REPETITIONS)
        settle()

        for repetition, outcome in zip(played, outcomes(arena.project, played), strict=True):
            assert outcome in repetition.allowed()
            for uuid in repetition.gone(outcome):
                assert arena.project.get(f"{arena.project.persons_url}{uuid}/").status_code == 404
        assert [one for one in compare(arena.project.id) if not one.is_equal] == []
        with connection.cursor() as cursor:
            cursor.execute(_LOST_IDS, [arena.project.id])
            assert cursor.fetchone() == (0,)


def test_the_doctor_finds_both_stores_equal_after_all_races(stack: Stack) -> None:
    settle()

    assert "ok    PostgreSQL equals ClickHouse" in stack.command("doctor")
