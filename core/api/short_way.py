"""One person, and a page of all persons, without the frameworks.

Most requests are one of these, and finding the route, wrapping the request and negotiating the form of the answer took
as long as everything else. What decides is what decides everywhere: the same functions find and judge the key, count
the request, read the persons and describe what went wrong. Only the headers are told a second time here.

A request that wants anything else, were it a parameter or another form, goes the usual way.
"""

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import ResolverMatch, resolve
from django.views import View

from core.api.errors import error_response
from core.api.persons.list import PersonListViewSet, page_of_persons, read_place_of_page
from core.api.persons.viewset import PersonViewSet, person_of
from core.api.rate_limits import check_budget, class_of, count_request, tell_budget
from core.auth.access import reachable_project
from core.auth.authentication import Caller, bearer_key, find_caller, is_use_unnoted
from core.json import dumps
from core.models import Project
from core.selectors.persons import PersonFilter

Handler = Callable[[HttpRequest], HttpResponseBase]

_PATH = re.compile(r"/api/projects/(\d{1,18})/persons(?:/([0-9a-fA-F-]{36}))?/?", re.ASCII)
_JSON = "application/json"
#: ``Accept`` of whoever takes JSON; absent is the same.
_FORMS = frozenset(["*/*", _JSON])
_OF_PAGES = frozenset(["limit", "offset"])
_EVERYBODY = PersonFilter()


def short_way(answer: Handler) -> Handler:
    """A middleware that answers by itself what it can."""

    def answered(request: HttpRequest) -> HttpResponseBase:
        return _answer(request) or answer(request)

    return answered


def _answer(request: HttpRequest) -> HttpResponse | None:
    if request.method != "GET" or (path := _PATH.fullmatch(request.path)) is None:
        return None
    project_id, person_id = path.groups()
    if request.META.get("HTTP_ACCEPT", _JSON) not in _FORMS or not _is_plain(request, person_id):
        return None
    key = bearer_key(request.META.get("HTTP_AUTHORIZATION", ""))
    if key is None:
        return None
    # Raises for a name that is none of ours, as the usual way does.
    request.get_host()
    try:
        caller = find_caller(key, project_id)
    except Exception as error:
        return _with_headers(error_response(error), request, person_id)
    if caller is None or is_use_unnoted(caller):
        return None
    return _with_headers(_read(request, caller, person_id), request, person_id)


def _is_plain(request: HttpRequest, person_id: str | None) -> bool:
    """Whether there is no parameter but those of pages."""
    if not request.META.get("QUERY_STRING"):
        return True
    return person_id is None and _OF_PAGES.issuperset(request.GET)


def _read(request: HttpRequest, caller: Caller, person_id: str | None) -> HttpResponse:
    budget = None
    try:
        action, scopes = _ACTIONS[person_id is None]
        project = reachable_project(caller, scopes)
        budget = count_request(caller, class_of(action, scopes), project_id=project.pk)
        check_budget(budget)
        response = HttpResponse(dumps(_body(request, caller, project, person_id)), content_type=_JSON)
    except Exception as error:
        response = error_response(error)
    tell_budget(response, budget)
    return response


def _body(request: HttpRequest, caller: Caller, project: Project, person_id: str | None) -> dict[str, Any]:
    if person_id is not None:
        return person_of(project, person_id)
    limit, offset = read_place_of_page(request.GET)
    return page_of_persons(request, caller, project, where=_EVERYBODY, limit=limit, offset=offset)


#: Action and scopes of one person, and of a page.
_ACTIONS = (
    ("retrieve", PersonViewSet.scopes["retrieve"]),
    ("list", PersonListViewSet.scopes["list"]),
)


def _with_headers(response: HttpResponse, request: HttpRequest, person_id: str | None) -> HttpResponse:
    route, allowed = _route(person_id is None)
    # By which the request is counted.
    request.resolver_match = route
    response["Vary"] = "Accept"
    response["Allow"] = allowed
    response["Content-Length"] = str(len(response.content))
    return response


@cache
def _route(is_page: bool) -> tuple[ResolverMatch, str]:
    """The route, whoever the person is, and its methods."""
    match = resolve("/api/projects/1/persons/" if is_page else "/api/projects/1/persons/1/")
    view: Any = match.func
    methods = {*view.actions, "head", "options"}
    return match, ", ".join(name.upper() for name in View.http_method_names if name in methods)
