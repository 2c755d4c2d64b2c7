"""Every route of the URL configuration, asked by who may not: exact refusals, and nothing of the project in them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from django.urls import URLPattern, URLResolver

from core.api.account import AccountViewSet
from core.api.keys import PersonalAPIKeyViewSet
from core.api.projects import ProjectViewSet as SettingsViewSet
from core.api.users import UserViewSet
from core.api.views import ProjectViewSet
from core.auth.scopes import alternatives
from core.models import Project, User
from core.services.create_key import create_key
from core.services.create_project import create_project
from persons_api.middleware import readable
from persons_api.urls import urlpatterns
from tests.browser import Browser, logged_in
from tests.clients import ProjectClient, bearer, event, new_project
from tests.persons import make_person
from tests.stack import Stack

UNKNOWN = "phx_" + "x" * 48
SECRET = "nobody else is to see this"
#: Routes that want no key, or have a rule of their own: capture, what SDKs ask, documents, health, logins.
PUBLIC = {
    "/_health", "/_metrics", "/_ready", "/api/feature_flag/local_evaluation", "/api/login", "/api/logout",
    "/api/schema", "/api/schema/redoc", "/api/schema/swagger-ui", "/array/{token}/config",
    "/array/{token}/config.js", "/batch", "/capture", "/decide", "/e", "/engage", "/flags",
    "/flags/definitions", "/i/v0/ai/batch", "/i/v0/e", "/i/v1/analytics/events", "/s",
    "/static/surveys.js", "/static/{path}", "/track",
}  # fmt: skip
NO_KEY = (401, "authentication_error", "not_authenticated", "Authentication credentials were not provided.")
WRONG_KEY = (
    401, "authentication_error", "authentication_failed",
    "Personal API key found in request Authorization header is invalid.",
)  # fmt: skip


def forbidden(detail: str) -> tuple[int, str, str, str]:
    return 403, "authentication_error", "permission_denied", detail


@dataclass(frozen=True)
class Route:
    """A method of a path, and the action that answers it."""

    method: str
    path: str
    action: str
    view: Any

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def scopes(self) -> tuple[str, ...]:
        scopes: tuple[str, ...] = self.view.scopes.get(self.action, ())
        return scopes


def _walk(patterns: list[Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for one in patterns:
        path = prefix + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from _walk(one.url_patterns, path)
        else:
            assert isinstance(one, URLPattern)
            yield readable(path), one.callback


def _routes() -> Iterator[Route]:
    for path, callback in _walk(urlpatterns):
        for method, action in (getattr(callback, "actions", None) or {}).items():
            yield Route(method.upper(), path, action, callback.cls)


ROUTES = list(_routes())
OF_PROJECTS = [one for one in ROUTES if issubclass(one.view, ProjectViewSet)]
OF_ACCOUNTS = [one for one in ROUTES if issubclass(one.view, AccountViewSet)]
#: Those that a key may ask.
WITH_SCOPES = [one for one in OF_ACCOUNTS if one.view is not PersonalAPIKeyViewSet]


@dataclass
class World:
    """A project with a person, two siblings of it, and somebody else."""

    project: ProjectClient
    stranger: ProjectClient
    siblings: list[Project]
    person: dict[str, Any]
    keys: dict[tuple[Any, ...], str] = field(default_factory=dict)

    def key(self, *scopes: str, projects: tuple[int, ...] = ()) -> str:
        """A key of the project's owner."""
        known = (*scopes, projects)
        if known not in self.keys:
            self.keys[known] = create_key(
                label="test", scopes=scopes, project_ids=projects, user_email=self.project.owner
            ).value
        return self.keys[known]

    def ask(self, route: Route, key: str | None) -> httpx.Response:
        headers = bearer(key) if key else {}
        return self.project.http.request(
            route.method, self.url(route), json=self.body(route), headers=headers
        )

    def body(self, route: Route) -> dict[str, Any] | None:
        return None if route.method == "GET" else {}

    def url(self, route: Route) -> str:
        names = {
            "project_id": self.project.id,
            "organization_id": self.project.project.organization_id,
            "id": self.person["uuid"],
            "uuid": "@me",
        }
        if route.view is SettingsViewSet:
            names["id"] = self.project.id
        path = re.sub(r"\{(\w+)\}", lambda match: str(names.get(match.group(1), 1)), route.path)
        return path.replace("persons.1", "persons.json").replace("person.1", "person.json")

    def refuses(self, route: Route, key: str | None, expected: tuple[int, str, str, str]) -> None:
        self.is_refusal(route, self.ask(route, key), expected)

    def is_refusal(self, route: Route, response: httpx.Response, expected: tuple[int, str, str, str]) -> None:
        error_type, code, detail = expected[1:]
        body: dict[str, Any] = {"type": error_type, "code": code, "detail": detail, "attr": None}
        if route.path.endswith("properties_at_time"):
            # The only route whose errors have one more name, for older clients.
            body["error"] = detail
        assert (response.status_code, response.json()) == (expected[0], body)
        assert ("WWW-Authenticate" in response.headers) == (expected[0] == 401)
        for header in response.headers.values():
            assert SECRET not in header


@pytest.fixture(scope="module")
def world(stack: Stack) -> Iterator[World]:
    """Everybody's current project is this one, also the stranger's."""
    with new_project(stack) as project, new_project(stack, stranger=True) as stranger:
        siblings = [create_project(name="sibling") for _ in range(2)]
        User.objects.filter(email__in=[project.owner, stranger.owner]).update(current_project=project.project)
        project.capture(event("$set", SECRET, **{"$set": {"secret": SECRET}}))
        found = project.person(SECRET)
        assert found
        yield World(project, stranger, siblings, found)


def test_every_route_is_one_of_a_project_of_an_account_or_public() -> None:
    guarded = {one.path for one in OF_PROJECTS + OF_ACCOUNTS}

    assert {path for path, _ in _walk(urlpatterns)} - guarded == PUBLIC
    assert len(OF_PROJECTS) > 100


def test_every_action_names_the_scopes_that_it_demands() -> None:
    assert [str(one) for one in OF_PROJECTS + WITH_SCOPES if not one.scopes] == []


@pytest.mark.parametrize("route", OF_PROJECTS + OF_ACCOUNTS, ids=str)
def test_no_key_and_a_wrong_key(world: World, route: Route) -> None:
    world.refuses(route, None, NO_KEY)
    world.refuses(route, UNKNOWN, WRONG_KEY)
    world.refuses(route, world.project.token, WRONG_KEY)


@pytest.mark.parametrize("route", OF_PROJECTS + WITH_SCOPES, ids=str)
def test_each_scope_that_is_missing_is_named(world: World, route: Route) -> None:
    for missing in route.scopes:
        choices = alternatives(missing)
        others = [one for scope in route.scopes if scope != missing for one in alternatives(scope)]
        # Reading does not include writing, nor does another object help.
        weaker = [one.replace(":write", ":read") for one in choices if one.endswith(":write")]
        refusal = forbidden(f"API key missing required scope '{choices[0]}'")
        world.refuses(route, world.key("annotation:write", *others, *weaker), refusal)


@pytest.mark.parametrize("route", OF_PROJECTS, ids=str)
def test_a_key_of_somebody_else(world: World, route: Route) -> None:
    world.refuses(route, world.stranger.key, forbidden("You don't have access to the project."))


@pytest.fixture(scope="module")
def foreign_browser(world: World) -> Iterator[Browser]:
    """Somebody else is logged in."""
    with logged_in(world.stranger) as browser:
        yield browser


@pytest.mark.parametrize("route", OF_PROJECTS, ids=str)
def test_somebody_else_who_is_logged_in(world: World, foreign_browser: Browser, route: Route) -> None:
    response = foreign_browser.send(route.method, world.url(route), world.body(route))

    world.is_refusal(route, response, forbidden("You don't have access to the project."))


@pytest.mark.parametrize("route", [one for one in OF_PROJECTS + OF_ACCOUNTS if one.method != "GET"], ids=str)
def test_a_change_without_the_token_of_the_page(world: World, foreign_browser: Browser, route: Route) -> None:
    response = foreign_browser.http.request(route.method, world.url(route), json=world.body(route))

    world.is_refusal(route, response, forbidden("CSRF Failed: CSRF token missing."))


@pytest.mark.parametrize("route", OF_PROJECTS, ids=str)
def test_a_key_that_is_limited_to_other_projects(world: World, route: Route) -> None:
    key = world.key("*", projects=tuple(one.pk for one in world.siblings))

    world.refuses(
        route,
        key,
        forbidden(f"API key does not have access to the requested project: ID {world.project.id}."),
    )


@pytest.mark.parametrize("route", OF_ACCOUNTS, ids=str)
def test_a_limited_key_beside_projects(world: World, route: Route) -> None:
    key = world.key("*", projects=tuple(one.pk for one in world.siblings))
    if route.view is UserViewSet:
        assert world.ask(route, key).status_code == 200
    elif route.view is PersonalAPIKeyViewSet:
        world.refuses(route, key, forbidden("This action does not support personal API key access"))
    elif route.view is SettingsViewSet and "{id}" in route.path:
        detail = f"API key does not have access to the requested project: ID {world.project.id}."
        world.refuses(route, key, forbidden(detail))
    else:
        detail = "API keys with scoped projects are only supported on project-based endpoints."
        world.refuses(route, key, forbidden(detail))


def test_refusals_changed_nothing(world: World) -> None:
    """Runs after the others of this module, whose requests were all refused."""
    assert world.project.person(SECRET) == world.person
    assert len(world.project.get(world.project.persons_url).json()["results"]) == 1
    name = Project.objects.get(pk=world.project.id).name
    assert name == world.project.project.name


def test_all_of_it_is_there_for_who_may(world: World) -> None:
    """The same requests with a key for everything get no 401 and no 403: it was the key that was refused."""
    with_reads = [one for one in OF_PROJECTS + WITH_SCOPES if one.method == "GET"]
    refused = {str(one) for one in with_reads if world.ask(one, world.project.key).status_code in (401, 403)}

    assert refused == set()
    assert make_person(world.project, "another")["uuid"] != world.person["uuid"]
