"""``POST …/persons/reset_person_distinct_id/``"""

from typing import Any

import httpx
import pytest

from core.clickhouse import client
from tests.clients import ProjectClient, event, settle
from tests.persons import activities, full_person, make_person, refusal, replica_of, send, stores_agree


def reset(project: ProjectClient, body: object, **options: Any) -> httpx.Response:
    return send(project, "POST", f"{project.persons_url}reset_person_distinct_id/", body, **options)


def forget(project: ProjectClient, table: str, condition: str) -> None:
    """Make ClickHouse lose rows, as if an insert had failed for good."""
    client.administer(
        f"DELETE FROM {table} WHERE project_id = {{project_id:Int64}} AND {condition}",
        parameters={"project_id": project.id},
    )


def test_what_clickhouse_has_lost_is_there_again(project: ProjectClient) -> None:
    person = make_person(project, "a", "b", plan="team")
    other = make_person(project, "c", plan="free")
    settle()
    forget(project, "person", f"id = '{person['uuid']}'")
    forget(project, "person_distinct_id_overrides", "distinct_id = 'b'")
    assert not stores_agree(project)

    response = reset(project, {"distinct_id": "b"})

    assert (response.status_code, response.json()) == (202, {"success": True})
    assert replica_of(project, person["uuid"]) == {"plan": "team"}
    assert stores_agree(project)
    assert [full_person(project, one) for one in ("a", "c")] == [person, other]
    assert activities(project) == []


def test_where_nothing_is_wrong_nothing_changes(project: ProjectClient) -> None:
    person = make_person(project, "a", "b")

    assert [reset(project, {"distinct_id": one}).status_code for one in ("a", "a", "b", "b")] == [202] * 4

    assert full_person(project, "a") == person
    assert stores_agree(project)


def test_an_id_that_was_deleted_and_used_again_is_fine(project: ProjectClient) -> None:
    person = make_person(project, "a", "b", plan="old")
    project.delete(f"{project.persons_url}{person['uuid']}/")
    again = make_person(project, "b", plan="new")

    assert reset(project, {"distinct_id": "b"}).status_code == 202

    assert replica_of(project, again["uuid"]) == {"plan": "new"}
    assert project.person("a") is None
    assert stores_agree(project)


def test_a_change_between_is_not_undone(project: ProjectClient) -> None:
    person = make_person(project, "a", plan="old")

    reset(project, {"distinct_id": "a"})
    project.capture(event("$set", "a", properties={"$set": {"plan": "new"}}))
    reset(project, {"distinct_id": "a"})

    assert replica_of(project, person["uuid"]) == {"plan": "new"}


@pytest.mark.parametrize("distinct_id", ["nobody", "x" * 5000, "ünï-😀", "\0"])
def test_an_id_that_nobody_has_is_no_error(project: ProjectClient, distinct_id: str) -> None:
    response = reset(project, {"distinct_id": distinct_id})

    assert (response.status_code, response.json()) == (202, {"success": True})


def test_the_id_may_come_in_the_query_string(project: ProjectClient) -> None:
    make_person(project, "a")

    assert reset(project, {}, distinct_id="a").status_code == 202


@pytest.mark.parametrize(
    ("body", "attr"),
    [
        ({}, "distinct_id"),
        ({"distinct_id": None}, "distinct_id"),
        ({"distinct_id": ""}, "distinct_id"),
        ({"distinct_id": 5}, "distinct_id"),
        ({"distinct_id": ["a"]}, "distinct_id"),
        (["a"], None),
    ],
)
def test_bad_input_is_refused(project: ProjectClient, body: object, attr: str | None) -> None:
    assert refusal(reset(project, body)) == (400, "validation_error", "invalid_input", attr)


def test_nobody_elses_id_is_touched(project: ProjectClient, other_project: ProjectClient) -> None:
    person = make_person(other_project, "a")
    settle()
    forget(other_project, "person", f"id = '{person['uuid']}'")

    assert reset(project, {"distinct_id": "a"}).status_code == 202

    assert not stores_agree(other_project)


def test_a_key_that_may_only_read_is_refused(project: ProjectClient) -> None:
    response = reset(project, {"distinct_id": "a"}, key=project.new_key("person:read"))

    assert refusal(response) == (403, "authentication_error", "permission_denied", None)
