"""``POST …/persons/batch_by_uuids/``"""

from typing import Any
from uuid import uuid4

import pytest

from tests.clients import ProjectClient
from tests.persons import make_person, refusal, send


def batch(project: ProjectClient, uuids: Any, **options: Any) -> Any:
    return send(project, "POST", f"{project.persons_url}batch_by_uuids/", {"uuids": uuids}, **options).json()


def test_persons_come_by_their_uuids(project: ProjectClient) -> None:
    persons = [make_person(project, name) for name in ("a", "b")]

    answer = batch(project, [persons[1]["uuid"], str(uuid4()), persons[0]["uuid"]])

    assert answer == {"results": {person["uuid"]: person for person in persons}}


def test_keys_are_in_the_common_spelling(project: ProjectClient) -> None:
    person = make_person(project, "a")

    for spelling in (person["uuid"].upper(), f"{{{person['uuid']}}}", person["uuid"].replace("-", "")):
        assert batch(project, [spelling]) == {"results": {person["uuid"]: person}}


def test_a_person_shows_ten_of_its_ids(project: ProjectClient) -> None:
    ids = [f"id{number}" for number in range(12)]
    person = make_person(project, *ids)

    assert batch(project, [person["uuid"]])["results"][person["uuid"]]["distinct_ids"] == ids[:10]


@pytest.mark.parametrize("bad", ["x", "", 5, None, ["a"], "123e4567-e89b-12d3-a456-42661417400"])
def test_one_member_that_is_no_uuid_refuses_the_call(project: ProjectClient, bad: Any) -> None:
    person = make_person(project, "a")

    path = f"{project.persons_url}batch_by_uuids/"
    response = project.post(path, {"uuids": [person["uuid"], bad]})

    assert refusal(response) == (400, "validation_error", "invalid_input", "uuids")


def test_only_the_first_200_entries_count(project: ProjectClient) -> None:
    person = make_person(project, "a")

    answer = batch(project, [person["uuid"]] * 200 + ["x"])

    assert answer == {"results": {person["uuid"]: person}, "truncated": True}


@pytest.mark.parametrize("value", [None, [], "x", {"a": 1}, 5])
def test_what_is_no_list_finds_nobody(project: ProjectClient, value: Any) -> None:
    assert batch(project, value) == {"results": {}}


def test_nobody_else_is_found(project: ProjectClient, other_project: ProjectClient) -> None:
    person = make_person(other_project, "a")

    assert batch(project, [person["uuid"]]) == {"results": {}}


def test_reading_is_enough(project: ProjectClient) -> None:
    person = make_person(project, "a")

    answer = batch(project, [person["uuid"]], key=project.new_key("person:read"))

    assert answer == {"results": {person["uuid"]: person}}
    assert batch(project, [], key=project.new_key("cohort:read"))["code"] == "permission_denied"
