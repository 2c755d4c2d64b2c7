"""``DELETE …/persons/{id}/``"""

import pytest

from core.models import IdentityChange
from tests.clients import ProjectClient, bearer, event, settle
from tests.erasure import all_done, completed, deletions, events_left, ids_left, person_rows
from tests.persons import (
    NOBODY,
    activities,
    change,
    events_of,
    full_person,
    listed,
    make_person,
    refusal,
    stores_agree,
)


@pytest.mark.parametrize("named_by", ["uuid", "id"])
def test_the_person_is_gone_at_once_and_its_events_stay(project: ProjectClient, named_by: str) -> None:
    person, other = make_person(project, "a", "b"), make_person(project, "c")

    response = project.delete(f"{project.persons_url}{person[named_by]}/")

    assert (response.status_code, response.json()) == (202, {"success": True})
    assert project.get(f"{project.persons_url}{person['uuid']}/").status_code == 404
    assert [row["uuid"] for row in project.get(project.persons_url).json()["results"]] == [other["uuid"]]
    assert [project.person(one) for one in ("a", "b")] == [None, None]
    assert [owner for _, owner, _ in events_of(project, "a")] == [person["uuid"], other["uuid"]]
    assert activities(project) == [("deleted", str(person["id"]), person["uuid"], None)]
    assert stores_agree(project)


def test_a_second_call_finds_nobody(project: ProjectClient) -> None:
    person = make_person(project, "a")
    url = f"{project.persons_url}{person['uuid']}/"

    assert [project.delete(url).status_code for _ in range(2)] == [202, 404]
    assert len(activities(project)) == 1


def test_a_distinct_id_that_comes_back_is_seen_everywhere(project: ProjectClient) -> None:
    person = make_person(project, "a", "b", plan="old")
    project.delete(f"{project.persons_url}{person['uuid']}/")

    project.capture(event("a", "a"), event("$identify", "a", properties={"$anon_distinct_id": "b"}))

    again = project.person("b")
    assert again is not None
    assert (again["uuid"], again["distinct_ids"]) == (person["uuid"], ["a", "b"])
    assert "plan" not in again["properties"]
    assert stores_agree(project)


@pytest.mark.parametrize(("person_id", "status"), NOBODY)
def test_who_does_not_exist_cannot_be_deleted(project: ProjectClient, person_id: str, status: int) -> None:
    assert project.delete(f"{project.persons_url}{person_id}/").status_code == status


def test_nobody_elses_person_can_be_deleted(project: ProjectClient, other_project: ProjectClient) -> None:
    person = make_person(other_project, "a")

    for person_id in (person["uuid"], person["id"]):
        assert project.delete(f"{project.persons_url}{person_id}/").status_code == 404
    assert other_project.person("a") is not None


def test_a_key_that_may_only_read_is_refused(project: ProjectClient) -> None:
    person = make_person(project, "a")

    response = project.delete(f"{project.persons_url}{person['uuid']}/", key=project.new_key("person:read"))

    assert refusal(response) == (403, "authentication_error", "permission_denied", None)
    assert project.person("a") is not None


def test_with_delete_events_all_of_them_go_and_the_receipt_says_so(project: ProjectClient) -> None:
    person = make_person(project, "a", "b", plan="secret")
    make_person(project, "c")
    settle()
    project.capture(event("late", "a"), event("late", "b"), event("late", "c"))

    response = project.delete(f"{project.persons_url}{person['uuid']}/", delete_events="true")

    assert (response.status_code, response.json()) == (202, {"success": True})
    receipt = completed(project, person["uuid"])
    assert receipt["person_deleted"]
    assert set(receipt["counts_after"].values()) == {0}
    assert events_left(project) == {"a": 1, "late": 1}
    assert ids_left(project) == {
        "events": {"c"},
        "person_distinct_id": {"c"},
        "person_distinct_id_overrides": set(),
    }
    assert person_rows(project, person["uuid"]) == [(True, {})]
    assert stores_agree(project)


def test_without_delete_events_nobody_is_told_of_a_request(project: ProjectClient) -> None:
    person = make_person(project, "a", "b", plan="secret")
    settle()

    project.delete(f"{project.persons_url}{person['uuid']}/")

    all_done(project)
    assert deletions(project) == []
    assert events_left(project) == {"$identify": 1, "a": 1}
    assert ids_left(project)["person_distinct_id"] == set()
    assert person_rows(project, person["uuid"]) == [(True, {})]
    assert stores_agree(project)


def test_with_keep_person_only_the_events_go(project: ProjectClient) -> None:
    person = make_person(project, "a", plan="team")

    response = project.delete(
        f"{project.persons_url}{person['uuid']}/", delete_events="true", keep_person="true"
    )

    assert response.status_code == 202
    assert not completed(project, person["uuid"])["person_deleted"]
    assert events_left(project) == {}
    assert full_person(project, "a") == person
    assert stores_agree(project)


def test_events_that_come_after_the_request_stay(project: ProjectClient) -> None:
    person = make_person(project, "a")

    project.delete(f"{project.persons_url}{person['uuid']}/", delete_events="true")
    project.capture(event("again", "a", timestamp="2020-01-01T00:00:00Z"))

    completed(project, person["uuid"])
    settle()
    assert events_left(project) == {"again": 1}
    again = project.person("a")
    assert again is not None
    assert again["uuid"] == person["uuid"]
    assert stores_agree(project)


def test_who_was_merged_in_goes_as_well(project: ProjectClient) -> None:
    loser = make_person(project, "visitor", email="v@example.org")
    survivor = make_person(project, "user")
    project.capture(event("$identify", "user", properties={"$anon_distinct_id": "visitor"}))
    settle()

    project.delete(f"{project.persons_url}{survivor['uuid']}/", delete_events="true")

    completed(project, survivor["uuid"])
    assert person_rows(project, loser["uuid"]) == [(True, {})]
    assert ids_left(project) == {
        "events": set(),
        "person_distinct_id": set(),
        "person_distinct_id_overrides": set(),
    }
    assert not IdentityChange.objects.for_project(project.id).exists()


def test_what_others_remember_of_the_person_goes(project: ProjectClient) -> None:
    person = make_person(project, "a", "b")
    named = project.http.post(
        f"{project.persons_url}{person['uuid']}/split/",
        json={"distinct_ids_to_split": ["b"]},
        headers={**bearer(project.key), "Idempotency-Key": "split"},
    )
    moved = listed(project, "b")
    url = f"{project.persons_url}{moved['uuid']}/update_property/"
    headers = {**bearer(project.key), "Idempotency-Key": "update"}
    told = project.http.post(url, json={"key": "plan", "value": "secret"}, headers=headers)

    project.delete(f"{project.persons_url}{moved['uuid']}/")

    all_done(project)
    assert (named.status_code, told.status_code) == (201, 202)
    again = project.http.post(url, json={"key": "plan", "value": "secret"}, headers=headers)
    assert refusal(again) == (410, "invalid_request", "answer_erased", None)
    split = next(changes for name, _, _, changes in activities(project) if name == "split_person")
    assert split[0]["after"] == {"distinct_ids": ["a"], "distinct_ids_to_split": []}
    undone = project.post(f"{project.persons_url}{person['uuid']}/undo/")
    assert undone.status_code == 409


def test_values_in_the_persons_own_activity_go(project: ProjectClient) -> None:
    person = make_person(project, "a", "b")
    project.post(f"{project.persons_url}{person['uuid']}/split/", {"distinct_ids_to_split": ["b"]})

    project.delete(f"{project.persons_url}{person['uuid']}/")

    assert activities(project) == [
        ("deleted", str(person["id"]), person["uuid"], None),
        ("split_person", str(person["id"]), person["uuid"], [change(None) | {"action": "split"}]),
    ]


@pytest.mark.parametrize("value", ["false", "0", "no"])
def test_a_flag_that_says_no_is_none(project: ProjectClient, value: str) -> None:
    person = make_person(project, "a")

    response = project.delete(
        f"{project.persons_url}{person['uuid']}/", delete_events=value, delete_recordings="true"
    )

    assert response.status_code == 202


def test_a_flag_that_cannot_be_read_is_refused(project: ProjectClient) -> None:
    person = make_person(project, "a")

    response = project.delete(f"{project.persons_url}{person['uuid']}/", delete_recordings="perhaps")

    assert refusal(response) == (400, "validation_error", "invalid_input", "delete_recordings")
