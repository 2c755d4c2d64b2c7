"""``POST …/persons/{id}/delete_recordings/``"""

import pytest

from tests.clients import ProjectClient
from tests.erasure import deletions
from tests.persons import NOBODY, activities, full_person, make_person, refusal


@pytest.mark.parametrize("named_by", ["uuid", "id"])
def test_it_is_accepted_and_nothing_else_changes(project: ProjectClient, named_by: str) -> None:
    person = make_person(project, "a")

    response = project.post(f"{project.persons_url}{person[named_by]}/delete_recordings/")

    assert (response.status_code, response.json()) == (202, {"success": True})
    assert full_person(project, "a") == person
    assert (deletions(project), activities(project)) == ([], [])


@pytest.mark.parametrize(("person_id", "status"), NOBODY)
def test_who_does_not_exist_has_no_recordings(project: ProjectClient, person_id: str, status: int) -> None:
    assert project.post(f"{project.persons_url}{person_id}/delete_recordings/").status_code == status


def test_nobody_elses_person_is_found(project: ProjectClient, other_project: ProjectClient) -> None:
    person = make_person(other_project, "a")

    assert project.post(f"{project.persons_url}{person['uuid']}/delete_recordings/").status_code == 404


def test_a_key_that_may_only_read_is_refused(project: ProjectClient) -> None:
    person = make_person(project, "a")
    url = f"{project.persons_url}{person['uuid']}/delete_recordings/"

    response = project.post(url, key=project.new_key("person:read"))

    assert refusal(response) == (403, "authentication_error", "permission_denied", None)
