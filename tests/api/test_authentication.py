"""Keys, scopes and projects: who may ask what, and what refusals say."""

from typing import Any

import httpx
import pytest

from core.models import PersonalAPIKey, User
from tests.clients import ProjectClient, bearer

UNKNOWN = "phx_" + "x" * 48


def refusal(response: httpx.Response) -> tuple[int, str, str, str]:
    body: dict[str, Any] = response.json()
    assert body["attr"] is None
    return response.status_code, body["type"], body["code"], body["detail"]


def test_no_key_is_401(project: ProjectClient) -> None:
    response = project.http.get(project.persons_url)

    assert refusal(response) == (
        401, "authentication_error", "not_authenticated", "Authentication credentials were not provided.",
    )  # fmt: skip
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("key", [UNKNOWN, "pha_oauth", "phc_project_token", "x"])
def test_an_unknown_key_is_401(project: ProjectClient, key: str) -> None:
    assert refusal(project.get(project.persons_url, key=key)) == (
        401,
        "authentication_error",
        "authentication_failed",
        "Personal API key found in request Authorization header is invalid.",
    )


@pytest.mark.parametrize("header", ["Bearer   {key}", "Bearer {key}", "Bearer\t{key}"])
def test_white_space_around_the_key_does_not_matter(project: ProjectClient, header: str) -> None:
    response = project.http.get(
        project.persons_url, headers={"Authorization": header.format(key=project.key)}
    )

    assert response.status_code == 200


@pytest.mark.parametrize("header", ["bearer {key}", "Token {key}", "{key}", "Basic abc"])
def test_another_kind_of_header_is_no_key(project: ProjectClient, header: str) -> None:
    response = project.http.get(
        project.persons_url, headers={"Authorization": header.format(key=project.key)}
    )

    assert refusal(response)[2] == "not_authenticated"


def test_the_key_may_travel_in_the_query_string(project: ProjectClient) -> None:
    assert project.http.get(project.persons_url, params={"personal_api_key": project.key}).status_code == 200
    assert refusal(project.http.get(project.persons_url, params={"personal_api_key": UNKNOWN}))[3] == (
        "Personal API key found in request query string is invalid."
    )


def test_the_first_candidate_is_final(project: ProjectClient) -> None:
    response = project.http.get(
        project.persons_url, params={"personal_api_key": project.key}, headers=bearer(UNKNOWN)
    )

    assert response.status_code == 401


def test_a_missing_scope_is_named(project: ProjectClient) -> None:
    key = project.new_key("cohort:read")

    assert refusal(project.get(project.persons_url, key=key)) == (
        403, "authentication_error", "permission_denied", "API key missing required scope 'person:read'",
    )  # fmt: skip


@pytest.mark.parametrize("scope", ["person:read", "person:write", "*"])
def test_writing_includes_reading_and_the_star_everything(project: ProjectClient, scope: str) -> None:
    assert project.get(project.persons_url, key=project.new_key(scope)).status_code == 200


def test_a_project_of_others_is_403(project: ProjectClient, other_project: ProjectClient) -> None:
    assert refusal(project.get(other_project.persons_url)) == (
        403, "authentication_error", "permission_denied", "You don't have access to the project.",
    )  # fmt: skip


def test_a_key_limited_to_projects_reaches_no_other(project: ProjectClient) -> None:
    key = project.new_key("*", projects=[project.id])
    elsewhere = ProjectClient(project.http, project.project, key, project.owner)

    assert elsewhere.get(project.persons_url).status_code == 200
    assert refusal(elsewhere.get(f"/api/projects/{project.id - 1}/persons/")) == (
        403,
        "authentication_error",
        "permission_denied",
        f"API key does not have access to the requested project: ID {project.id - 1}.",
    )


@pytest.mark.parametrize(
    "name", ["0", "99999999999", "9" * 40, "9" * 19, "9" * 5000, "x", "-1", "@other", "1.0", "٣"]
)
def test_a_project_that_does_not_exist_is_404(project: ProjectClient, name: str) -> None:
    assert refusal(project.get(f"/api/projects/{name}/persons/")) == (
        404, "invalid_request", "not_found", "Project not found.",
    )  # fmt: skip


def test_current_is_the_users_current_project(project: ProjectClient) -> None:
    assert project.get("/api/projects/@current/persons/").status_code == 404

    User.objects.filter(email=project.owner).update(current_project=project.project)

    assert project.get("/api/projects/@current/persons/").status_code == 200


def test_current_is_the_only_project_of_a_limited_key(project: ProjectClient) -> None:
    key = project.new_key("*", projects=[project.id])

    assert project.get("/api/projects/@current/persons/", key=key).status_code == 200


def test_a_key_of_an_inactive_user_is_dead(project: ProjectClient) -> None:
    User.objects.filter(email=project.owner).update(is_active=False)

    assert project.get(project.persons_url).status_code == 401


def test_a_deleted_key_is_dead_at_once(project: ProjectClient) -> None:
    assert project.get(project.persons_url).status_code == 200

    PersonalAPIKey.objects.filter(user__email=project.owner).delete()

    assert project.get(project.persons_url).status_code == 401


def test_keys_are_stored_hashed_and_their_use_is_noted(project: ProjectClient) -> None:
    project.get(project.persons_url)

    key = PersonalAPIKey.objects.get(user__email=project.owner)

    assert key.last_used_at is not None
    assert project.key not in str(vars(key))
    assert key.mask_value == f"{project.key[:4]}...{project.key[-4:]}"


def test_an_unsupported_verb_is_405(project: ProjectClient) -> None:
    response = project.http.post(project.persons_url, json={}, headers=bearer(project.key))

    assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")
    assert "GET" in response.headers["Allow"]


@pytest.mark.parametrize(
    "path", ["/", "/api/", "/api/nothing/", "/api/projects/1/nothing/", "/static/none.js"]
)
def test_an_unknown_path_is_404_in_json(project: ProjectClient, path: str) -> None:
    response = project.http.get(path)

    assert (response.status_code, response.json()["code"]) == (404, "not_found")
