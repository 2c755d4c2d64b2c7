"""``POST …/persons/{id}/split/``"""

from typing import Any

import pytest

from core.clickhouse.compare import compare
from core.identity.ids import person_uuid, split_uuid
from core.models import ActivityEntry
from tests.clients import ProjectClient, event, settle
from tests.persons import NOBODY, make_listed, owners_of_events


def split(project: ProjectClient, person: dict[str, Any], body: Any = None) -> Any:
    return project.post(f"{project.persons_url}{person['uuid']}/split/", body)


def test_the_other_ids_move_to_persons_of_their_own(project: ProjectClient) -> None:
    person = make_listed(project, "a", "b", "c")

    response = split(project, person, {"main_distinct_id": "a"})

    assert (response.status_code, response.json()) == (201, {"success": True})
    stayed = project.person("a")
    assert stayed is not None
    assert (stayed["uuid"], stayed["properties"], stayed["distinct_ids"], stayed["created_at"]) == (
        person["uuid"],
        person["properties"],
        ["a"],
        person["created_at"],
    )
    for moved in ("b", "c"):
        new = project.person(moved)
        assert new is not None
        assert (new["uuid"], new["properties"], new["distinct_ids"], new["is_identified"]) == (
            str(person_uuid(project.id, moved)),
            {},
            [moved],
            False,
        )
    settle()
    assert all(one.is_equal for one in compare(project.id))


def test_without_a_choice_the_oldest_id_stays(project: ProjectClient) -> None:
    person = make_listed(project, "a", "b")

    assert split(project, person, {}).status_code == 201

    stayed = project.person("a")
    assert stayed is not None
    assert stayed["uuid"] == person["uuid"]
    assert stayed["distinct_ids"] == ["a"]


@pytest.mark.parametrize("body", [{"distinct_ids_to_split": ["a", "a"]}, {"main_distinct_id": "b"}])
def test_the_id_that_made_the_person_can_move_away(project: ProjectClient, body: Any) -> None:
    person = make_listed(project, "a", "b")
    project.capture(event("later", "a"))

    assert split(project, person, body).status_code == 201

    stayed, moved = project.person("b"), project.person("a")
    assert stayed is not None
    assert moved is not None
    assert (stayed["uuid"], stayed["properties"]) == (person["uuid"], person["properties"])
    assert (moved["uuid"], moved["properties"]) == (str(split_uuid(project.id, "a")), {})
    assert owners_of_events(project)["a"] == moved["uuid"]
    assert all(one.is_equal for one in compare(project.id))


def test_an_id_can_be_merged_and_split_again_and_again(project: ProjectClient) -> None:
    person = make_listed(project, "a", "b")
    for _ in range(3):
        assert split(project, person, {"distinct_ids_to_split": ["b"]}).status_code == 201
        project.capture(event("$merge_dangerously", "a", properties={"alias": "b"}))
    assert split(project, person, {"distinct_ids_to_split": ["b"]}).status_code == 201

    moved = project.person("b")
    assert moved is not None
    assert moved["uuid"] == str(person_uuid(project.id, "b"))
    assert owners_of_events(project)["a"] == person["uuid"]
    assert all(one.is_equal for one in compare(project.id))


def test_a_person_with_one_id_stays_as_it_is(project: ProjectClient) -> None:
    person = make_listed(project, "a")

    assert split(project, person).status_code == 201

    assert project.person("a") == person


def test_thousands_of_ids_move_at_once(project: ProjectClient) -> None:
    ids = [f"id-{number}" for number in range(3000)]
    person = make_listed(project, *ids)

    assert split(project, person, {"main_distinct_id": ids[5]}).status_code == 201

    page = project.get(project.persons_url, limit=4000).json()
    assert len(page["results"]) == len(ids)
    settle()
    assert all(one.is_equal for one in compare(project.id))


def test_the_log_tells_of_it(project: ProjectClient) -> None:
    person = make_listed(project, "a", "b")

    split(project, person, {"distinct_ids_to_split": ["b"]})
    split(project, person, {"distinct_ids_to_split": ["b"]})

    (entry,) = ActivityEntry.objects.for_project(project.id)
    assert (entry.scope, entry.activity, entry.detail["name"]) == ("Person", "split_person", person["uuid"])
    assert entry.detail["changes"] == [
        {
            "type": "Person",
            "action": "split",
            "field": None,
            "before": None,
            "after": {"distinct_ids": ["a", "b"], "distinct_ids_to_split": ["b"]},
        }
    ]


@pytest.mark.parametrize(
    ("body", "attr"),
    [
        ({"distinct_ids_to_split": "b"}, "distinct_ids_to_split"),
        ({"distinct_ids_to_split": [1]}, "distinct_ids_to_split"),
        ({"distinct_ids_to_split": []}, "distinct_ids_to_split"),
        ({"distinct_ids_to_split": ["b", "nobody"]}, "distinct_ids_to_split"),
        ({"distinct_ids_to_split": ["b", "a"]}, "distinct_ids_to_split"),
        ({"main_distinct_id": "a", "distinct_ids_to_split": ["b"]}, None),
        ({"main_distinct_id": 1}, "main_distinct_id"),
        ({"main_distinct_id": "nobody"}, "main_distinct_id"),
        ({"main_distinct_id": "\0"}, "main_distinct_id"),
        (["a"], None),
    ],
)
def test_bad_input_is_refused_and_nothing_moves(project: ProjectClient, body: Any, attr: str | None) -> None:
    person = make_listed(project, "a", "b")

    response = split(project, person, body)

    assert response.status_code == 400
    assert (response.json()["type"], response.json()["attr"]) == ("validation_error", attr)
    assert project.person("b") == person
    assert not ActivityEntry.objects.for_project(project.id).exists()


@pytest.mark.parametrize(("key", "status"), NOBODY)
def test_who_does_not_exist_cannot_be_split(project: ProjectClient, key: str, status: int) -> None:
    assert project.post(f"{project.persons_url}{key}/split/", {}).status_code == status


def test_nobody_elses_person_can_be_split(project: ProjectClient, other_project: ProjectClient) -> None:
    person = make_listed(other_project, "a", "b")

    assert split(project, person, {}).status_code == 404
    reader = project.new_key("person:read")
    assert project.post(f"{project.persons_url}{person['uuid']}/split/", {}, key=reader).status_code == 403
    assert other_project.person("b") == person
