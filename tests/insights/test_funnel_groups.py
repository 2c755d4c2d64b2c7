"""Funnels that count groups: over HTTP, and against the contract taken literally."""

import os
import time
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from insights.limits import Limits
from insights.queries.funnel_groups import find_groups
from tests.clients import ProjectClient, bearer, event, settle
from tests.insights import crowds as random_crowds
from tests.insights import oracle
from tests.insights.crowds import Happening, happenings, seen
from tests.insights.world import World

EXAMPLES = int(os.environ.get("INSIGHTS_EXAMPLES", "60"))
A, B, C = {"id": "A"}, {"id": "B", "order": 1}, {"id": "C", "order": 2}
COMPANY, TEAM = 0, 1


def post(project: ProjectClient, url: str = "", **body: Any) -> httpx.Response:
    return project.http.post(
        url or f"{project.persons_url}funnel/",
        json={"events": [A, B, C], "funnel_step": 1, "aggregation_group_type_index": COMPANY, **body},
        headers=bearer(project.key),
    )


def keys(response: httpx.Response) -> list[str]:
    assert response.status_code == 200, response.text
    (result,) = response.json()["results"]
    assert result["count"] == len(result["people"])
    return [actor["group_key"] for actor in result["people"]]


def did(distinct_id: str, names: str, groups: dict[str, str], /, **properties: Any) -> list[dict[str, Any]]:
    """One event of each letter, an hour apart, the last one an hour ago."""
    return [
        event(name, distinct_id, timestamp=ago(len(names) - n), properties={"$groups": groups, **properties})
        for n, name in enumerate(names)
    ]


def ago(hours: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 3600 * hours))


def told(group_type: str, key: str, /, **properties: Any) -> dict[str, Any]:
    about = {"$group_type": group_type, "$group_key": key, "$group_set": properties}
    return event("$groupidentify", "teller", timestamp="2026-01-02T03:04:05Z", properties=about)


@pytest.fixture
def funnel(project: ProjectClient) -> ProjectClient:
    """Acme went all the way, by two persons; bolt to B; cafe to A; dan alone."""
    project.capture(
        told("company", "acme", name="Acme Corp", plan="paid"),
        *did("ada", "AB", {"company": "acme", "team": "red"}),
        event("C", "bob", timestamp=ago(0.5), properties={"$groups": {"company": "acme"}}),
        *did("bob", "AB", {"company": "bolt"}),
        *did("cleo", "A", {"company": "cafe", "team": "red"}, **{"$process_person_profile": False}),
        *did("dan", "ABC", {}),
    )
    settle()
    return project


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (1, ["acme", "bolt", "cafe"]),
        (2, ["acme", "bolt"]),
        (3, ["acme"]),
        (-2, ["cafe"]),
        (-3, ["bolt"]),
        (-4, ["acme"]),
        (4, []),
    ],
)
def test_groups_reach_steps_and_drop_off(funnel: ProjectClient, step: int, expected: list[str]) -> None:
    assert keys(post(funnel, funnel_step=step)) == expected
    assert keys(post(funnel, funnel_step=step, aggregation_group_type_index="0")) == expected


def test_a_group_is_shown_as_in_the_contract(funnel: ProjectClient) -> None:
    (result,) = post(funnel, funnel_custom_steps=[1, 3]).json()["results"]

    assert result == {
        "people": [
            {
                "type": "group",
                "id": "acme",
                "group_key": "acme",
                "group_type_index": 0,
                "properties": {"name": "Acme Corp", "plan": "paid"},
                "created_at": "2026-01-02T03:04:05Z",
                "matched_recordings": [],
                "value_at_data_point": None,
            },
            # Nobody has told of it.
            {
                "type": "group",
                "id": "cafe",
                "group_key": "cafe",
                "group_type_index": 0,
                "properties": {},
                "created_at": None,
                "matched_recordings": [],
                "value_at_data_point": None,
            },
        ],
        "count": 2,
    }


def test_each_type_counts_by_itself(funnel: ProjectClient) -> None:
    assert keys(post(funnel, aggregation_group_type_index=TEAM)) == ["red"]
    assert keys(post(funnel, aggregation_group_type_index=TEAM, funnel_step=3)) == []


def test_a_type_that_the_project_does_not_have_has_no_groups(funnel: ProjectClient) -> None:
    assert keys(post(funnel, aggregation_group_type_index=4)) == []


def test_without_the_index_persons_are_counted(funnel: ProjectClient) -> None:
    (result,) = post(funnel, aggregation_group_type_index=None).json()["results"]

    assert sorted(actor["name"] for actor in result["people"]) == ["ada", "bob", "dan"]
    assert {actor["type"] for actor in result["people"]} == {"person"}


def test_pages_are_full_disjoint_and_end_exactly(project: ProjectClient) -> None:
    names = [f"company {n}" for n in range(6)]
    project.capture(*(one for name in names for one in did("u", "A", {"company": name})))
    settle()

    first = post(project, limit=3)
    second = post(project, first.json()["next"])

    assert (keys(first), keys(second)) == (names[:3], names[3:])
    assert second.json()["next"] is None


def test_projects_do_not_mix(funnel: ProjectClient, other_project: ProjectClient) -> None:
    other_project.capture(
        told("company", "acme", name="theirs"),
        *did("eve", "A", {"company": "acme"}),
        *did("eve", "A", {"company": "evil"}),
    )
    settle()
    name = {"key": "name", "value": "theirs", "type": "group", "group_type_index": COMPANY}
    other = {"key": "other", "operator": "is_set"}

    assert keys(post(funnel)) == ["acme", "bolt", "cafe"]
    assert keys(post(other_project)) == ["acme", "evil"]
    assert post(other_project).json()["results"][0]["people"][0]["properties"] == {"name": "theirs"}
    assert keys(post(funnel, properties={"type": "OR", "values": [name, other]})) == []
    assert keys(post(funnel, search="theirs")) == []


def test_filters_of_events_persons_and_groups(funnel: ProjectClient) -> None:
    funnel.capture(
        event("$set", "ada", properties={"$set": {"vip": True}}),
        *did("ada", "A", {"company": "bolt"}, page="/a"),
    )
    settle()
    page = {"key": "page", "value": "/a"}
    vip = {"key": "vip", "value": "true", "type": "person"}
    paid = {"key": "plan", "value": "paid", "type": "group", "group_type_index": COMPANY}

    assert keys(post(funnel, properties=[page])) == ["bolt"]
    assert keys(post(funnel, properties=[vip])) == ["acme", "bolt"]
    assert keys(post(funnel, properties=[paid])) == ["acme"]
    assert keys(post(funnel, properties=[{**paid, "operator": "is_not"}])) == ["bolt", "cafe"]
    assert keys(post(funnel, properties=[{**paid, "group_type_index": TEAM}])) == []
    assert keys(
        post(funnel, events=[{**A, "properties": [paid]}, {**B, "properties": [vip]}], funnel_step=2)
    ) == ["acme"]


def test_persons_are_filtered_by_a_property_of_their_group(funnel: ProjectClient) -> None:
    paid = {"key": "plan", "value": "paid", "type": "group", "group_type_index": COMPANY}

    (result,) = post(funnel, aggregation_group_type_index=None, properties=[paid]).json()["results"]

    assert [actor["name"] for actor in result["people"]] == ["ada"]


def test_a_person_filter_asks_who_the_person_is_now(project: ProjectClient) -> None:
    project.capture(
        *did("anon", "A", {"company": "acme"}),
        *did("other", "A", {"company": "bolt"}),
        event("$set", "user", properties={"$set": {"plan": "paid"}}),
        event("$identify", "user", properties={"$anon_distinct_id": "anon"}),
    )
    settle()

    assert keys(post(project, properties=[{"key": "plan", "value": "paid", "type": "person"}])) == ["acme"]


def test_search_finds_groups_by_name_slug_and_whoever_acted_in_them() -> None:
    world = World()
    world.persons("a", properties={"email": "Ines@example.org"})
    world.persons("b", properties={"name": "Änne"})
    world.insert(
        "groups",
        [
            world.group_line(COMPANY, "k1", {"name": "Bolt 100%"}),
            world.group_line(COMPANY, "k2", {"slug": "the-cafe", "plan": "ines"}),
            world.group_line(TEAM, "k3", {"name": "Bolt"}),
        ],
    )
    world.events(
        world.event_line("A", "a", 0, groups={COMPANY: "k1"}),
        world.event_line("A", "b", 0, groups={COMPANY: "k2", TEAM: "k3"}),
        world.event_line("A", "c", 0, groups={COMPANY: "k3"}),
        # No step, and of a distinct id that has moved to a.
        world.event_line("X", "phone", 0, groups={COMPANY: "k3"}),
    )
    world.insert("person_distinct_id_overrides", [world.override_line("phone", "a")])

    def found(search: str) -> list[str]:
        return world.found_groups(COMPANY, overridden=True, events=[A], search=search)

    assert found("bolt") == ["k1"]
    assert found("CAFE") == ["k2"]
    assert found("änne") == ["k2"]
    assert found("INES") == ["k1", "k3"]
    assert found("Phon") == ["k3"]
    assert found("0_") == []


def test_overrides_are_asked_for_when_persons_are() -> None:
    world = World()
    world.persons("kept", properties={"plan": "paid"})
    world.events(world.event_line("A", "anonymous", 0, groups={COMPANY: "acme"}))
    paid = [{"key": "plan", "value": "paid", "type": "person"}]
    question = world.question(events=[A], aggregation_group_type_index=COMPANY, properties=paid)
    limits = Limits(seconds=10, memory=10**9)

    before = find_groups(question, offset=0, rows=10, limits=limits)
    world.insert("person_distinct_id_overrides", [world.override_line("anonymous", "kept")])
    after = find_groups(question, offset=0, rows=10, limits=limits)

    assert (before, after) == ([], ["acme"])


@dataclass(frozen=True)
class Crowd:
    """What happened to a group, by several persons; ``strangers`` are the same events outside it."""

    happenings: list[tuple[Happening, str]]
    strangers: list[Happening]


crowds = st.builds(
    Crowd,
    st.lists(st.tuples(happenings, st.sampled_from(["p", "q"])), min_size=1, max_size=8),
    st.lists(happenings, max_size=3),
)


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="INSIGHTS_EXAMPLES" not in os.environ,
    suppress_health_check=list(HealthCheck),
)
@given(
    series=random_crowds.series,
    crowd=st.lists(crowds, min_size=8, max_size=12),
    window=st.integers(1, 7),
    wanted=st.integers(1, 5),
)
def test_the_sql_agrees_with_the_contract(
    series: list[dict[str, Any]], crowd: list[Crowd], window: int, wanted: int
) -> None:
    world = World()
    events = []
    for index, one in enumerate(crowd):
        for item, person in one.happenings:
            groups = {TEAM: f"g{index:02}", COMPANY: "all"}
            events.append(world.event_line(item.name, person, item.at, item.texts, groups=groups))
        for item in one.strangers:
            events.append(
                world.event_line(item.name, "p", item.at, item.texts, groups={COMPANY: f"g{index:02}"})
            )
    world.events(*events)

    found = (
        world.found_groups(
            TEAM,
            events=[{**step, "order": place} for place, step in enumerate(series)],
            funnel_window_interval=window,
            funnel_window_interval_unit="second",
            funnel_step=wanted,
            date_from="2026-01-10",
            date_to="2026-01-10",
        )
        if wanted <= len(series)
        else []
    )

    expected = [f"g{index:02}" for index, one in enumerate(crowd) if _reached(one, series, window) >= wanted]
    assert found == expected


def _reached(crowd: Crowd, series: list[dict[str, Any]], window: int) -> int:
    events = seen([item for item, _ in crowd.happenings], series)
    return oracle.steps_reached(events, oracle.Funnel("ordered", len(series), window))
