"""``/api/person/…``: the routes of persons in the project that the caller is in."""

import pytest

from core.models import User
from tests.clients import ProjectClient
from tests.persons import make_person, refusal, send


@pytest.fixture
def key(project: ProjectClient) -> str:
    """A key that is limited to one project."""
    return project.new_key("*", projects=[project.id])


def test_every_route_answers_as_under_the_project(project: ProjectClient, key: str) -> None:
    person = make_person(project, "a", plan="free")
    one = person["uuid"]

    for method, path, body in [
        ("GET", "", None),
        ("GET", "activity/", None),
        ("POST", "batch_by_distinct_ids/", {"distinct_ids": ["a"]}),
        ("POST", "batch_by_uuids/", {"uuids": [one]}),
        ("GET", f"cohorts/?person_id={one}", None),
        ("GET", "properties/", None),
        ("POST", "reset_person_distinct_id/", {"distinct_id": "a"}),
        ("GET", "values/?key=plan", None),
        ("GET", f"{one}/", None),
        ("PATCH", f"{one}/", {"properties": {"plan": "team"}}),
        ("POST", f"{one}/update_property/", {"key": "plan", "value": "team"}),
        ("POST", f"{one}/delete_property/", {"$unset": "unknown"}),
        ("POST", f"{one}/split/", {}),
    ]:
        old = send(project, method, f"/api/person/{path}", body, key=key)
        new = send(project, method, f"{project.persons_url}{path}", body, key=key)
        assert (old.status_code, old.json()) == (new.status_code, new.json()), path
        assert old.status_code < 300, path
    assert send(project, "GET", f"/api/person/{one}/activity", key=key).json()["total_count"] == 6
    assert send(project, "DELETE", f"/api/person/{one}", key=key).status_code == 202


def test_links_keep_the_spelling_of_the_path(project: ProjectClient, key: str) -> None:
    make_person(project, "a")
    make_person(project, "b")

    link = send(project, "GET", "/api/person/", key=key, limit=1).json()["next"]

    assert link == f"{project.http.base_url}/api/person/?limit=1&offset=1"


def test_a_key_for_all_projects_means_the_current_one(project: ProjectClient) -> None:
    person = make_person(project, "a")
    User.objects.filter(email=project.owner).update(current_project=project.id)

    response = project.get("/api/person/")

    assert [row["uuid"] for row in response.json()["results"]] == [person["uuid"]]


def test_without_a_current_project_there_is_nothing(project: ProjectClient) -> None:
    assert refusal(project.get("/api/person/")) == (
        401,
        "authentication_error",
        "authentication_failed",
        None,
    )
