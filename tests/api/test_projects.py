"""``/api/projects/`` and ``/api/organizations/``: what is in reach, and settings and their effect."""

import json
from typing import Any
from uuid import uuid4

import pytest

from core.models import ActivityEntry, Membership, Organization, Project, User
from tests.browser import logged_in
from tests.clients import ProjectClient, event, settle
from tests.persons import make_person, refusal

BASIC = {
    "id", "uuid", "organization", "project_id", "api_token", "name", "completed_snippet_onboarding",
    "has_completed_onboarding_for", "ingested_event", "is_demo", "timezone", "access_control",
}  # fmt: skip
NOT_FOUND = (404, "invalid_request", "not_found", None)
FORBIDDEN = (403, "authentication_error", "permission_denied", None)


def alone(project: ProjectClient) -> Organization:
    """Gives the project an organization of its own, in which its owner is alone."""
    organization = Organization.objects.create(name="Just One")
    project.project.organization = organization
    project.project.save()
    user = User.objects.get(email=project.owner)
    Membership.objects.filter(user=user).update(organization=organization)
    return organization


def patch(project: ProjectClient, body: object, *, key: str | None = None) -> Any:
    headers = {"Authorization": f"Bearer {key or project.key}"}
    return project.http.patch(f"/api/projects/{project.id}/", json=body, headers=headers)


def test_only_projects_in_reach_are_listed(project: ProjectClient, other_project: ProjectClient) -> None:
    page = other_project.get("/api/projects/").json()

    assert (page["count"], page["next"], page["previous"]) == (1, None, None)
    (row,) = page["results"]
    assert set(row) == BASIC
    assert (row["id"], row["name"], row["api_token"]) == (other_project.id, "theirs", other_project.token)
    assert row["ingested_event"] is False


@pytest.mark.parametrize("name", ["projects", "organizations", "users", "projects/{id}/activity_log"])
def test_a_suffix_names_the_format(project: ProjectClient, name: str) -> None:
    path = f"/api/{name}".format(id=project.id)

    assert project.get(f"{path}.json").json()["results"] == project.get(f"{path}/").json()["results"]
    assert refusal(project.get(f"{path}.csv")) == (404, "invalid_request", "not_found", None)


def test_pages_follow_each_other(project: ProjectClient) -> None:
    organization = alone(project)
    for number in range(3):
        Project.objects.create(organization=organization, name=f"p{number}", api_token=uuid4().hex)

    first = project.get("/api/projects/", limit=3).json()
    second = project.get(first["next"]).json()

    assert (first["count"], second["count"]) == (4, 4)
    assert [row["name"] for row in first["results"] + second["results"]] == ["test", "p0", "p1", "p2"]
    assert second["next"] is None
    assert project.get(second["previous"]).json()["results"] == first["results"]
    assert len(project.get("/api/projects/", limit="x", offset=-1).json()["results"]) == 4


def test_a_project_shows_its_settings(project: ProjectClient) -> None:
    project.capture(event("seen", "a", properties={"$groups": {"company": "acme"}}))

    shown = project.get(f"/api/projects/{project.id}/").json()

    assert set(shown) > BASIC
    assert {name: value for name, value in shown.items() if name not in BASIC} == {
        "created_at": shown["created_at"],
        "updated_at": shown["updated_at"],
        "app_urls": [],
        "anonymize_ips": False,
        "test_account_filters": [],
        "test_account_filters_default_checked": None,
        "person_display_name_properties": None,
        "week_start_day": 0,
        "modifiers": None,
        "effective_membership_level": 15,
        "has_group_types": True,
        "group_types": [
            {
                "group_type": "company",
                "group_type_index": 0,
                "name_singular": None,
                "name_plural": None,
            }
        ],
    }
    assert shown["ingested_event"] is True


def test_current_is_the_current_project(project: ProjectClient) -> None:
    assert refusal(project.get("/api/projects/@current/")) == NOT_FOUND

    User.objects.filter(email=project.owner).update(current_project=project.project)

    assert project.get("/api/projects/@current/").json()["id"] == project.id
    key = project.new_key("project:read", projects=[project.id])
    assert project.get("/api/projects/@current/", key=key).json()["id"] == project.id


@pytest.mark.parametrize("name", ["0", "x", "-1", "9" * 30, "@other", "1.0"])
def test_what_is_no_project_does_not_exist(project: ProjectClient, name: str) -> None:
    assert refusal(project.get(f"/api/projects/{name}/")) == NOT_FOUND


def test_a_project_of_others_does_not_exist(project: ProjectClient, other_project: ProjectClient) -> None:
    assert refusal(project.get(f"/api/projects/{other_project.id}/")) == NOT_FOUND
    assert refusal(patch(other_project, {"name": "mine"}, key=project.key)) == NOT_FOUND


def test_a_limited_key_stays_in_its_project(project: ProjectClient) -> None:
    organization = alone(project)
    sibling = Project.objects.create(organization=organization, name="sibling", api_token=uuid4().hex)
    key = project.new_key("project:read", "organization:read", projects=[project.id])

    assert project.get(f"/api/projects/{project.id}/", key=key).status_code == 200
    refused = project.get(f"/api/projects/{sibling.pk}/", key=key)
    assert refusal(refused) == FORBIDDEN
    assert refused.json()["detail"] == (
        f"API key does not have access to the requested project: ID {sibling.pk}."
    )
    for path in ("/api/projects/", "/api/organizations/", f"/api/organizations/{organization.pk}/"):
        refused = project.get(path, key=key)
        assert refusal(refused) == FORBIDDEN
        assert refused.json()["detail"] == (
            "API keys with scoped projects are only supported on project-based endpoints."
        )


def test_a_key_of_one_organization_sees_only_its_projects(
    project: ProjectClient, other_project: ProjectClient
) -> None:
    """Its owner is a member of both, and the current project is one of the other."""
    organization, other = alone(project), other_project.project.organization
    user = User.objects.get(email=project.owner)
    Membership.objects.create(user=user, organization=other)
    User.objects.filter(pk=user.pk).update(current_project=other_project.project)
    user.personal_api_keys.update(scoped_organizations=[organization.pk])

    assert [row["id"] for row in project.get("/api/projects/").json()["results"]] == [project.id]
    assert project.get("/api/projects/@current/").status_code == 404
    assert project.get(f"/api/organizations/{other.pk}/").status_code == 404
    assert project.get(f"/api/organizations/{other.pk}/projects/").status_code == 404
    assert project.get(f"/api/organizations/{organization.pk}/").json()["name"] == "Just One"
    refused = project.get(f"/api/projects/{other_project.id}/")
    assert refusal(refused) == FORBIDDEN
    assert refused.json()["detail"] == (
        f"API key does not have access to the requested organization: ID {other.pk}."
    )


@pytest.mark.parametrize(
    ("method", "scope", "missing"),
    [("GET", "person:read", "project:read"), ("PATCH", "project:read", "project:write")],
    ids=["get", "patch"],
)
def test_scopes_are_demanded(project: ProjectClient, method: str, scope: str, missing: str) -> None:
    headers = {"Authorization": f"Bearer {project.new_key(scope)}"}

    response = project.http.request(method, f"/api/projects/{project.id}/", json={}, headers=headers)

    assert refusal(response) == FORBIDDEN
    assert response.json()["detail"] == f"API key missing required scope '{missing}'"


def test_settings_are_changed_and_logged(project: ProjectClient) -> None:
    wanted = {
        "name": "Shop",
        "timezone": "Europe/Berlin",
        "week_start_day": 1,
        "person_display_name_properties": ["nickname"],
        "test_account_filters": [
            {"key": "email", "value": "@own", "operator": "icontains", "type": "person"}
        ],
        "test_account_filters_default_checked": True,
        "app_urls": ["https://shop.example.org"],
    }

    changed = patch(project, wanted)

    assert changed.status_code == 200
    assert {name: changed.json()[name] for name in wanted} == wanted
    assert project.get(f"/api/projects/{project.id}/").json() == changed.json()
    # A whole project may be sent back; nothing changes.
    assert patch(project, changed.json()).json() == changed.json()
    entry = ActivityEntry.objects.for_project(project.id).get(scope="Project")
    assert (entry.activity, entry.item_id, entry.detail["name"]) == ("updated", str(project.id), "Shop")
    told = {
        one["field"]: (one["type"], one["action"], one["before"], one["after"])
        for one in entry.detail["changes"]
    }
    assert told.keys() == wanted.keys()
    assert told["timezone"] == ("Project", "changed", "UTC", "Europe/Berlin")


def test_names_of_persons_follow_the_setting(project: ProjectClient) -> None:
    person = make_person(project, "a", nickname="Kit", email="kit@example.org")
    assert person["name"] == "kit@example.org"

    patch(project, {"person_display_name_properties": ["nickname"]})

    assert (project.person("a") or {})["name"] == "Kit"
    patch(project, {"person_display_name_properties": None})
    assert (project.person("a") or {})["name"] == "kit@example.org"


def who_did(project: ProjectClient, **params: Any) -> set[str]:
    """The persons of a funnel of one step."""
    steps = json.dumps(
        [{"id": name, "type": "events", "order": n} for n, name in enumerate(["seen", "left"])]
    )
    response = project.get(f"{project.persons_url}funnel/", events=steps, funnel_step=1, **params)
    assert response.status_code == 200, response.text
    return {person["name"] for person in response.json()["results"][0]["people"]}


def test_days_are_those_of_the_time_zone(project: ProjectClient) -> None:
    project.capture(event("seen", "late", timestamp="2026-01-01T23:30:00Z"))
    settle()
    second = {"date_from": "2026-01-02", "date_to": "2026-01-02"}
    assert who_did(project, **second) == set()

    patch(project, {"timezone": "Europe/Berlin"})

    assert who_did(project, **second) == {"late"}


def test_weeks_begin_on_the_day_that_is_set(project: ProjectClient) -> None:
    """The 4th of January 2026 is a Sunday, the 5th a Monday."""
    sunday, monday = "2026-01-04T12:00:00Z", "2026-01-05T12:00:00Z"
    project.capture(event("seen", "both", timestamp=sunday), event("seen", "both", timestamp=monday))
    settle()
    asked: dict[str, Any] = {
        "events": json.dumps([{"id": "seen", "type": "events", "order": 0}]),
        "entity_id": "seen",
        "entity_type": "events",
        "interval": "week",
        "date_from": "2026-01-04",
        "date_to": "2026-01-05",
        "stickiness_days": 1,
    }

    def in_one_week() -> int:
        response = project.get(f"{project.persons_url}stickiness/", **asked)
        assert response.status_code == 200, response.text
        return sum(result["count"] for result in response.json()["results"])

    assert in_one_week() == 1

    patch(project, {"week_start_day": 1})

    assert in_one_week() == 0


def test_test_accounts_are_left_out_by_the_filters(project: ProjectClient) -> None:
    make_person(project, "own", email="kit@own.example.org")
    project.capture(event("seen", "own"), event("seen", "guest"))
    settle()
    recent = {"date_from": "-1d", "filter_test_accounts": "true"}
    assert who_did(project, **recent) == {"kit@own.example.org", "guest"}

    email = {"key": "email", "value": "@own.example.org", "operator": "not_icontains", "type": "person"}
    patch(project, {"test_account_filters": [email]})

    assert who_did(project, **recent) == {"guest"}


@pytest.mark.parametrize(
    ("body", "attr", "code"),
    [
        ({"name": ""}, "name", "blank"),
        ({"name": "x" * 201}, "name", "max_length"),
        ({"timezone": "Mars/Base"}, "timezone", "invalid_choice"),
        ({"timezone": None}, "timezone", "null"),
        ({"timezone": ["UTC"]}, "timezone", "invalid_input"),
        ({"week_start_day": 2}, "week_start_day", "invalid_choice"),
        ({"week_start_day": "x"}, "week_start_day", "invalid_choice"),
        ({"person_display_name_properties": "email"}, "person_display_name_properties", "not_a_list"),
        ({"person_display_name_properties": [1.5, {}]}, "person_display_name_properties__0", "invalid_input"),
        ({"test_account_filters": "x"}, "test_account_filters", "not_a_list"),
        ({"test_account_filters": ["x"]}, "test_account_filters__0", "not_a_dict"),
        ({"test_account_filters": [{"key": "a", "type": "cohort"}]}, "test_account_filters", "invalid_input"),
        (
            {"test_account_filters": [{"key": "a", "value": "(", "operator": "regex"}]},
            "test_account_filters",
            "invalid_input",
        ),
        (
            {"test_account_filters_default_checked": "x"},
            "test_account_filters_default_checked",
            "invalid_input",
        ),
        ({"app_urls": [{}]}, "app_urls__0", "invalid_input"),
        ({"anonymize_ips": True}, "anonymize_ips", "invalid_input"),
        ({"modifiers": {}}, "modifiers", "invalid_input"),
        ([], None, "invalid_input"),
    ],
    ids=str,
)
def test_mistakes_name_the_setting(project: ProjectClient, body: object, attr: str | None, code: str) -> None:
    before = project.get(f"/api/projects/{project.id}/").json()

    assert refusal(patch(project, body)) == (400, "validation_error", code, attr)
    assert project.get(f"/api/projects/{project.id}/").json() == before


def test_settings_take_an_administrator(project: ProjectClient) -> None:
    Membership.objects.filter(user__email=project.owner).update(level=Membership.Level.MEMBER)

    refused = patch(project, {"name": "x"})

    assert refusal(refused) == FORBIDDEN
    assert project.get(f"/api/projects/{project.id}/").json()["effective_membership_level"] == 1
    Membership.objects.filter(user__email=project.owner).update(level=Membership.Level.ADMIN)
    assert patch(project, {"name": "x"}).status_code == 200


def test_organizations_show_their_projects(project: ProjectClient) -> None:
    organization = alone(project)

    shown = project.get(f"/api/organizations/{organization.pk}/").json()

    (team,) = shown["teams"]
    assert set(team) == BASIC
    assert shown == {
        "id": str(organization.pk),
        "name": "Just One",
        "slug": "just-one",
        "logo_media_id": None,
        "created_at": shown["created_at"],
        "updated_at": shown["updated_at"],
        "membership_level": 15,
        "members_can_use_personal_api_keys": True,
        "teams": [team],
        "projects": [
            {
                "id": project.id,
                "organization_id": str(organization.pk),
                "name": "test",
                "api_token": project.token,
                "timezone": "UTC",
            }
        ],
        "member_count": 1,
    }
    assert project.get("/api/organizations/@current/").json() == shown
    assert project.get("/api/organizations/").json()["results"] == [shown]
    below = f"/api/organizations/{organization.pk}/projects/"
    assert project.get(below).json()["results"] == [team]
    one = project.get(f"{below}{project.id}/").json()
    assert one == project.get(f"/api/projects/{project.id}/").json()


@pytest.mark.parametrize("name", ["x", "1", "00000000-0000-0000-0000-000000000000"])
def test_what_is_no_organization_does_not_exist(project: ProjectClient, name: str) -> None:
    assert refusal(project.get(f"/api/organizations/{name}/")) == NOT_FOUND


def test_organizations_of_others_do_not_exist(project: ProjectClient, other_project: ProjectClient) -> None:
    foreign = f"/api/organizations/{other_project.project.organization_id}/"

    assert refusal(project.get(foreign)) == NOT_FOUND
    assert refusal(project.get(f"{foreign}projects/")) == NOT_FOUND
    assert refusal(project.get(f"{foreign}projects/{other_project.id}/")) == NOT_FOUND
    assert refusal(project.get(f"{foreign}projects/{project.id}/")) == NOT_FOUND


def test_somebody_logged_in_reaches_the_same(project: ProjectClient, other_project: ProjectClient) -> None:
    with logged_in(project) as browser:
        assert browser.get(f"/api/projects/{project.id}/").status_code == 200
        assert browser.get(f"/api/projects/{other_project.id}/").status_code == 404
        changed = browser.send("PATCH", f"/api/projects/{project.id}/", {"name": "By hand"})

    assert changed.json()["name"] == "By hand"
