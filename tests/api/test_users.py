"""``/api/users/``: whose key it is, and what is in reach of it."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from core.models import Cohort, Membership, Organization, Project, User
from tests.browser import logged_in
from tests.clients import ProjectClient, bearer
from tests.persons import refusal

ME = "/api/users/@me/"


def patch(project: ProjectClient, body: object, *, key: str | None = None) -> httpx.Response:
    return project.http.patch(ME, json=body, headers=bearer(key or project.key))


def test_me_tells_where_the_projects_are(other_project: ProjectClient) -> None:
    user = User.objects.get(email=other_project.owner)
    User.objects.filter(pk=user.pk).update(current_project=other_project.project)

    shown = other_project.get(ME).json()

    organization: dict[str, Any] = other_project.get("/api/organizations/@current/").json()
    assert shown == {
        "id": user.pk,
        "uuid": str(user.uuid),
        "distinct_id": str(user.uuid),
        "first_name": "",
        "last_name": "",
        "email": other_project.owner,
        "is_staff": False,
        "is_email_verified": None,
        "date_joined": shown["date_joined"],
        "has_password": False,
        "team": organization["teams"][0],
        "organization": organization,
        "organizations": [
            {
                "id": organization["id"],
                "name": "strangers",
                "slug": "strangers",
                "logo_media_id": None,
                "membership_level": 15,
                "members_can_use_personal_api_keys": True,
            }
        ],
    }
    assert other_project.get(f"/api/users/{user.uuid}/").json() == shown
    assert other_project.get("/api/users/").json() == {
        "count": 1, "next": None, "previous": None, "results": [shown],
    }  # fmt: skip


def test_without_a_current_project_there_is_no_team(other_project: ProjectClient) -> None:
    shown = other_project.get(ME).json()

    assert shown["team"] is None
    assert [team["id"] for team in shown["organization"]["teams"]] == [other_project.id]


def test_a_user_without_organizations_sees_none(other_project: ProjectClient) -> None:
    Membership.objects.filter(user__email=other_project.owner).delete()
    User.objects.filter(email=other_project.owner).update(current_project=other_project.project)

    shown = other_project.get(ME).json()

    assert (shown["team"], shown["organization"], shown["organizations"]) == (None, None, [])


def test_any_restriction_leaves_me_alone(project: ProjectClient) -> None:
    key = project.new_key("user:read", projects=[project.id])

    assert project.get(ME, key=key).json()["email"] == project.owner


def test_the_scope_is_demanded(project: ProjectClient) -> None:
    reads, writes = project.new_key("person:write"), project.new_key("user:read")

    assert project.get(ME, key=reads).json()["detail"] == "API key missing required scope 'user:read'"
    assert patch(project, {}, key=writes).json()["detail"] == "API key missing required scope 'user:write'"


def test_another_user_cannot_be_seen(project: ProjectClient, other_project: ProjectClient) -> None:
    other = User.objects.get(email=other_project.owner)

    for name in (other.uuid, uuid4(), "x"):
        refused = project.get(f"/api/users/{name}/")
        assert refusal(refused) == (403, "authentication_error", "permission_denied", None)
        assert refused.json()["detail"] == (
            "As a non-staff user you're only allowed to access the `@me` user instance."
        )


def test_names_and_the_current_project_are_changed(project: ProjectClient) -> None:
    changed = patch(project, {"first_name": "First", "last_name": "Last", "set_current_team": project.id})

    assert changed.status_code == 200
    shown = changed.json()
    assert (shown["first_name"], shown["last_name"], shown["team"]["id"]) == ("First", "Last", project.id)
    assert project.get(ME).json() == shown
    assert project.get("/api/projects/@current/persons/").status_code == 200


def test_another_organization_brings_its_oldest_project(
    project: ProjectClient, other_project: ProjectClient
) -> None:
    organization = other_project.project.organization
    second = Project.objects.create(organization=organization, name="second", api_token=uuid4().hex)
    Membership.objects.create(user=User.objects.get(email=project.owner), organization=organization)

    shown = patch(project, {"set_current_organization": str(organization.pk)}).json()

    assert (shown["team"]["id"], shown["organization"]["id"]) == (other_project.id, str(organization.pk))
    assert patch(project, {"set_current_team": second.pk}).json()["team"]["id"] == second.pk
    stays = patch(project, {"set_current_organization": str(organization.pk)}).json()
    assert stays["team"]["id"] == second.pk


@pytest.mark.parametrize(
    ("body", "attr", "code"),
    [
        ({"set_current_team": "x"}, "set_current_team", "invalid_input"),
        ({"set_current_team": 2**63}, "set_current_team", "max_value"),
        ({"set_current_team": 2**62}, "set_current_team", "invalid_input"),
        ({"set_current_team": None}, "set_current_team", "null"),
        ({"set_current_organization": "x"}, "set_current_organization", "invalid_input"),
        (
            {"set_current_organization": "00000000-0000-0000-0000-000000000000"},
            "set_current_organization",
            "invalid_input",
        ),
        ({"first_name": "x" * 151}, "first_name", "max_length"),
        ({"last_name": {}}, "last_name", "invalid_input"),
        ([], None, "invalid_input"),
    ],
    ids=str,
)
def test_mistakes_name_the_field(project: ProjectClient, body: object, attr: str | None, code: str) -> None:
    assert refusal(patch(project, body)) == (400, "validation_error", code, attr)


def test_what_others_have_cannot_be_made_current(
    project: ProjectClient, other_project: ProjectClient
) -> None:
    theirs = other_project.project

    by_team = patch(project, {"set_current_team": theirs.pk})
    by_organization = patch(project, {"set_current_organization": str(theirs.organization_id)})

    assert refusal(by_team) == (400, "validation_error", "invalid_input", "set_current_team")
    assert refusal(by_organization) == (400, "validation_error", "invalid_input", "set_current_organization")


def test_an_organization_without_projects_cannot_be_made_current(project: ProjectClient) -> None:
    empty = Organization.objects.create(name="empty")
    Membership.objects.create(user=User.objects.get(email=project.owner), organization=empty)

    response = patch(project, {"set_current_organization": str(empty.pk)})

    assert refusal(response) == (400, "validation_error", "invalid_input", "set_current_organization")


def test_somebody_logged_in_may_leave_for_good(project: ProjectClient) -> None:
    """There are other owners of the organization."""
    made = project.post(f"/api/projects/{project.id}/cohorts/", {"name": "mine", "is_static": True}).json()

    with logged_in(project) as browser:
        gone = browser.send("DELETE", "/api/users/@me/")
        assert (gone.status_code, gone.content) == (204, b"")
        assert browser.get("/api/users/@me/").status_code == 401

    assert project.get("/api/users/@me/").status_code == 401
    assert not User.objects.filter(email=project.owner).exists()
    assert Cohort.objects.for_project(project.id).get(pk=made["id"]).created_by is None


def test_the_only_owner_stays(other_project: ProjectClient) -> None:
    with logged_in(other_project) as browser:
        refused = browser.send("DELETE", "/api/users/@me/")

    assert refusal(refused) == (400, "validation_error", "invalid_input", None)
    assert refused.json()["detail"] == "You are the only owner of the organization 'strangers'."
    assert other_project.get("/api/users/@me/").status_code == 200


def test_leaving_takes_a_fresh_login_and_no_key(project: ProjectClient) -> None:
    with_key = project.delete("/api/users/@me/")
    with logged_in(project, seconds_ago=3 * 3600) as browser:
        with_old_login = browser.send("DELETE", "/api/users/@me/")

    assert with_key.json()["detail"] == "This action does not support personal API key access"
    assert refusal(with_old_login)[2] == "sensitive_action_required_reauth"
