"""Filters by cohorts wherever a question takes filters, against what is in ClickHouse."""

from typing import Any

import pytest

from core.filters.properties import NO_COHORT, MemberTest, filters_of
from tests.insights.world import World

TEAM, OTHERS, EMPTY = 7, 8, 9
PEOPLE = ["ada", "bob", "cyd", "dan"]


def member_of(cohort_id: int, **fields: Any) -> dict[str, Any]:
    return {"type": "cohort", "key": "id", "value": cohort_id, **fields}


@pytest.fixture(scope="module")
def world() -> World:
    """Ada and Bob are the team. Bob's events arrived under an id of someone who was merged into him; Dan was one of the
    team, and Cyd one of the others, until they left. Everybody does A, then B.
    """
    world = World(cohorts={TEAM: "team", OTHERS: "others", EMPTY: "empty"})
    world.persons(*PEOPLE, properties={"plan": "free"})
    names = {"ada": "ada", "bob": "bobby", "cyd": "cyd", "dan": "dan"}
    world.insert("person_distinct_id_overrides", [world.override_line("bobby", "bob")])
    groups = {"ada": "acme", "bob": "acme", "cyd": "umbrella", "dan": "umbrella"}
    world.events(
        *(
            world.event_line(name, names[who], at, {"colour": "red"}, groups={2: groups[who]})
            for who in PEOPLE
            for at, name in enumerate("AB")
        )
    )
    world.join(TEAM, "ada", "bob", "dan")
    world.join(TEAM, "dan", version=2, is_deleted=True)
    world.join(OTHERS, "cyd", version=4, is_deleted=True)
    # Rows may come in any order.
    world.join(OTHERS, "cyd", version=3)
    world.join(OTHERS, "dan", version=3)
    other = World(cohorts=world.cohorts)
    other.persons("ada")
    other.join(EMPTY, *PEOPLE)
    return world


STEPS = [{"id": "A"}, {"id": "B", "order": 1}]


def found(world: World, **given: Any) -> list[str]:
    return world.found(PEOPLE, overridden=True, **{"events": STEPS, "funnel_step": 2, **given})


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ([member_of(TEAM)], ["ada", "bob"]),
        ([member_of(TEAM, operator="in")], ["ada", "bob"]),
        ([member_of(TEAM, operator="exact")], ["ada", "bob"]),
        ([member_of(TEAM, type="static-cohort")], ["ada", "bob"]),
        ([member_of(TEAM, type="precalculated-cohort", value=str(TEAM))], ["ada", "bob"]),
        ([member_of(TEAM, operator="not_in")], ["cyd", "dan"]),
        ([member_of(TEAM, operator="is_not")], ["cyd", "dan"]),
        ([member_of(TEAM, negation=True)], ["cyd", "dan"]),
        ([member_of(TEAM, operator="not_in", negation=True)], ["ada", "bob"]),
        ([member_of(OTHERS)], ["dan"]),
        ([member_of(EMPTY)], []),
        ([member_of(99)], []),
        ([member_of(99, operator="not_in")], PEOPLE),
        ([member_of(TEAM), member_of(OTHERS)], []),
        ({"type": "OR", "values": [member_of(TEAM), member_of(OTHERS)]}, ["ada", "bob", "dan"]),
        (
            {"type": "OR", "values": [member_of(OTHERS), {"key": "colour", "value": "blue"}]},
            ["dan"],
        ),
        ([member_of(TEAM), {"key": "plan", "value": "free", "type": "person"}], ["ada", "bob"]),
    ],
)
def test_who_is_in_a_cohort(world: World, properties: Any, expected: list[str]) -> None:
    assert found(world, properties=properties) == expected
    # The same as a filter of a step, and of the project against test accounts.
    first = {"id": "A", "properties": properties}
    assert found(world, events=[first, STEPS[1]]) == expected
    filtered = World(world.project_id, cohorts=world.cohorts, test_account_filters=[])
    filtered.test_account_filters = properties
    assert found(filtered, filter_test_accounts=True) == expected


def test_an_exclusion_of_members(world: World) -> None:
    exclusion = {
        "id": None,
        "properties": [member_of(TEAM, operator="not_in"), {"key": "colour", "value": "red"}],
        "funnel_from_step": 0,
        "funnel_to_step": 1,
    }

    assert found(world, exclusions=[exclusion]) == ["ada", "bob"]


def test_groups_by_what_members_did(world: World) -> None:
    def keys(*properties: Any) -> list[str]:
        given: dict[str, Any] = {"events": STEPS, "funnel_step": 2, "properties": list(properties)}
        return world.found_groups(2, overridden=True, **given)

    assert keys(member_of(TEAM)) == ["acme"]
    assert keys(member_of(TEAM, operator="not_in")) == ["umbrella"]
    assert keys(member_of(EMPTY, operator="not_in")) == ["acme", "umbrella"]


def test_a_cohort_that_the_project_has_not_has_no_number(world: World) -> None:
    tests = [item.test for item in filters_of(world.question(properties=[member_of(99)]).funnel.properties)]

    assert tests == [MemberTest(NO_COHORT)]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (TEAM, ["ada", "bob"]),
        (str(TEAM), ["ada", "bob"]),
        ([TEAM], ["ada", "bob"]),
        ("all", PEOPLE),
        (None, ["ada", "bob", "dan"]),  # of any of them
    ],
)
def test_persons_of_one_cohort_of_a_breakdown(world: World, value: Any, expected: list[str]) -> None:
    breakdown = {"breakdown": [TEAM, OTHERS], "breakdown_type": "cohort"}

    assert found(world, **breakdown, funnel_step_breakdown=value) == expected
