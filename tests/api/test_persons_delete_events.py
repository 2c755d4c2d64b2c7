"""``POST …/persons/{id}/delete_events/``"""

import pytest

from tests.clients import ProjectClient, event, settle
from tests.erasure import completed, deletions, events_left
from tests.persons import NOBODY, activities, full_person, make_person, refusal, stores_agree


@pytest.mark.parametrize("named_by", ["uuid", "id"])
def test_the_events_go_and_the_person_stays_as_it_is(project: ProjectClient, named_by: str) -> None:
    person = make_person(project, "a", "b", plan="team")
    make_person(project, "c")
    settle()
    project.capture(event("x", "a", timestamp="2020-01-01T00:00:00Z"), event("y", "b"), event("y", "c"))

    response = project.post(f"{project.persons_url}{person[named_by]}/delete_events/")

    assert (response.status_code, response.json()) == (202, {"success": True})
    completed(project, person["uuid"])
    settle()
    assert events_left(project) == {"a": 1, "y": 1}
    assert full_person(project, "a")["properties"] == person["properties"]
    assert activities(project) == []
    assert stores_agree(project)


def test_events_from_the_future_go_too(project: ProjectClient) -> None:
    person = make_person(project, "a")
    project.capture(event("ahead", "a", timestamp="2026-11-22T20:00:00Z"), historical_migration=True)

    project.post(f"{project.persons_url}{person['uuid']}/delete_events/")

    completed(project, person["uuid"])
    settle()
    assert events_left(project) == {}


def test_events_of_an_id_that_was_split_off_stay(project: ProjectClient) -> None:
    person = make_person(project, "a", "b")
    project.capture(event("x", "b"))
    project.post(f"{project.persons_url}{person['uuid']}/split/", {"distinct_ids_to_split": ["b"]})

    project.post(f"{project.persons_url}{person['uuid']}/delete_events/")

    completed(project, person["uuid"])
    settle()
    assert events_left(project) == {"x": 1}


def test_a_repetition_is_one_more_request_once_the_first_is_completed(project: ProjectClient) -> None:
    person = make_person(project, "a")
    url = f"{project.persons_url}{person['uuid']}/delete_events/"

    for _ in range(2):
        assert project.post(url).status_code == 202
        completed(project, person["uuid"])

    assert [row["status"] for row in deletions(project)] == ["completed", "completed"]


@pytest.mark.parametrize(("person_id", "status"), NOBODY)
def test_who_does_not_exist_has_no_events(project: ProjectClient, person_id: str, status: int) -> None:
    assert project.post(f"{project.persons_url}{person_id}/delete_events/").status_code == status


def test_nobody_elses_events_can_be_deleted(project: ProjectClient, other_project: ProjectClient) -> None:
    person = make_person(other_project, "a")

    response = project.post(f"{project.persons_url}{person['uuid']}/delete_events/")

    assert refusal(response) == (404, "invalid_request", "not_found", None)
    assert deletions(other_project) == []


def test_a_key_that_may_only_read_is_refused(project: ProjectClient) -> None:
    person = make_person(project, "a")
    url = f"{project.persons_url}{person['uuid']}/delete_events/"

    response = project.post(url, key=project.new_key("person:read"))

    assert refusal(response) == (403, "authentication_error", "permission_denied", None)
