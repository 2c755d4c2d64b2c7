"""``GET …/persons/cohorts/``"""

from typing import Any

import pytest

from core.models import Cohort, CohortMember
from tests.clients import ProjectClient, event
from tests.persons import make_person, refusal, send


def make_cohort(project: ProjectClient, name: str | None, *members: dict[str, Any], **fields: Any) -> Cohort:
    """A static cohort."""
    cohorts = Cohort.objects.for_project(project.id)
    cohort = cohorts.create(project_id=project.id, name=name, is_static=True, count=len(members), **fields)
    for member in members:
        CohortMember.objects.for_project(project.id).create(
            project_id=project.id, cohort=cohort, person_id=member["id"]
        )
    return cohort


def cohorts(project: ProjectClient, person_id: object) -> Any:
    return project.get(f"{project.persons_url}cohorts/", person_id=person_id).json()


def test_a_person_is_in_these_cohorts(project: ProjectClient) -> None:
    person, another = make_person(project, "a"), make_person(project, "b")
    paying = make_cohort(project, "Paying", person, another)
    nameless = make_cohort(project, None, person)
    make_cohort(project, "Others", another)
    make_cohort(project, "Deleted", person, deleted=True)

    expected = {
        "results": [
            {"id": paying.pk, "name": "Paying", "count": 2},
            {"id": nameless.pk, "name": None, "count": 1},
        ]
    }
    assert cohorts(project, person["uuid"]) == expected
    assert cohorts(project, person["id"]) == expected


def test_a_merge_takes_the_cohorts_along(project: ProjectClient) -> None:
    person, another = make_person(project, "a"), make_person(project, "b")
    cohort = make_cohort(project, "Paying", person, another)

    project.capture(event("$merge_dangerously", "a", properties={"alias": "b"}))

    assert cohorts(project, person["uuid"]) == {"results": [{"id": cohort.pk, "name": "Paying", "count": 1}]}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, (400, "validation_error", "required", "person_id")),
        ({"person_id": ""}, (400, "validation_error", "required", "person_id")),
        ({"person_id": "x"}, (400, "validation_error", "invalid_input", "person_id")),
        ({"person_id": "1.5"}, (400, "validation_error", "invalid_input", "person_id")),
        ({"person_id": "\0"}, (400, "validation_error", "invalid_input", "person_id")),
        ({"person_id": "999999999999"}, (404, "invalid_request", "not_found", None)),
        ({"person_id": "9" * 30}, (404, "invalid_request", "not_found", None)),
        ({"person_id": "8c5c2b1e-52f5-4b0f-9a51-d1a5e8a1c5a2"}, (404, "invalid_request", "not_found", None)),
    ],
)
def test_bad_input_is_refused(
    project: ProjectClient, query: dict[str, str], expected: tuple[int, str, str, str | None]
) -> None:
    assert refusal(project.get(f"{project.persons_url}cohorts/", **query)) == expected


def test_nobody_elses_cohorts_are_shown(project: ProjectClient, other_project: ProjectClient) -> None:
    person = make_person(other_project, "a")
    make_cohort(other_project, "Theirs", person)

    assert refusal(project.get(f"{project.persons_url}cohorts/", person_id=person["uuid"]))[0] == 404
    assert refusal(project.get(f"{project.persons_url}cohorts/", person_id=person["id"]))[0] == 404


@pytest.mark.parametrize(
    ("scopes", "missing"), [(["person:read"], "cohort:read"), (["cohort:read"], "person:read")]
)
def test_both_scopes_are_needed(project: ProjectClient, scopes: list[str], missing: str) -> None:
    person = make_person(project, "a")
    path = f"{project.persons_url}cohorts/"

    response = send(project, "GET", path, key=project.new_key(*scopes), person_id=person["uuid"])

    assert response.status_code == 403
    assert missing in response.json()["detail"]
    both = project.new_key("person:read", "cohort:read")
    assert send(project, "GET", path, key=both, person_id=person["uuid"]).status_code == 200
