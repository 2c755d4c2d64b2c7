"""Every route of the URL configuration, asked by who may not: exact refusals, and nothing of the project in them. And
by who may, about things of somebody else: they do not exist.
"""

import http.client
import json
import re
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.urls import URLPattern, URLResolver

from core.api.account import AccountViewSet
from core.api.keys import PersonalAPIKeyViewSet
from core.api.projects import ProjectViewSet as SettingsViewSet
from core.api.users import UserViewSet
from core.api.views import ProjectViewSet
from core.auth.scopes import alternatives
from core.models import Membership, Organization, Project, ProjectDeletion, User
from core.services.create_key import create_key
from core.services.create_project import create_project
from persons_api.middleware import readable
from persons_api.urls import urlpatterns
from tests.browser import logged_in
from tests.clients import ProjectClient, bearer, event, new_project
from tests.persons import make_person
from tests.stack import Stack

UNKNOWN = "phx_" + "x" * 48
SECRET = "nobody else is to see this"
#: Routes that want no key, or have a rule of their own: capture, what SDKs ask, documents, health, logins.
PUBLIC = {
    "/", "/_health", "/_metrics", "/_ready", "/api/feature_flag/local_evaluation", "/api/login",
    "/api/logout", "/api/schema", "/api/schema/redoc", "/api/schema/swagger-ui", "/array/{token}/config",
    "/array/{token}/config.js", "/batch", "/capture", "/decide", "/e", "/engage", "/flags",
    "/flags/definitions", "/i/v0/ai/batch", "/i/v0/e", "/i/v1/analytics/events", "/login", "/logout", "/s",
    "/static/surveys.js", "/track",
}  # fmt: skip
#: Pages for browsers take no keys; tests/admin tells who sees them.
PAGES = "/admin/"

#: Status, type, code and detail.
Refusal = tuple[int, str, str, str]
NO_KEY = (401, "authentication_error", "not_authenticated", "Authentication credentials were not provided.")
WRONG_KEY = (
    401, "authentication_error", "authentication_failed",
    "Personal API key found in request Authorization header is invalid.",
)  # fmt: skip


def forbidden(detail: str) -> Refusal:
    return 403, "authentication_error", "permission_denied", detail


NO_ACCESS = forbidden("You don't have access to the project.")
NO_KEYS = forbidden("This action does not support personal API key access")
NO_TOKEN = forbidden("CSRF Failed: CSRF token missing.")
ONLY_PROJECTS = forbidden("API keys with scoped projects are only supported on project-based endpoints.")


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

    @property
    def takes_no_keys(self) -> bool:
        """Who is logged in may look after keys, and delete oneself."""
        return self.view is PersonalAPIKeyViewSet or (self.view, self.action) == (UserViewSet, "destroy")

    @property
    def is_of_a_project(self) -> bool:
        return issubclass(self.view, ProjectViewSet)


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


ROUTES = [one for one in _routes() if issubclass(one.view, ProjectViewSet | AccountViewSet)]
OF_PROJECTS = [one for one in ROUTES if one.is_of_a_project]
#: Those that a key may ask.
WITH_SCOPES = [one for one in ROUTES if not one.takes_no_keys]

Headers = Mapping[str, str]


@dataclass
class Answer:
    status: int
    headers: Headers
    text: str


class Connections:
    """One a thread. Not httpx: it costs more than the answers do."""

    def __init__(self, url: str) -> None:
        self.address = urlsplit(url)
        self.local = threading.local()

    def of_this_thread(self) -> http.client.HTTPConnection:
        if not hasattr(self.local, "connection"):
            self.local.connection = http.client.HTTPConnection(
                self.address.hostname or "", self.address.port, timeout=40
            )
        connection: http.client.HTTPConnection = self.local.connection
        return connection


@dataclass
class World:
    """A project with something of every kind, siblings of it, an organization that takes no keys of its members, and
    somebody else, who is logged in, too.
    """

    connections: "Connections"
    project: ProjectClient
    stranger: ProjectClient
    siblings: list[Project]
    closed: Project
    person: dict[str, Any]
    #: Ids of things of the project, by the first segment of the path below it.
    things: dict[str, str]
    session: Headers
    keys: dict[tuple[Any, ...], str] = field(default_factory=dict)

    def key(self, *scopes: str, projects: tuple[int, ...] = ()) -> str:
        """A key of the project's owner."""
        known = (*scopes, projects)
        if known not in self.keys:
            self.keys[known] = create_key(
                label="test", scopes=scopes, project_ids=projects, user_email=self.project.owner
            ).value
        return self.keys[known]

    def ask(self, route: Route, headers: Headers, *, project: Project | None = None) -> Answer:
        body = None if route.method == "GET" else b"{}"
        whole = {**headers, "Content-Type": "application/json"} if body else dict(headers)
        url = self.url(route, project or self.project.project)
        connection = self.connections.of_this_thread()
        connection.request(route.method, url, body=body, headers=whole)
        response = connection.getresponse()
        told = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, told, response.read().decode())

    def url(self, route: Route, project: Project) -> str:
        """The path in ``project``, about things of the project of this world."""
        names = {
            "project_id": project.pk,
            "organization_id": project.organization_id,
            "id": self._thing(route, project),
            "uuid": "@me",
            "format": "json",
            **self.things,
        }
        return re.sub(r"\{(\w+)\}", lambda match: str(names.get(match.group(1), 1)), route.path)

    def _thing(self, route: Route, project: Project) -> Any:
        if route.view is SettingsViewSet:
            return project.pk
        for kind in ("cohort", "webhook"):
            if f"/{kind}" in route.path:
                return self.things[kind]
        return self.person["uuid"]

    def callers(self, route: Route) -> Iterator[tuple[str, Headers, Refusal]]:
        """Who may not, and what they are told."""
        yield "no key", {}, NO_KEY
        yield "a wrong key", bearer(UNKNOWN), WRONG_KEY
        yield "a project token", bearer(self.project.token), WRONG_KEY
        if route.method != "GET":
            yield "a change without the token of the page", {"Cookie": self.session["Cookie"]}, NO_TOKEN
        for missing in route.scopes:
            yield f"a key without {missing}", bearer(self.key_without(route, missing)), _without(missing)
        yield from self._of_project(route) if route.is_of_a_project else self._of_account(route)

    def key_without(self, route: Route, missing: str) -> str:
        """Reading does not include writing, nor does another object help."""
        choices = alternatives(missing)
        others = [one for scope in route.scopes if scope != missing for one in alternatives(scope)]
        weaker = [one.replace(":write", ":read") for one in choices if one.endswith(":write")]
        return self.key("annotation:write", *others, *weaker)

    @property
    def limited(self) -> Headers:
        """A key for other projects."""
        return bearer(self.key("*", projects=tuple(one.pk for one in self.siblings)))

    def _of_project(self, route: Route) -> Iterator[tuple[str, Headers, Refusal]]:
        yield "a key of somebody else", bearer(self.stranger.key), NO_ACCESS
        yield "somebody else who is logged in", self.session, NO_ACCESS
        if "{project_id}" in route.path:
            yield "a key for other projects", self.limited, _limited(self.project.id)

    def _of_account(self, route: Route) -> Iterator[tuple[str, Headers, Refusal]]:
        if route.takes_no_keys:
            yield "a key for everything", bearer(self.project.key), NO_KEYS
            yield "a limited key", self.limited, NO_KEYS
        elif route.view is SettingsViewSet and "{id}" in route.path:
            yield "a limited key", self.limited, _limited(self.project.id)
        elif route.view is not UserViewSet:
            yield "a limited key", self.limited, ONLY_PROJECTS


def _without(missing: str) -> Refusal:
    return forbidden(f"API key missing required scope '{alternatives(missing)[0]}'")


def _limited(project_id: int) -> Refusal:
    return forbidden(f"API key does not have access to the requested project: ID {project_id}.")


@pytest.fixture(scope="module")
def world(stack: Stack) -> Iterator[World]:
    """Everybody's current project is this one, also the stranger's."""
    with new_project(stack) as project, new_project(stack, stranger=True) as stranger:
        siblings = [create_project(name="sibling") for _ in range(2)]
        User.objects.filter(email__in=[project.owner, stranger.owner]).update(current_project=project.project)
        project.capture(event("$set", SECRET, **{"$set": {"secret": SECRET, "email": SECRET}}))
        found = project.person(SECRET)
        assert found
        things, session = _things(project, found), _session(stranger)
        yield World(
            Connections(stack.url), project, stranger, siblings, _closed(project), found, things, session
        )


def _things(project: ProjectClient, person: dict[str, Any]) -> dict[str, str]:
    """Something of every kind that has an id."""
    below = f"/api/projects/{project.id}"
    hook = {"url": "http://127.0.0.1:9/secret", "events": ["person.updated"]}
    webhook = project.post(f"{below}/webhooks/", hook).json()["id"]
    project.post(f"{project.persons_url}{person['uuid']}/update_property/", {"key": "a", "value": 1})
    cohort = {"name": SECRET, "is_static": True, "_create_static_person_ids": [person["uuid"]]}
    question: dict[str, Any] = {"events": json.dumps([{"id": SECRET}]), "funnel_step": 1, "async": "true"}
    asked = project.get(f"{project.persons_url}funnel/", **question)
    make_person(project, "erased")
    erasure = {"distinct_ids": ["erased"], "delete_events": True}
    project.post(f"{project.persons_url}bulk_delete/", erasure).raise_for_status()
    (deletion,) = project.get(f"{project.persons_url}deletion_status/").json()["results"]
    (delivery, *_) = project.get(f"{below}/webhooks/{webhook}/deliveries/").json()["results"]
    return {
        "cohort": project.post(f"{below}/cohorts/", cohort).json()["id"],
        "webhook": webhook,
        "query_id": asked.json()["query_status"]["id"],
        "deletion_id": deletion["id"],
        "delivery_id": delivery["id"],
        "project": str(_deleted(project)),
    }


def _deleted(project: ProjectClient) -> int:
    """The id of a project of the same organization that was deleted."""
    gone = create_project(name=SECRET)
    project.delete(f"/api/projects/{gone.pk}/").raise_for_status()
    return gone.pk


def _closed(project: ProjectClient) -> Project:
    """A project whose organization takes no keys of ordinary members, of whom the owner of ``project`` is one."""
    organization = Organization.objects.create(name="closed", members_can_use_personal_api_keys=False)
    Membership.objects.create(user=User.objects.get(email=project.owner), organization=organization)
    return Project.objects.create(
        organization=organization, name="closed", api_token=f"phc_{organization.pk}"
    )


def _session(stranger: ProjectClient) -> Headers:
    with logged_in(stranger) as browser:
        cookies = "; ".join(f"{name}={value}" for name, value in browser.http.cookies.items())
        return {"Cookie": cookies, "X-CSRFToken": browser.http.cookies["posthog_csrftoken"]}


def refused(route: Route, answer: Answer) -> Refusal | str:
    """The refusal, if it is one in the one form that tells nothing; else what it was instead."""
    if SECRET in answer.text or SECRET in str(answer.headers):
        return f"a leak: {answer.text}"
    body = json.loads(answer.text)
    # The only route whose errors have one more name, for older clients.
    if route.path.endswith("properties_at_time") and body.pop("error", None) != body.get("detail"):
        return "an error without its other name"
    if body.keys() != {"type", "code", "detail", "attr"} or body["attr"] is not None:
        return f"another form: {answer.text}"
    if ("www-authenticate" in answer.headers) != (answer.status == 401):
        return f"{answer.status} with {answer.headers}"
    return answer.status, body["type"], body["code"], body["detail"]


def test_every_route_is_one_of_a_project_of_an_account_or_public() -> None:
    guarded = {one.path for one in ROUTES}
    paths = {path for path, _ in _walk(urlpatterns) if not path.startswith(PAGES)}

    assert paths - guarded == PUBLIC
    assert len(OF_PROJECTS) > 100


def test_every_action_names_the_scopes_that_it_demands() -> None:
    assert [str(one) for one in WITH_SCOPES if not one.scopes] == []


#: Who, and what came: a refusal, or what it was instead.
Told = list[tuple[str, Refusal | str]]


@pytest.fixture(scope="module")
def told(world: World) -> dict[Route, Told]:
    """What everybody who may not is told, asked for at once: a test for each route would wait for each answer."""
    asked = {route: list(world.callers(route)) for route in ROUTES}

    def answers(route: Route) -> Told:
        return [(who, refused(route, world.ask(route, headers))) for who, headers, _ in asked[route]]

    with ThreadPoolExecutor(4) as threads:
        return dict(zip(ROUTES, threads.map(answers, ROUTES), strict=True))


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_who_may_not_is_told_so_and_nothing_else(world: World, told: dict[Route, Told], route: Route) -> None:
    assert told[route] == [(who, refusal) for who, _, refusal in world.callers(route)]


@pytest.mark.parametrize("route", [one for one in OF_PROJECTS if "{project_id}" in one.path], ids=str)
def test_things_of_others_do_not_exist_in_ones_own_project(world: World, route: Route) -> None:
    """Ids, and whatever a list might have, asked for where one may do everything."""
    answer = world.ask(route, bearer(world.stranger.key), project=world.stranger.project)

    assert SECRET not in answer.text
    assert answer.status not in (401, 403)
    if re.search(r"\{\w*id\}", route.path.partition("{project_id}")[2]) and answer.status not in (400, 405):
        assert (answer.status, json.loads(answer.text)["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    "route", [one for one in WITH_SCOPES if re.search(r"\{(project_id|organization_id)\}", one.path)], ids=str
)
def test_an_organization_that_takes_no_keys_of_its_members(world: World, route: Route) -> None:
    answer = world.ask(route, bearer(world.project.key), project=world.closed)

    assert refused(route, answer) == forbidden(
        "Organization 'closed' does not allow using personal API keys. "
        "Contact an admin to enable personal API keys for this organization."
    )


def test_users_look_after_themselves_with_a_limited_key(world: World) -> None:
    """The only routes beside projects that ask for no more than a scope."""
    of_users = [one for one in WITH_SCOPES if one.view is UserViewSet]

    assert {world.ask(route, world.limited).status for route in of_users} == {200}


def test_refusals_changed_nothing(world: World) -> None:
    """Runs after the others of this module, whose requests were all refused."""
    now = world.project.person(SECRET) or {}
    assert now["properties"]["secret"] == SECRET
    assert (now["uuid"], now["distinct_ids"]) == (world.person["uuid"], world.person["distinct_ids"])
    assert len(world.project.get(world.project.persons_url).json()["results"]) == 1
    assert Project.objects.get(pk=world.project.id).name == world.project.project.name
    assert not ProjectDeletion.objects.filter(project_id=world.project.id).exists()


def test_all_of_it_is_there_for_who_may(world: World) -> None:
    """The same requests with a key for everything get no 401 and no 403: it was the key that was refused."""
    with_reads = [one for one in WITH_SCOPES if one.method == "GET"]
    key = bearer(world.project.key)
    refused_to_it = {str(one) for one in with_reads if world.ask(one, key).status in (401, 403)}

    assert refused_to_it == set()
    assert make_person(world.project, "another")["uuid"] != world.person["uuid"]
