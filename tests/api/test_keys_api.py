"""``/api/personal_api_keys/``: users look after their keys, and what a key may see of itself."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import yaml

from core.models import PersonalAPIKey
from tests.browser import Browser, logged_in
from tests.clients import ProjectClient
from tests.persons import refusal

DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.yaml"
KEYS = "/api/personal_api_keys/"
REFUSED = (403, "authentication_error", "permission_denied", None)


@pytest.fixture
def browser(project: ProjectClient) -> Iterator[Browser]:
    with logged_in(project) as browser:
        yield browser


def make(browser: Browser, **fields: Any) -> dict[str, Any]:
    response = browser.send("POST", KEYS, {"label": "made", "scopes": ["person:read"], **fields})
    assert response.status_code == 201, response.text
    made: dict[str, Any] = response.json()
    return made


def test_a_key_is_made_and_shown_once(project: ProjectClient, browser: Browser) -> None:
    made = make(browser, description="", scoped_teams=[project.id], scoped_organizations=None)

    value = made.pop("value")
    shown = {**made, "value": None}
    assert value.startswith("phx_")
    assert made == {
        "id": made["id"],
        "label": "made",
        "description": None,
        "mask_value": f"{value[:4]}...{value[-4:]}",
        "created_at": made["created_at"],
        "last_used_at": None,
        "last_rolled_at": None,
        "user_id": PersonalAPIKey.objects.get(pk=made["id"]).user_id,
        "scopes": ["person:read"],
        "scoped_teams": [project.id],
        "scoped_organizations": [],
        "is_legacy_hashing": False,
    }
    assert browser.get(f"{KEYS}{made['id']}/").json() == shown
    assert browser.get(KEYS).json()[0] == shown
    assert len(browser.get(KEYS).json()) == 2
    assert project.get(project.persons_url, key=value).status_code == 200


def test_a_key_is_changed_and_keeps_its_secret(project: ProjectClient, browser: Browser) -> None:
    made = make(browser)
    wanted = {"label": "new", "description": "why", "scopes": ["cohort:read", "cohort:read"]}

    changed = browser.send("PATCH", f"{KEYS}{made['id']}/", wanted).json()

    assert changed == {**made, **wanted, "scopes": ["cohort:read"], "value": None}
    assert project.get(project.persons_url, key=made["value"]).json()["detail"] == (
        "API key missing required scope 'person:read'"
    )


def test_a_rolled_key_has_another_secret(project: ProjectClient, browser: Browser) -> None:
    made = make(browser)

    rolled = browser.send("POST", f"{KEYS}{made['id']}/roll/").json()

    assert rolled["value"] != made["value"]
    assert rolled["last_rolled_at"] is not None
    new = {name: rolled[name] for name in ("value", "mask_value", "last_rolled_at")}
    assert {**made, **new} == rolled
    assert project.get(project.persons_url, key=made["value"]).status_code == 401
    assert project.get(project.persons_url, key=rolled["value"]).status_code == 200


def test_a_deleted_key_is_gone(project: ProjectClient, browser: Browser) -> None:
    made = make(browser)

    response = browser.send("DELETE", f"{KEYS}{made['id']}/")

    assert (response.status_code, response.content) == (204, b"")
    assert project.get(project.persons_url, key=made["value"]).status_code == 401
    assert browser.get(f"{KEYS}{made['id']}/").status_code == 404


@pytest.mark.parametrize(
    ("method", "path"), [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "roll/")], ids=str
)
def test_keys_of_others_do_not_exist(
    project: ProjectClient, other_project: ProjectClient, browser: Browser, method: str, path: str
) -> None:
    theirs = PersonalAPIKey.objects.get(user__email=other_project.owner)

    response = browser.send(method, f"{KEYS}{theirs.pk}/{path}", {"label": "mine"})

    assert refusal(response) == (404, "invalid_request", "not_found", None)
    assert other_project.get(other_project.persons_url).status_code == 200


@pytest.mark.parametrize(
    ("fields", "code", "attr", "detail"),
    [
        ({"label": ""}, "blank", "label", "This field may not be blank."),
        ({"label": None}, "null", "label", "This field may not be null."),
        ({"label": "x" * 41}, "max_length", "label", "Ensure this field has no more than 40 characters."),
        ({"scopes": []}, "empty", "scopes", "This list may not be empty."),
        ({"scopes": "x"}, "not_a_list", "scopes", 'Expected a list of items but got type "str".'),
        ({"scopes": [{}]}, "invalid_input", "scopes__0", "Not a valid string."),
        ({"scopes": ["person:see"]}, "invalid_input", "scopes", "Invalid scope: person:see"),
        ({"scopes": ["nothing:read"]}, "invalid_input", "scopes", "Invalid scope: nothing:read"),
        ({"scopes": ["*", "person"]}, "invalid_input", "scopes", "Invalid scope: person"),
        ({"scopes": ["*:read"]}, "invalid_input", "scopes", "Invalid scope: *:read"),
        ({"scopes": ["Person:read"]}, "invalid_input", "scopes", "Invalid scope: Person:read"),
        ({"scopes": ["person:read:write"]}, "invalid_input", "scopes", "Invalid scope: person:read:write"),
        (
            {"scoped_teams": [1]},
            "invalid_input",
            "scoped_teams",
            "You must be a member of all teams that you are scoping the key to.",
        ),
        ({"scoped_teams": [2**63]}, "max_value", "scoped_teams__0", None),
        ({"scoped_teams": "1"}, "not_a_list", "scoped_teams", None),
        (
            {"scoped_organizations": [str(uuid4())]},
            "invalid_input",
            "scoped_organizations",
            "You must be a member of all organizations that you are scoping the key to.",
        ),
        (
            {"scoped_organizations": ["x"]},
            "invalid_input",
            "scoped_organizations",
            "Invalid organization UUID",
        ),
        ({"description": "x" * 1001}, "max_length", "description", None),
    ],
    ids=lambda value: None,
)
def test_mistakes_name_the_field(
    project: ProjectClient,
    other_project: ProjectClient,
    browser: Browser,
    fields: dict[str, Any],
    code: str,
    attr: str,
    detail: str | None,
) -> None:
    if fields == {"scoped_teams": [1]}:
        fields = {"scoped_teams": [other_project.id]}

    response = browser.send("POST", KEYS, {"label": "made", "scopes": ["person:read"], **fields})

    assert refusal(response) == (400, "validation_error", code, attr)
    assert detail is None or response.json()["detail"] == detail


def test_a_key_may_have_every_scope_that_a_route_demands(browser: Browser) -> None:
    operations = [
        one for methods in yaml.safe_load(DOCUMENT.read_text())["paths"].values() for one in methods.values()
    ]
    demanded = {
        scope
        for one in operations
        for way in one.get("security", [])
        for scopes in way.values()
        for scope in scopes
    }
    assert {"person:write", "query:read", "insight:read"} <= demanded

    assert make(browser, scopes=sorted(demanded))["scopes"] == sorted(demanded)


def test_what_is_missing_is_named(browser: Browser) -> None:
    assert refusal(browser.send("POST", KEYS, {})) == (400, "validation_error", "required", "label")
    assert refusal(browser.send("POST", KEYS, {"label": "x"})) == (
        400,
        "validation_error",
        "required",
        "scopes",
    )
    assert browser.send("POST", KEYS, []).json()["detail"] == (
        "Invalid data. Expected a dictionary, but got list."
    )


def test_there_is_no_eleventh_key(project: ProjectClient, browser: Browser) -> None:
    for _ in range(9):
        make(browser)

    response = browser.send("POST", KEYS, {"label": "made", "scopes": ["*"]})

    assert refusal(response) == (400, "validation_error", "invalid_input", None)
    assert response.json()["detail"] == (
        "You can only have 10 personal API keys. Remove an existing key before creating a new one."
    )


@pytest.mark.parametrize("scope", ["person:read", "*"])
def test_a_key_sees_itself_and_nothing_else(project: ProjectClient, scope: str) -> None:
    key = project.new_key(scope, projects=[project.id])
    own = project.get(f"{KEYS}@current/", key=key).json()
    another = PersonalAPIKey.objects.filter(user__email=project.owner).exclude(pk=own["id"]).get()

    assert own["value"] is None
    assert own["scopes"] == [scope]
    assert project.get(f"{KEYS}{own['id']}/", key=key).json() == own
    for method, path in [
        ("GET", ""),
        ("POST", ""),
        ("GET", f"{another.pk}/"),
        ("PATCH", f"{own['id']}/"),
        ("PATCH", "@current/"),
        ("DELETE", f"{own['id']}/"),
        ("POST", f"{own['id']}/roll/"),
    ]:
        response = request(project, method, KEYS + path, key)
        assert refusal(response) == REFUSED, (method, path)
        assert response.json()["detail"] == "This action does not support personal API key access"


def request(project: ProjectClient, method: str, path: str, key: str) -> httpx.Response:
    body = {"label": "x", "scopes": ["*"]} if method != "GET" else None
    return project.http.request(method, path, json=body, headers={"Authorization": f"Bearer {key}"})
