"""``POST /api/projects/`` and ``POST /api/organizations/{id}/projects/``: new projects."""

from typing import Any

import httpx
import pytest

from core.models import ActivityEntry, Membership, Project, User
from tests.browser import logged_in
from tests.clients import ProjectClient, event
from tests.persons import refusal

FORBIDDEN = (403, "authentication_error", "permission_denied", None)


def create(project: ProjectClient, body: object, *, key: str | None = None) -> httpx.Response:
    return project.post("/api/projects/", body, key=key)


def test_a_project_is_made_and_takes_events(other_project: ProjectClient) -> None:
    wanted = {"name": "Shop", "timezone": "Europe/Berlin", "week_start_day": 1}

    made = create(other_project, wanted)

    assert made.status_code == 201
    shown = made.json()
    assert {name: shown[name] for name in wanted} == wanted
    assert shown["organization"] == str(other_project.project.organization_id)
    assert shown["effective_membership_level"] == 15
    assert other_project.get(f"/api/projects/{shown['id']}/").json() == shown
    assert other_project.get("/api/projects/").json()["count"] == 2
    body = {"api_key": shown["api_token"], "batch": [event("seen", "ada")]}
    assert other_project.http.post("/batch/", json=body).status_code == 200
    listed = other_project.get(f"/api/projects/{shown['id']}/persons/").json()["results"]
    assert [person["distinct_ids"] for person in listed] == [["ada"]]
    entries = ActivityEntry.objects.for_project(shown["id"]).filter(scope="Project")
    assert sorted(entry.activity for entry in entries) == ["created", "updated"]


def test_the_first_project_becomes_the_current_one(other_project: ProjectClient) -> None:
    first = create(other_project, {}).json()
    create(other_project, {"name": "second"})

    assert first["name"] == "Default project"
    assert other_project.get("/api/projects/@current/").json()["id"] == first["id"]


def test_the_path_may_name_the_organization(project: ProjectClient, other_project: ProjectClient) -> None:
    """The user is in two; the current project is of the other one."""
    theirs = other_project.project.organization
    user = User.objects.get(email=project.owner)
    Membership.objects.create(user=user, organization=theirs, level=Membership.Level.ADMIN)
    User.objects.filter(pk=user.pk).update(current_project=project.project)

    named = project.post(f"/api/organizations/{theirs.pk}/projects/", {"name": "a"}).json()
    current = project.post("/api/organizations/@current/projects/", {"name": "b"}).json()

    assert named["organization"] == str(theirs.pk)
    assert current["organization"] == str(project.project.organization_id)


def test_an_organization_of_others_does_not_exist(
    project: ProjectClient, other_project: ProjectClient
) -> None:
    url = f"/api/organizations/{other_project.project.organization_id}/projects/"

    assert refusal(project.post(url, {"name": "mine"})) == (404, "invalid_request", "not_found", None)


def test_it_takes_an_administrator(project: ProjectClient) -> None:
    Membership.objects.filter(user__email=project.owner).update(level=Membership.Level.MEMBER)

    refused = create(project, {"name": "x"})

    assert refusal(refused) == FORBIDDEN
    assert refused.json()["detail"] == (
        "You need to be an organization admin or above to create new projects."
    )


def test_keys_need_the_scope_and_no_limit(project: ProjectClient) -> None:
    reader, limited = project.new_key("project:read"), project.new_key("*", projects=[project.id])

    assert create(project, {}, key=reader).json()["detail"] == (
        "API key missing required scope 'project:write'"
    )
    assert create(project, {}, key=limited).json()["detail"] == (
        "API keys with scoped projects are only supported on project-based endpoints."
    )


def test_somebody_logged_in_makes_projects_too(other_project: ProjectClient) -> None:
    with logged_in(other_project) as browser:
        made = browser.send("POST", "/api/projects/", {"name": "by hand"})

    assert (made.status_code, made.json()["name"]) == (201, "by hand")


@pytest.mark.parametrize(
    ("body", "code", "attr"),
    [
        ({"name": ""}, "blank", "name"),
        ({"name": None}, "null", "name"),
        ({"name": "x" * 201}, "max_length", "name"),
        ({"name": {}}, "invalid_input", "name"),
        ({"timezone": "Mars/Base"}, "invalid_choice", "timezone"),
        ({"test_account_filters": [{"key": "a", "type": "cohort"}]}, "invalid_input", "test_account_filters"),
        ([], "invalid_input", None),
    ],
    ids=str,
)
def test_mistakes_name_the_field(project: ProjectClient, body: Any, code: str, attr: str | None) -> None:
    before = Project.objects.count()

    assert refusal(create(project, body)) == (400, "validation_error", code, attr)
    assert Project.objects.count() == before
