"""``DELETE …/persons/{id}/``"""

import pytest

from tests.clients import ProjectClient, event
from tests.persons import NOBODY, activities, events_of, make_person, refusal, stores_agree


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


@pytest.mark.parametrize("name", ["delete_events", "keep_person"])
def test_what_is_not_supported_yet_is_refused_and_nobody_deleted(project: ProjectClient, name: str) -> None:
    person = make_person(project, "a")

    response = project.delete(f"{project.persons_url}{person['uuid']}/", **{name: "true"})

    assert refusal(response) == (400, "validation_error", "invalid_input", name)
    assert project.person("a") is not None


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
