"""``PATCH /api/organizations/{id}/``, and organizations that take no keys of ordinary members."""

from typing import Any

import httpx
import pytest

from core.models import Membership, User
from tests.browser import logged_in
from tests.clients import ProjectClient, bearer
from tests.persons import refusal

FORBIDDEN = (403, "authentication_error", "permission_denied", None)
REFUSED = (
    "Organization 'strangers' does not allow using personal API keys. "
    "Contact an admin to enable personal API keys for this organization."
)


def url(project: ProjectClient) -> str:
    return f"/api/organizations/{project.project.organization_id}/"


def patch(project: ProjectClient, body: object, *, key: str | None = None) -> httpx.Response:
    return project.http.patch(url(project), json=body, headers=bearer(key or project.key))


def become(project: ProjectClient, level: Membership.Level) -> None:
    Membership.objects.filter(user__email=project.owner).update(level=level)


def test_settings_are_changed(other_project: ProjectClient) -> None:
    wanted = {"name": "Ours", "members_can_use_personal_api_keys": False}

    changed = patch(other_project, wanted)

    assert changed.status_code == 200
    assert {name: changed.json()[name] for name in wanted} == wanted
    assert other_project.get(url(other_project)).json() == changed.json()


def test_keys_of_members_stop_working_and_those_of_administrators_do_not(
    other_project: ProjectClient,
) -> None:
    project = other_project
    User.objects.filter(email=project.owner).update(current_project=project.project)
    patch(project, {"members_can_use_personal_api_keys": False})
    assert project.get(project.persons_url).status_code == 200

    become(project, Membership.Level.MEMBER)

    for path in (
        project.persons_url,
        f"/api/projects/{project.id}/cohorts/",
        "/api/person/",
        f"/api/projects/{project.id}/",
        "/api/projects/@current/",
        url(project),
        f"{url(project)}projects/",
        f"{url(project)}project_deletions/",
    ):
        refused = project.get(path)
        assert (refusal(refused), refused.json()["detail"]) == (FORBIDDEN, REFUSED)
    assert project.get("/api/projects/").json()["count"] == 0
    assert project.get("/api/organizations/").json()["count"] == 0
    # Whose key it is, it still tells, and somebody logged in is not a key.
    (told,) = project.get("/api/users/@me/").json()["organizations"]
    assert told["members_can_use_personal_api_keys"] is False
    with logged_in(project) as browser:
        assert browser.get(project.persons_url).status_code == 200
        assert browser.get(url(project)).status_code == 200
    become(project, Membership.Level.ADMIN)
    assert project.get(project.persons_url).status_code == 200


def test_what_the_key_may_do_comes_after_where_it_may(other_project: ProjectClient) -> None:
    patch(other_project, {"members_can_use_personal_api_keys": False})
    become(other_project, Membership.Level.MEMBER)
    reader = other_project.new_key("annotation:read")
    elsewhere = other_project.new_key("*", projects=[other_project.id])

    assert other_project.get(other_project.persons_url, key=reader).json()["detail"] == REFUSED
    assert other_project.get(other_project.persons_url, key=elsewhere).json()["detail"] == REFUSED


def test_they_take_an_administrator_with_the_scope(other_project: ProjectClient) -> None:
    reader = other_project.new_key("organization:read")
    assert patch(other_project, {"name": "x"}, key=reader).json()["detail"] == (
        "API key missing required scope 'organization:write'"
    )
    become(other_project, Membership.Level.MEMBER)

    refused = patch(other_project, {"name": "x"})

    assert refusal(refused) == FORBIDDEN
    assert refused.json()["detail"] == "Your organization access level is insufficient."


def test_an_organization_of_others_does_not_exist(
    project: ProjectClient, other_project: ProjectClient
) -> None:
    assert refusal(patch(other_project, {"name": "mine"}, key=project.key))[0] == 404


@pytest.mark.parametrize(
    ("body", "code", "attr"),
    [
        ({"name": ""}, "blank", "name"),
        ({"name": "x" * 65}, "max_length", "name"),
        ({"members_can_use_personal_api_keys": "x"}, "invalid_input", "members_can_use_personal_api_keys"),
        ({"members_can_use_personal_api_keys": None}, "null", "members_can_use_personal_api_keys"),
        ([], "invalid_input", None),
    ],
    ids=str,
)
def test_mistakes_name_the_field(
    other_project: ProjectClient, body: Any, code: str, attr: str | None
) -> None:
    assert refusal(patch(other_project, body)) == (400, "validation_error", code, attr)
