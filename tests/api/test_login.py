"""Sessions of browsers: logging in and out, the CSRF token, and what wants a fresh login."""

import json
import secrets
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest
from django.contrib.sessions.models import Session

from core.models import User
from tests.browser import logged_in
from tests.clients import NO_TLS, ProjectClient, bearer
from tests.persons import make_person, refusal
from tests.stack import Stack

LOGIN, LOGOUT, ME, KEYS = "/api/login/", "/api/logout/", "/api/users/@me/", "/api/personal_api_keys/"
PASSWORD = "once upon a time"
NOT_LOGGED_IN = (401, "authentication_error", "not_authenticated", None)
FORBIDDEN = (403, "authentication_error", "permission_denied", None)


@pytest.fixture
def user(project: ProjectClient) -> User:
    user = User.objects.get(email=project.owner)
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.fixture
def http(project: ProjectClient) -> Iterator[httpx.Client]:
    """A browser in which nobody is logged in."""
    with httpx.Client(base_url=project.http.base_url, timeout=40, verify=NO_TLS) as http:
        yield http


def test_a_login_lasts_until_the_logout(http: httpx.Client, user: User) -> None:
    assert refusal(http.get(ME)) == NOT_LOGGED_IN

    response = http.post(LOGIN, json={"email": user.email.upper(), "password": PASSWORD})

    assert (response.status_code, response.json()) == (200, {"success": True})
    cookie = next(one for one in response.headers.get_list("set-cookie") if one.startswith("sessionid="))
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert f"Max-Age={14 * 24 * 60 * 60}" in cookie
    assert http.get(ME).json()["email"] == user.email
    session = http.cookies["sessionid"]
    token = {"X-CSRFToken": http.cookies["posthog_csrftoken"]}
    assert http.post(LOGOUT, headers=token).json() == {"success": True}
    assert "sessionid" not in http.cookies
    assert refusal(http.get(ME, headers={"Cookie": f"sessionid={session}"})) == NOT_LOGGED_IN


def command(stack: Stack, *arguments: str, password: str) -> subprocess.CompletedProcess[str]:
    whole = [sys.executable, "-m", "persons_api", *arguments, "--data-dir", str(stack.folder)]
    return subprocess.run(whole, input=f"{password}\n", capture_output=True, text=True)


def test_the_command_line_makes_people_and_gives_them_passwords(stack: Stack, http: httpx.Client) -> None:
    email = f"{secrets.token_hex(6)}@example.org"

    made = command(stack, "create-user", "--email", email, "--level", "admin", "--json", password=PASSWORD)

    assert made.returncode == 0, made.stderr
    answer = json.loads(made.stdout)
    assert answer == {"id": answer["id"], "email": email, "level": "admin"}
    assert http.post(LOGIN, json={"email": email, "password": PASSWORD}).status_code == 200
    me = http.get(ME).json()
    assert (me["email"], me["organization"]["membership_level"]) == (email, 8)
    changed = command(stack, "set-password", "--email", email, password="something else")
    assert changed.returncode == 0, changed.stderr
    assert http.get(ME).status_code == 401
    assert http.post(LOGIN, json={"email": email, "password": PASSWORD}).status_code == 400
    assert http.post(LOGIN, json={"email": email, "password": "something else"}).status_code == 200


@pytest.mark.parametrize(
    ("arguments", "password", "complaint"),
    [
        (["create-user", "--email", "x"], PASSWORD, "email: Enter a valid email address."),
        (
            ["create-user", "--email", "a@example.org"],
            "short",
            "password: Ensure this field has at least 8 characters.",
        ),
        (
            ["create-user", "--email", "{owner}"],
            PASSWORD,
            "email: There is already a user with this address.",
        ),
        (
            ["set-password", "--email", "nobody@example.org"],
            PASSWORD,
            "email: There is no user with the address nobody@example.org.",
        ),
    ],
    ids=["address", "password", "taken", "unknown"],
)
def test_the_command_line_says_what_is_wrong(
    stack: Stack, project: ProjectClient, arguments: list[str], password: str, complaint: str
) -> None:
    given = [argument.format(owner=project.owner) for argument in arguments]

    result = command(stack, *given, password=password)

    assert (result.returncode, result.stdout, result.stderr) == (1, "", f"error: {complaint}\n")


def test_a_wrong_password_and_an_unknown_address_look_the_same(http: httpx.Client, user: User) -> None:
    for email, password in ((user.email, "wrong"), ("nobody@example.org", PASSWORD)):
        response = http.post(LOGIN, json={"email": email, "password": password})
        assert refusal(response) == (400, "validation_error", "invalid_credentials", None)
        assert response.json()["detail"] == "Invalid email or password."
        assert "sessionid" not in http.cookies


def test_inactive_users_cannot_log_in_and_are_out_at_once(
    project: ProjectClient, http: httpx.Client, user: User
) -> None:
    with logged_in(project) as browser:
        assert browser.get(ME).status_code == 200
        User.objects.filter(pk=user.pk).update(is_active=False)

        assert refusal(browser.get(ME)) == NOT_LOGGED_IN
    response = http.post(LOGIN, json={"email": user.email, "password": PASSWORD})
    assert refusal(response) == (400, "validation_error", "invalid_credentials", None)


def test_a_new_password_ends_sessions(project: ProjectClient, user: User) -> None:
    with logged_in(project) as browser:
        user.set_password("another")
        user.save()

        assert refusal(browser.get(ME)) == NOT_LOGGED_IN


def test_other_web_sites_cannot_log_anybody_in(http: httpx.Client, user: User) -> None:
    """A form is all that they can send without being asked."""
    response = http.post(LOGIN, data={"email": user.email, "password": PASSWORD})

    assert response.status_code == 415
    assert "sessionid" not in http.cookies


@pytest.mark.parametrize(
    ("body", "attr", "code"),
    [
        ({}, "email", "required"),
        ({"email": "a@example.org"}, "password", "required"),
        ({"email": "a@example.org", "password": ""}, "password", "blank"),
        ({"email": "a@example.org", "password": "x" * 1001}, "password", "max_length"),
        ([], None, "invalid_input"),
    ],
    ids=str,
)
def test_a_login_without_words_is_a_mistake(
    http: httpx.Client, body: object, attr: str | None, code: str
) -> None:
    assert refusal(http.post(LOGIN, json=body)) == (400, "validation_error", code, attr)


def test_changes_need_the_token_of_the_page(project: ProjectClient) -> None:
    with logged_in(project) as browser:
        for headers in ({}, {"X-CSRFToken": "x" * 32}, {"X-CSRFToken": ""}):
            refused = browser.http.patch(ME, json={"first_name": "x"}, headers=headers)
            assert refusal(refused) == FORBIDDEN
            assert refused.json()["detail"].startswith("CSRF Failed:")
            assert browser.http.post(LOGOUT, headers=headers).status_code == 403
        foreign = {"X-CSRFToken": browser.http.cookies["posthog_csrftoken"], "Origin": "https://example.org"}
        assert refusal(browser.http.patch(ME, json={}, headers=foreign)) == FORBIDDEN

        assert browser.send("PATCH", ME, {"first_name": "x"}).json()["first_name"] == "x"


def test_a_key_goes_before_the_session_and_needs_no_token(project: ProjectClient) -> None:
    with logged_in(project) as browser:
        unknown = browser.http.get(ME, headers=bearer("phx_unknown"))
        changed = browser.http.patch(ME, json={"first_name": "y"}, headers=bearer(project.key))

    assert refusal(unknown) == (401, "authentication_error", "authentication_failed", None)
    assert changed.json()["first_name"] == "y"


def test_a_session_is_for_all_scopes_in_reach(project: ProjectClient, other_project: ProjectClient) -> None:
    person = make_person(project, "a")
    with logged_in(project) as browser:
        assert [row["uuid"] for row in browser.get(project.persons_url).json()["results"]] == [person["uuid"]]
        changed = browser.send("PATCH", f"{project.persons_url}{person['uuid']}/", {"properties": {"a": 1}})
        assert changed.status_code == 202
        assert refusal(browser.get(other_project.persons_url)) == FORBIDDEN
        assert browser.get("/api/projects/0/persons/").json()["detail"] == "Project not found."
        assert browser.get("/api/projects/@current/persons/").status_code == 404


@pytest.mark.parametrize(
    ("method", "path"), [("POST", ""), ("PATCH", "x/"), ("POST", "x/roll/"), ("DELETE", "x/")]
)
def test_keys_are_changed_only_after_a_fresh_login(project: ProjectClient, method: str, path: str) -> None:
    with logged_in(project, seconds_ago=2 * 60 * 60 + 60) as browser:
        refused = browser.send(method, KEYS + path, {"label": "x", "scopes": ["*"]})
        assert browser.get(KEYS).status_code == 200
    with logged_in(project, seconds_ago=2 * 60 * 60 - 60) as browser:
        allowed = browser.send(method, KEYS + path, {"label": "x", "scopes": ["*"]})

    assert refusal(refused) == (403, "authentication_error", "sensitive_action_required_reauth", None)
    assert refused.json()["detail"] == "This action requires you to be recently authenticated."
    assert allowed.status_code == (404 if path else 201)


def test_names_are_changed_only_after_a_fresh_login_and_projects_at_any_time(project: ProjectClient) -> None:
    with logged_in(project, seconds_ago=2 * 60 * 60 + 60) as browser:
        refused = browser.send("PATCH", ME, {"first_name": "x", "set_current_team": project.id})
        team = browser.get(ME).json()["team"]
        moved = browser.send("PATCH", ME, {"set_current_team": project.id})

    assert refusal(refused) == (403, "authentication_error", "sensitive_action_required_reauth", None)
    assert team is None
    assert moved.json()["team"]["id"] == project.id


@pytest.mark.parametrize("cookie", ["x", "x" * 5000, "ö".encode().decode("latin-1"), "", "'; --"], ids=len)
def test_what_is_no_session_is_none(http: httpx.Client, cookie: str) -> None:
    headers = {b"Cookie": f"sessionid={cookie}".encode("latin-1")}

    assert refusal(http.get(ME, headers=headers)) == NOT_LOGGED_IN


def test_sessions_that_are_over_are_cleaned_up(
    project: ProjectClient, http: httpx.Client, user: User
) -> None:
    with logged_in(project) as browser:
        key = browser.http.cookies["sessionid"]
        Session.objects.filter(pk=key).update(expire_date="2020-01-01T00:00:00Z")

        assert refusal(browser.get(ME)) == NOT_LOGGED_IN
    assert http.post(LOGIN, json={"email": user.email, "password": PASSWORD}).status_code == 200
    assert not Session.objects.filter(pk=key).exists()
