"""``POST …/persons/batch_by_distinct_ids/``"""

from typing import Any

import pytest

from tests.clients import ProjectClient
from tests.persons import activities, full_person, make_person, refusal, send


def batch(project: ProjectClient, distinct_ids: Any, **options: Any) -> Any:
    path = f"{project.persons_url}batch_by_distinct_ids/"
    return send(project, "POST", path, {"distinct_ids": distinct_ids}, **options).json()


def test_persons_come_by_the_ids_asked_for(project: ProjectClient) -> None:
    both = make_person(project, "a", "b", plan="team")
    other = make_person(project, "c")

    assert batch(project, ["c", "b", "unknown", "a"]) == {"results": {"c": other, "b": both, "a": both}}


@pytest.mark.parametrize("odd", ["ünï-😀", "with space", "a/b%c+d\"e'", "x" * 200, "123", "\ufffd"])
def test_odd_ids_are_found(project: ProjectClient, odd: str) -> None:
    person = make_person(project, odd)

    assert batch(project, [odd]) == {"results": {odd: person}}


def test_a_person_shows_ten_of_its_ids_the_chosen_ones_first(project: ProjectClient) -> None:
    made_up = [f"0190aa11-22bb-7cc3-8dd4-ee55ff6677{number}" for number in range(10, 22)]
    make_person(project, *made_up, "ines")

    person = batch(project, ["ines"])["results"]["ines"]

    assert person["distinct_ids"] == ["ines", *made_up[:9]]
    assert person == {**full_person(project, "ines"), "distinct_ids": person["distinct_ids"]}


def test_only_the_first_200_entries_count(project: ProjectClient) -> None:
    make_person(project, "a")
    others = [f"x{number}" for number in range(199)]

    assert set(batch(project, [*others, "a"])["results"]) == {"a"}
    assert batch(project, [*others, "x", "a"]) == {"results": {}, "truncated": True}
    assert batch(project, [1] * 200 + ["a"]) == {"results": {}, "truncated": True}


@pytest.mark.parametrize("value", [None, [], "a", {"a": 1}, 5, [1, None, ["a"], {"a": "a"}]])
def test_what_is_no_list_of_ids_finds_nobody(project: ProjectClient, value: Any) -> None:
    make_person(project, "a")

    assert batch(project, value) == {"results": {}}


def test_an_absent_field_finds_nobody(project: ProjectClient) -> None:
    assert project.post(f"{project.persons_url}batch_by_distinct_ids/", {}).json() == {"results": {}}


def test_members_that_are_no_text_are_skipped(project: ProjectClient) -> None:
    person = make_person(project, "1")

    assert batch(project, [1, None, "1"]) == {"results": {"1": person}}


def test_the_ids_may_come_in_the_query_string(project: ProjectClient) -> None:
    persons = {name: make_person(project, name) for name in ("a", "b")}

    path = f"{project.persons_url}batch_by_distinct_ids/"
    assert send(project, "POST", path, {}, distinct_ids=["a", "b"]).json() == {"results": persons}


def test_a_body_that_is_no_object_is_refused(project: ProjectClient) -> None:
    response = project.post(f"{project.persons_url}batch_by_distinct_ids/", ["a"])

    assert refusal(response) == (400, "validation_error", "invalid_input", None)


def test_nobody_else_is_found(project: ProjectClient, other_project: ProjectClient) -> None:
    make_person(other_project, "a")
    mine = make_person(project, "b")

    assert batch(project, ["a", "b"]) == {"results": {"b": mine}}


def test_reading_is_enough_and_logs_nothing(project: ProjectClient) -> None:
    person = make_person(project, "a")

    assert batch(project, ["a"], key=project.new_key("person:read")) == {"results": {"a": person}}
    assert activities(project) == []


def test_a_key_of_another_kind_is_refused(project: ProjectClient) -> None:
    assert batch(project, ["a"], key=project.new_key("cohort:read"))["code"] == "permission_denied"
