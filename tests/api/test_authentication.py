"""Keys, scopes and projects: who may ask what, and what refusals say."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from django.utils import timezone

from core.auth.keys import hash_key, legacy_hash_key
from core.models import Membership, Organization, PersonalAPIKey, User
from tests.clients import ProjectClient, bearer
from tests.persons import make_person
from tests.stack import Stack
from tests.web import web

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


def test_the_key_may_travel_in_the_body(project: ProjectClient) -> None:
    url = f"{project.persons_url}batch_by_uuids/"

    assert project.http.post(url, json={"uuids": [], "personal_api_key": project.key}).status_code == 200
    wrong: list[Any] = [UNKNOWN, 1, {"a": 1}, [project.key], True]
    for value in wrong:
        refused = project.http.post(url, json={"uuids": [], "personal_api_key": value})
        assert refusal(refused) == (
            401,
            "authentication_error",
            "authentication_failed",
            "Personal API key found in request body is invalid.",
        )
    absent: list[Any] = ["", None, 0, [], {}]
    for value in absent:
        assert project.http.post(url, json={"personal_api_key": value}).json()["code"] == "not_authenticated"


def test_a_form_may_bring_the_key_where_forms_are_taken(project: ProjectClient) -> None:
    url = f"/api/projects/{project.id}/cohorts/"

    made = project.http.post(url, data={"name": "x", "is_static": "true", "personal_api_key": project.key})
    refused = project.http.post(url, data={"name": "x", "personal_api_key": UNKNOWN})

    assert made.status_code == 201
    assert refused.json()["detail"] == "Personal API key found in request body is invalid."


def test_a_body_that_cannot_be_read_comes_before_the_missing_key(project: ProjectClient) -> None:
    """The key might have been in it."""
    url = f"{project.persons_url}batch_by_uuids/"
    broken = project.http.post(url, content="{", headers={"Content-Type": "application/json"})
    form = project.http.post(url, data={"personal_api_key": project.key})

    assert refusal(broken)[:3] == (400, "invalid_request", "parse_error")
    assert refusal(form)[:3] == (415, "invalid_request", "unsupported_media_type")


@pytest.mark.parametrize("places", [("header", "body"), ("header", "query"), ("body", "query")], ids="-".join)
def test_the_first_candidate_is_final(project: ProjectClient, places: tuple[str, str]) -> None:
    keys = dict(zip(places, (UNKNOWN, project.key), strict=True))
    body: dict[str, Any] = {"uuids": []} | ({"personal_api_key": keys["body"]} if "body" in keys else {})

    response = project.http.post(
        f"{project.persons_url}batch_by_uuids/",
        json=body,
        params={"personal_api_key": keys["query"]} if "query" in keys else None,
        headers=bearer(keys["header"]) if "header" in keys else None,
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


def test_refusals_come_in_their_order(project: ProjectClient, other_project: ProjectClient) -> None:
    """Each key would be refused for several reasons."""
    nothing = project.new_key("annotation:read", projects=[project.id])

    def detail(project_id: object, key: str) -> str:
        text: str = project.get(f"/api/projects/{project_id}/persons/", key=key).json()["detail"]
        return text

    assert detail(0, UNKNOWN).endswith("is invalid.")
    assert detail(0, nothing) == "Project not found."
    assert detail(other_project.id, nothing) == (
        f"API key does not have access to the requested project: ID {other_project.id}."
    )
    assert detail(other_project.id, project.new_key("annotation:read")) == (
        "API key missing required scope 'person:read'"
    )
    assert detail(other_project.id, project.new_key("person:read")) == "You don't have access to the project."
    assert detail(project.id, nothing) == "API key missing required scope 'person:read'"


def test_all_demanded_scopes_are_checked_in_their_order(project: ProjectClient) -> None:
    url = f"{project.persons_url}cohorts/"

    for scopes, missing in (
        (["annotation:read"], "person:read"),
        (["cohort:read"], "person:read"),
        (["person:write"], "cohort:read"),
    ):
        response = project.get(url, key=project.new_key(*scopes), person_id=1)
        assert refusal(response)[3] == f"API key missing required scope '{missing}'"


def test_a_key_without_scopes_may_do_nothing(project: ProjectClient) -> None:
    PersonalAPIKey.objects.filter(user__email=project.owner).update(scopes=[])

    assert refusal(project.get(project.persons_url))[3] == "API key missing required scope 'person:read'"


def test_a_key_limited_to_organizations_reaches_no_other(
    project: ProjectClient, other_project: ProjectClient
) -> None:
    """It works there although its owner looks at another one at the moment."""
    user = User.objects.get(email=project.owner)
    theirs = other_project.project.organization_id
    Membership.objects.create(user=user, organization_id=theirs)
    User.objects.filter(pk=user.pk).update(current_project=project.project)
    PersonalAPIKey.objects.filter(user=user).update(scoped_organizations=[theirs])

    assert project.get(other_project.persons_url).status_code == 200
    for url in (project.persons_url, "/api/projects/@current/persons/", "/api/person/"):
        assert refusal(project.get(url))[3] == (
            "API key does not have access to the requested organization: "
            f"ID {project.project.organization_id}."
        )


def test_a_key_for_organizations_without_the_project_is_no_member(project: ProjectClient) -> None:
    organization = Organization.objects.create(name="elsewhere")
    Membership.objects.filter(user__email=project.owner).update(organization=organization)

    assert refusal(project.get(project.persons_url))[3] == "You don't have access to the project."


VECTOR = "test_key_12345"


def test_hashes_are_those_that_older_servers_stored() -> None:
    assert hash_key(VECTOR) == "sha256$45af89b510a3279a817f851de5d3f95b73485d58ec2672a39e52d8aeeb014059"
    assert legacy_hash_key(VECTOR, 260_000) == (
        "pbkdf2_sha256$260000$posthog_personal_api_key$eeRy21dbVoEzYND0NVLfjXxgNeO67SeBRrwQr6bbhK4="
    )


@pytest.mark.parametrize("iterations", [260_000, 390_000])
def test_an_older_hash_works_and_is_replaced_at_its_first_use(
    project: ProjectClient, iterations: int
) -> None:
    value = f"no prefix {uuid4().hex}"
    keys = PersonalAPIKey.objects.filter(user__email=project.owner)
    keys.update(secure_value=legacy_hash_key(value, iterations))
    shown = project.http.get("/api/personal_api_keys/@current/", headers=bearer(value))
    assert project.get(project.persons_url).status_code == 401

    assert project.get(project.persons_url, key=value).status_code == 200
    assert keys.get().secure_value == hash_key(value)
    assert shown.status_code == 200
    assert project.get(project.persons_url, key=value).status_code == 200


def test_the_use_of_a_key_is_noted_once_an_hour(project: ProjectClient) -> None:
    keys = PersonalAPIKey.objects.filter(user__email=project.owner)
    lately, long_ago = timezone.now() - timedelta(minutes=59), timezone.now() - timedelta(minutes=61)

    keys.update(last_used_at=lately)
    assert project.get(project.persons_url).status_code == 200
    assert keys.get().last_used_at == lately

    keys.update(last_used_at=long_ago)
    assert project.get(project.persons_url).status_code == 200
    assert (keys.get().last_used_at or long_ago) > lately

    keys.update(last_used_at=long_ago)
    assert project.get(project.persons_url, key=UNKNOWN).status_code == 401
    assert keys.get().last_used_at == long_ago


def test_an_old_root_wants_a_current_project(project: ProjectClient) -> None:
    for path in ("/api/person/", "/api/person", "/api/person/1/", "/api/cohort/", "/api/person.csv"):
        assert refusal(project.get(path)) == (
            401,
            "authentication_error",
            "authentication_failed",
            "This endpoint requires a current project to be set on your account.",
        )


def test_a_token_picks_the_project_of_an_old_root(
    project: ProjectClient, other_project: ProjectClient
) -> None:
    person = make_person(project, "a")
    User.objects.filter(email=project.owner).update(current_project=other_project.project)

    found = project.get("/api/person/", token=project.token)

    assert [row["uuid"] for row in found.json()["results"]] == [person["uuid"]]
    assert project.get(f"/api/person/{person['uuid']}/", token=project.token).status_code == 200
    theirs = project.get("/api/person/", token=other_project.token)
    assert refusal(theirs)[3] == "You don't have access to the project."
    for token in ("phc_unknown", "", f"{project.token}\0", "x" * 5000):
        assert refusal(project.get("/api/person/", token=token)) == (
            401, "authentication_error", "authentication_failed", "The project token is unknown.",
        )  # fmt: skip
    assert refusal(project.get("/api/person/", token=project.token, key=UNKNOWN))[3].endswith("is invalid.")


def test_a_token_means_nothing_in_a_path_with_a_project(
    project: ProjectClient, other_project: ProjectClient
) -> None:
    make_person(project, "a")

    found = project.get(project.persons_url, token=other_project.token)

    assert len(found.json()["results"]) == 1


def test_the_mark_of_an_old_root_is_no_name_of_a_project(project: ProjectClient) -> None:
    User.objects.filter(email=project.owner).update(current_project=project.project)

    for name in ("%2F", "//", "@legacy", "None", "null", "%00"):
        response = project.get(f"/api/projects/{name}/persons/")
        assert response.status_code == 404, name


def test_environments_tell_where_projects_are(project: ProjectClient) -> None:
    person = make_person(project, "a")
    for path, status in (
        ("", 200),
        (f"persons/{person['uuid']}", 200),
        ("persons/?limit=1&search=a%20b", 200),
        ("persons/?format=csv", 200),
        ("cohorts/", 200),
        ("persons/?limit=x", 400),
        ("persons/0/", 404),
        ("persons/?format=xml", 404),
    ):
        old = project.get(f"/api/environments/{project.id}/{path}")
        new = project.get(f"/api/projects/{project.id}/{path}")
        assert (old.status_code, new.status_code) == (status, status), path
        assert old.text == new.text.replace("/api/projects/", "/api/environments/")
        assert old.headers["Deprecation"] == "true"
        assert old.headers["Link"] == f'</api/projects/{project.id}/{path}>; rel="successor-version"'
        assert "Sunset" not in old.headers
        assert not {"Deprecation", "Link"} & set(new.headers)
    refused = project.http.delete(f"/api/environments/{project.id}/persons/1/")
    assert (refused.status_code, refused.headers["Deprecation"]) == (401, "true")
    everything = project.get("/api/environments/")
    assert (everything.status_code, everything.headers["Link"]) == (
        200, '</api/projects/>; rel="successor-version"',
    )  # fmt: skip


def test_environments_without_a_project_route_are_left_alone(project: ProjectClient) -> None:
    response = project.get(f"/api/environments/{project.id}/nothing/")

    assert refusal(response) == (404, "invalid_request", "not_found", "Endpoint not found.")
    assert not {"Deprecation", "Link"} & set(response.headers)


def test_environments_tell_when_they_end(project: ProjectClient, stack: Stack) -> None:
    with web(stack, PERSONS_API_ENVIRONMENTS_SUNSET="2027-12-31", PERSONS_API_RATE_LIMITS="off") as url:
        response = project.get(f"{url}/api/environments/{project.id}/persons/")

    assert response.headers["Sunset"] == "Fri, 31 Dec 2027 00:00:00 GMT"


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


@pytest.mark.parametrize("path", ["/api/", "/api/nothing/", "/api/projects/1/nothing/", "/static/none.js"])
def test_an_unknown_path_is_404_in_json(project: ProjectClient, path: str) -> None:
    response = project.http.get(path)

    assert refusal(response) == (404, "invalid_request", "not_found", "Endpoint not found.")
