"""``POST …/persons/{id}/update_property/``"""

from typing import Any

import httpx
import pytest

from tests.clients import ProjectClient, bearer
from tests.persons import (
    NOBODY,
    activities,
    change,
    events_of,
    full_person,
    make_person,
    own_properties,
    refusal,
    replica_of,
    send,
    stores_agree,
)


def update(
    project: ProjectClient, person: dict[str, Any], body: object, query: dict[str, Any] | None = None
) -> httpx.Response:
    path = f"{project.persons_url}{person['uuid']}/update_property/"
    return project.http.post(path, json=body, params=query, headers=bearer(project.key))


def test_the_property_is_set_and_the_others_stay(project: ProjectClient) -> None:
    person = make_person(project, "a", plan="free", email="ines@example.org")

    response = update(project, person, {"key": "plan", "value": "team"})

    assert (response.status_code, response.json()) == (
        202,
        {**person, "properties": {**person["properties"], "plan": "team"}},
    )
    assert full_person(project, "a") == response.json()
    assert replica_of(project, person["uuid"]) == {"plan": "team", "email": "ines@example.org"}
    assert events_of(project, "$set") == [("a", person["uuid"], {"$set": '{"plan":"team"}'})]
    assert activities(project) == [("updated", str(person["id"]), None, [change("properties")])]
    assert stores_agree(project)


@pytest.mark.parametrize("value", [None, "", 0, 1.5, False, [], {}, {"a": {"b": [1, None]}}, "é😀"])
def test_any_json_is_a_value(project: ProjectClient, value: Any) -> None:
    person = make_person(project, "a", k="before")

    assert own_properties(update(project, person, {"key": "k", "value": value}).json()) == {"k": value}

    assert own_properties(full_person(project, "a")) == {"k": value}


@pytest.mark.parametrize("key", ["a.b", "$os", "é😀", "a`b\\", "%", " "])
def test_any_text_is_a_key(project: ProjectClient, key: str) -> None:
    person = make_person(project, "a")

    update(project, person, {"key": key, "value": 1})

    assert own_properties(full_person(project, "a")) == {key: 1}
    assert stores_agree(project)


def test_key_and_value_may_come_in_the_query_string(project: ProjectClient) -> None:
    person = make_person(project, "a")

    response = update(project, person, {}, {"key": "plan", "value": "5"})

    assert (response.status_code, own_properties(response.json())) == (202, {"plan": "5"})


def test_each_field_of_the_body_wins_over_the_query_string(project: ProjectClient) -> None:
    person = make_person(project, "a")

    response = update(project, person, {"value": None}, {"key": "plan", "value": "query"})

    assert own_properties(response.json()) == {"plan": None}


def test_a_null_character_of_the_query_string_is_replaced(project: ProjectClient) -> None:
    person = make_person(project, "a")

    response = update(project, person, {}, {"key": "k\0", "value": "v\0"})

    assert own_properties(response.json()) == {"k\ufffd": "v\ufffd"}


def test_the_name_of_the_person_follows(project: ProjectClient) -> None:
    person = make_person(project, "a")

    assert (
        update(project, person, {"key": "email", "value": "new@example.org"}).json()["name"]
        == "new@example.org"
    )

    results = project.get(project.persons_url, email="new@example.org").json()["results"]
    assert [row["uuid"] for row in results] == [person["uuid"]]


@pytest.mark.parametrize(
    ("body", "code", "attr"),
    [
        ({}, "required", "value"),
        ({"key": "plan"}, "required", "value"),
        ({"value": 1}, "required", "key"),
        ({"key": None, "value": 1}, "required", "key"),
        ({"key": "", "value": 1}, "required", "key"),
        ({"key": 5, "value": 1}, "required", "key"),
        ({"key": ["plan"], "value": 1}, "required", "key"),
        ({"key": "plan", "value": "x" * 640 * 1024}, "invalid_input", "value"),
        ("plan", "invalid_input", None),
    ],
)
def test_bad_input_is_refused(project: ProjectClient, body: Any, code: str, attr: str | None) -> None:
    person = make_person(project, "a")

    assert refusal(update(project, person, body)) == (400, "validation_error", code, attr)
    assert full_person(project, "a") == person
    assert activities(project) == []


@pytest.mark.parametrize(("person_id", "status"), NOBODY)
def test_who_does_not_exist_cannot_be_changed(project: ProjectClient, person_id: str, status: int) -> None:
    response = update(project, {"uuid": person_id}, {"key": "k", "value": 1})

    assert response.status_code == status


def test_a_deleted_person_cannot_be_changed(project: ProjectClient) -> None:
    person = make_person(project, "a")
    project.delete(f"{project.persons_url}{person['uuid']}/")

    assert update(project, person, {"key": "k", "value": 1}).status_code == 404
    assert stores_agree(project)


def test_nobody_elses_person_can_be_changed(project: ProjectClient, other_project: ProjectClient) -> None:
    person = make_person(other_project, "a", plan="free")

    assert update(project, person, {"key": "plan", "value": 1}).status_code == 404
    assert full_person(other_project, "a") == person


def test_a_key_that_may_only_read_is_refused(project: ProjectClient) -> None:
    person = make_person(project, "a")
    reader = project.new_key("person:read")

    path = f"{project.persons_url}{person['uuid']}/update_property/"
    assert project.post(path, {"key": "k", "value": 1}, key=reader).status_code == 403


def test_a_put_is_not_allowed(project: ProjectClient) -> None:
    person = make_person(project, "a")

    response = send(project, "PUT", f"{project.persons_url}{person['uuid']}/update_property/", {})

    assert refusal(response) == (405, "invalid_request", "method_not_allowed", None)
