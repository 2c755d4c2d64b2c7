"""``POST …/persons/{id}/delete_property/``"""

from typing import Any

import httpx
import pytest
from django.test import Client

from core.api.persons import delete_property as route
from core.exceptions import DatabaseUnavailable
from core.models import PersonDistinctId
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


def delete(project: ProjectClient, person: dict[str, Any], body: object, **params: Any) -> httpx.Response:
    return send(project, "POST", f"{project.persons_url}{person['uuid']}/delete_property/", body, **params)


def test_the_property_is_gone_and_the_others_stay(project: ProjectClient) -> None:
    person = make_person(project, "a", "b", plan="free", seats=3)

    response = delete(project, person, {"$unset": "plan"})

    assert (response.status_code, response.json()) == (201, {"success": True})
    assert own_properties(full_person(project, "a")) == {"seats": 3}
    assert replica_of(project, person["uuid"]) == {"seats": "3"}
    assert events_of(project, "$delete_person_property") == [("a", person["uuid"], {"$unset": '["plan"]'})]
    assert activities(project) == [
        ("delete_property", str(person["id"]), person["uuid"], [change(None)]),
    ]
    assert stores_agree(project)


def test_several_properties_go_at_once(project: ProjectClient) -> None:
    person = make_person(project, "a", k1=1, k2=2, k3=3)

    assert delete(project, person, {"$unset": ["k3", "k1", "unknown", "k1"]}).status_code == 201

    assert own_properties(full_person(project, "a")) == {"k2": 2}
    assert [properties for _, _, properties in events_of(project, "$delete_person_property")] == [
        {"$unset": '["k1","k3"]'}
    ]


@pytest.mark.parametrize("query", [{"$unset": "k1"}, {"$unset": ["k1", "k2"]}])
def test_the_names_may_come_in_the_query_string(project: ProjectClient, query: Any) -> None:
    person = make_person(project, "a", k1=1, k2=2, k3=3)

    assert delete(project, person, {}, **query).status_code == 201

    gone = {"k1", "k2"} if isinstance(query["$unset"], list) else {"k1"}
    assert set(own_properties(full_person(project, "a"))) == {"k1", "k2", "k3"} - gone


def test_a_second_call_changes_nothing_and_is_no_error(project: ProjectClient) -> None:
    person = make_person(project, "a", plan="free")

    assert [delete(project, person, {"$unset": "plan"}).status_code for _ in range(2)] == [201, 201]

    assert len(events_of(project, "$delete_person_property")) == 1
    assert [activity for activity, *_ in activities(project)] == ["delete_property"] * 2
    assert stores_agree(project)


def test_a_person_without_distinct_ids_can_be_changed(project: ProjectClient) -> None:
    person = make_person(project, "a", plan="free")
    PersonDistinctId.objects.for_project(project.id).delete()

    assert delete(project, person, {"$unset": "plan"}).status_code == 201

    assert replica_of(project, person["uuid"]) == {}
    assert events_of(project, "$delete_person_property") == []


@pytest.mark.parametrize(
    ("body", "code", "attr"),
    [
        ({}, "required", "$unset"),
        ({"$unset": None}, "required", "$unset"),
        ({"$unset": ""}, "required", "$unset"),
        ({"$unset": []}, "required", "$unset"),
        ({"$unset": 5}, "invalid_input", "$unset"),
        ({"$unset": {"plan": 1}}, "invalid_input", "$unset"),
        ({"$unset": ["plan", 5]}, "invalid_input", "$unset"),
        (["plan"], "invalid_input", None),
    ],
)
def test_bad_input_is_refused(project: ProjectClient, body: Any, code: str, attr: str | None) -> None:
    person = make_person(project, "a", plan="free")

    assert refusal(delete(project, person, body)) == (400, "validation_error", code, attr)
    assert full_person(project, "a") == person
    assert activities(project) == []


@pytest.mark.parametrize(("person_id", "status"), NOBODY)
def test_who_does_not_exist_cannot_be_changed(project: ProjectClient, person_id: str, status: int) -> None:
    assert delete(project, {"uuid": person_id}, {"$unset": "plan"}).status_code == status


def test_nobody_elses_person_can_be_changed(project: ProjectClient, other_project: ProjectClient) -> None:
    person = make_person(other_project, "a", plan="free")

    assert delete(project, person, {"$unset": "plan"}).status_code == 404
    assert full_person(other_project, "a") == person


def test_a_key_that_may_only_read_is_refused(project: ProjectClient) -> None:
    person = make_person(project, "a", plan="free")

    response = delete(project, person, {"$unset": "plan"}, key=project.new_key("person:read"))

    assert refusal(response) == (403, "authentication_error", "permission_denied", None)


def test_a_failure_also_says_that_there_was_no_success(
    project: ProjectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: object) -> None:
        raise DatabaseUnavailable

    monkeypatch.setattr(route, "unset_properties", fail)

    response = Client().post(
        f"{project.persons_url}1/delete_property/",
        {"$unset": "plan"},
        content_type="application/json",
        headers=bearer(project.key),
    )

    assert (response.status_code, response.json()) == (
        503,
        {
            "success": False,
            "type": "server_error",
            "code": "database_unavailable",
            "detail": "PostgreSQL does not answer. Nothing was stored; try again.",
            "attr": None,
        },
    )
