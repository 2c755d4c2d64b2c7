"""``PUT`` and ``PATCH …/persons/{id}/``"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from core.models import PersonDistinctId
from tests.clients import ProjectClient, event, new_project
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
from tests.stack import Stack


def url(project: ProjectClient, person: dict[str, Any]) -> str:
    return f"{project.persons_url}{person['uuid']}/"


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_named_properties_are_set_and_the_others_stay(project: ProjectClient, method: str) -> None:
    person = make_person(project, "a", "b", plan="free", seats=3)

    response = send(
        project, method, url(project, person), {"properties": {"plan": "team", "tags": ["x"], "note": None}}
    )

    assert response.status_code == 202
    expected = {"plan": "team", "seats": 3, "tags": ["x"], "note": None}
    assert own_properties(response.json()) == expected
    assert response.json() == {**person, "properties": {**person["properties"], **expected}}
    assert full_person(project, "a") == response.json()
    assert replica_of(project, person["uuid"]) == {
        "plan": "team",
        "seats": "3",
        "tags": '["x"]',
        "note": "null",
    }
    assert stores_agree(project)


def test_the_pk_names_the_person_too(project: ProjectClient) -> None:
    person = make_person(project, "a")

    response = send(project, "PATCH", f"{project.persons_url}{person['id']}/", {"properties": {"k": 1}})

    assert own_properties(response.json()) == {"k": 1}


def test_a_whole_person_can_be_sent_back(project: ProjectClient) -> None:
    person = make_person(project, "a", plan="free")

    response = send(project, "PUT", url(project, person), person | {"name": "no", "distinct_ids": []})

    assert (response.status_code, response.json()) == (202, person)


def test_properties_may_come_in_the_query_string(project: ProjectClient) -> None:
    person = make_person(project, "a", plan="free")

    response = send(project, "PATCH", url(project, person), {}, properties='{"plan": "team", "n": 1.5}')

    assert own_properties(response.json()) == {"plan": "team", "n": 1.5}


def test_the_body_wins_over_the_query_string(project: ProjectClient) -> None:
    person = make_person(project, "a")

    response = send(
        project,
        "PATCH",
        url(project, person),
        {"properties": {"plan": "body"}},
        properties='{"plan": "query"}',
    )

    assert own_properties(response.json()) == {"plan": "body"}


def test_an_event_of_the_oldest_distinct_id_tells_of_it(project: ProjectClient) -> None:
    person = make_person(project, "a", "b")

    send(project, "PATCH", url(project, person), {"properties": {"plan": "team", "n": 1}})
    send(project, "PATCH", url(project, person), {"properties": {"plan": "scale"}})

    assert events_of(project, "$set") == [
        ("a", person["uuid"], {"$set": '{"plan":"team","n":1}'}),
        ("a", person["uuid"], {"$set": '{"plan":"scale"}'}),
    ]


def test_the_log_tells_of_each_call_and_never_of_values(project: ProjectClient) -> None:
    person = make_person(project, "a")

    for _ in range(2):
        send(project, "PATCH", url(project, person), {"properties": {"plan": "secret"}})

    assert activities(project) == [("updated", str(person["id"]), None, [change("properties")])] * 2


@pytest.mark.parametrize("value", ["team", 1, 1.0, True, None, {"b": 1, "aa": [None]}])
def test_values_that_are_there_already_change_nothing(project: ProjectClient, value: Any) -> None:
    person = make_person(project, "a", plan=value)

    assert send(project, "PATCH", url(project, person), {"properties": {"plan": value}}).json() == person

    assert events_of(project, "$set") == []
    assert stores_agree(project)


@pytest.mark.parametrize(("before", "after"), [(1, True), (1, "1"), (0, False), (1, None)])
def test_values_of_another_type_are_other_values(project: ProjectClient, before: Any, after: Any) -> None:
    person = make_person(project, "a", k=before)

    answer = send(project, "PATCH", url(project, person), {"properties": {"k": after}}).json()

    assert [type(one["properties"]["k"]) for one in (answer, full_person(project, "a"))] == [type(after)] * 2


def test_concurrent_changes_of_one_person_are_all_there(project: ProjectClient) -> None:
    person = make_person(project, "a")
    names = {f"k{number}" for number in range(24)}

    def set_one(name: str) -> int:
        return send(project, "PATCH", url(project, person), {"properties": {name: name}}).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(set_one, names)) == {202}
        project.capture(event("$set", "a", properties={"$set": {"captured": 1}}))

    assert set(own_properties(full_person(project, "a"))) == names | {"captured"}
    assert len(events_of(project, "$set")) == len(names) + 1
    assert stores_agree(project)


def test_a_person_without_distinct_ids_can_be_changed(project: ProjectClient) -> None:
    person = make_person(project, "a")
    PersonDistinctId.objects.for_project(project.id).delete()

    response = send(project, "PATCH", url(project, person), {"properties": {"k": 1}})

    assert (response.status_code, response.json()["distinct_ids"]) == (202, [])
    assert replica_of(project, person["uuid"])["k"] == "1"
    assert events_of(project, "$set") == []


def test_a_null_character_becomes_a_replacement_character(project: ProjectClient) -> None:
    person = make_person(project, "a")

    response = send(project, "PATCH", url(project, person), {"properties": {"k\0": "v\0"}})

    assert own_properties(response.json()) == {"k\ufffd": "v\ufffd"}


def test_a_person_has_at_most_640_kib_of_properties(project: ProjectClient) -> None:
    person = make_person(project, "a", k="small")

    response = send(project, "PATCH", url(project, person), {"properties": {"k": "x" * 640 * 1024}})

    assert refusal(response) == (400, "validation_error", "invalid_input", "properties")
    assert full_person(project, "a") == person
    assert activities(project) == []


@pytest.mark.parametrize(
    ("body", "code", "attr"),
    [
        ({}, "required", "properties"),
        ({"plan": "team"}, "required", "properties"),
        ({"properties": None}, "required", "properties"),
        ({"properties": "plan"}, "invalid_input", "properties"),
        ({"properties": [1]}, "invalid_input", "properties"),
        (["properties"], "invalid_input", None),
    ],
)
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_bad_input_is_refused(
    project: ProjectClient, method: str, body: Any, code: str, attr: str | None
) -> None:
    person = make_person(project, "a")

    assert refusal(send(project, method, url(project, person), body)) == (400, "validation_error", code, attr)
    assert activities(project) == []


@pytest.mark.parametrize("text", ["plan", "[1]", "1e999", "{"])
def test_a_query_that_is_no_object_is_refused(project: ProjectClient, text: str) -> None:
    person = make_person(project, "a")

    response = send(project, "PATCH", url(project, person), {}, properties=text)

    assert refusal(response) == (400, "validation_error", "invalid_input", "properties")


@pytest.mark.parametrize(
    "content",
    [
        b'{"properties": {"k": 1e999}}',
        b'{"properties": {"k": NaN}}',
        b'{"properties": {"k": ' + b"[" * 300 + b"]" * 300 + b"}}",
        b'{"properties"',
    ],
)
def test_json_that_no_store_can_hold_is_refused(project: ProjectClient, content: bytes) -> None:
    person = make_person(project, "a")

    response = project.http.patch(
        url(project, person),
        content=content,
        headers={"Authorization": f"Bearer {project.key}", "Content-Type": "application/json"},
    )

    assert refusal(response) == (400, "invalid_request", "parse_error", None)


@pytest.mark.parametrize(("body", "kind"), [([], "list"), ("x", "str"), (1, "int")])
def test_a_body_that_is_no_object_is_refused(project: ProjectClient, body: object, kind: str) -> None:
    response = send(project, "PATCH", url(project, make_person(project, "a")), body)

    assert refusal(response) == (400, "validation_error", "invalid_input", None)
    assert response.json()["detail"] == f"Invalid data. Expected a dictionary, but got {kind}."


@pytest.mark.parametrize(("person_id", "status"), NOBODY)
def test_who_does_not_exist_cannot_be_changed(project: ProjectClient, person_id: str, status: int) -> None:
    response = send(project, "PATCH", f"{project.persons_url}{person_id}/", {"properties": {"k": 1}})

    assert response.status_code == status


def test_nobody_elses_person_can_be_changed(project: ProjectClient, other_project: ProjectClient) -> None:
    person = make_person(other_project, "a", plan="free")

    for person_id in (person["uuid"], person["id"]):
        answer = send(project, "PATCH", f"{project.persons_url}{person_id}/", {"properties": {"plan": "x"}})
        assert answer.status_code == 404
    assert send(project, "PATCH", url(other_project, person), {"properties": {"k": 1}}).status_code == 403
    assert full_person(other_project, "a") == person


def test_a_key_that_may_only_read_is_refused(project: ProjectClient) -> None:
    person = make_person(project, "a")
    reader = project.new_key("person:read")

    response = send(project, "PUT", url(project, person), {"properties": {"k": 1}}, key=reader)

    assert refusal(response) == (403, "authentication_error", "permission_denied", None)
    assert "person:write" in response.json()["detail"]


def test_the_old_spellings_of_the_path_mean_the_same(stack: Stack) -> None:
    with new_project(stack) as project:
        person = make_person(project, "a")
        key = project.new_key("person:write", projects=[project.id])

        for number, root in enumerate([f"/api/environments/{project.id}/persons", "/api/person"]):
            path = f"{root}/{person['uuid']}"
            assert send(project, "PATCH", path, {"properties": {"n": number}}, key=key).status_code == 202
            assert send(project, "GET", path, key=key).json()["properties"]["n"] == number
