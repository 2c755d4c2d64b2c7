"""What SDKs ask about feature flags, remote configuration and recordings. This server has none of these; it says so in
the form in which each SDK stays quiet and goes on sending events.
"""

from collections.abc import Callable
from typing import Any, cast
from uuid import uuid4

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.api.capture import ACCEPTED, for_browsers, project_of_token, read_payload
from core.api.errors import error_response
from core.auth.access import reachable_project
from core.auth.authentication import Caller, with_project
from core.events.body import decode
from core.events.read import InvalidEvent, checked_token, token_in
from core.json import dumps
from core.selectors.groups import group_types

_REMOTE_CONFIG: dict[str, Any] = {
    "supportedCompression": ["gzip", "gzip-js"],
    "hasFeatureFlags": False,
    "sessionRecording": False,
    "surveys": False,
}


def flags(request: HttpRequest) -> HttpResponse:
    """``/flags/`` and ``/decide/``: no flag, for nobody."""
    return _public(request, _flags)


def _flags(request: HttpRequest) -> HttpResponse:
    body = decode(read_payload(request), largest=settings.CAPTURE_MAX_INFLATED, may_be_base64=True)
    if not isinstance(body, dict):
        raise InvalidEvent("Expected an object.")
    project_of_token(checked_token(token_in(body) or ""))
    return _json(
        {
            "flags": {},
            "featureFlags": {},
            "featureFlagPayloads": {},
            "errorsWhileComputingFlags": False,
            "requestId": str(uuid4()),
            **_REMOTE_CONFIG,
        }
    )


def remote_config(request: HttpRequest, token: str) -> HttpResponse:
    """``/array/<token>/config``: what posthog-js asks at its start."""
    return _public(request, lambda _: _for_project(token, dumps(_REMOTE_CONFIG), "application/json"))


def remote_config_script(request: HttpRequest, token: str) -> HttpResponse:
    """The same as a script."""
    script = (
        "(function () { var all = window._POSTHOG_REMOTE_CONFIG = window._POSTHOG_REMOTE_CONFIG || {};"
        f" all[{dumps(token).decode()}] = {{config: {dumps(_REMOTE_CONFIG).decode()}, siteApps: []}}; }})();"
    )
    return _public(request, lambda _: _for_project(token, script.encode(), "application/javascript"))


def surveys_script(request: HttpRequest) -> HttpResponse:
    """posthog-js loads this from every page, also where there are no surveys, and reports an error without it."""
    script = b"(window.__PosthogExtensions__ = window.__PosthogExtensions__ || {}).generateSurveys = function () {};"
    response = HttpResponse(script, content_type="application/javascript")
    response["Cache-Control"] = "public, max-age=86400"
    return for_browsers(request, response)


def _for_project(token: str, content: bytes, content_type: str) -> HttpResponse:
    project_of_token(checked_token(token))
    return HttpResponse(content, content_type=content_type)


def recordings(request: HttpRequest) -> HttpResponse:
    """``/s/``: recordings are taken and thrown away."""

    def discard(request: HttpRequest) -> HttpResponse:
        read_payload(request)
        return HttpResponse(ACCEPTED, content_type="application/json")

    return _public(request, discard)


class FlagDefinitions(APIView):
    """Definitions for SDKs that compute flags themselves; needs a personal API key of any scope for the project
    of the token, or without a token for the key's own one.
    """

    schema = None

    def get(self, request: Request) -> Response:
        token = request.query_params.get("token")
        caller = cast(Caller, request.auth)
        if token is not None:
            caller = with_project(caller, str(project_of_token(checked_token(token))))
        project = reachable_project(caller, scopes=())
        types = {str(index): name for index, name in group_types(project.pk).items()}
        return Response({"flags": [], "group_type_mapping": types, "cohorts": {}})


def _public(request: HttpRequest, answer: Callable[[HttpRequest], HttpResponse]) -> HttpResponse:
    """Answer any web page; failures in the one form."""
    if request.method == "OPTIONS":
        return for_browsers(request, HttpResponse())
    try:
        return for_browsers(request, answer(request))
    except Exception as error:
        return for_browsers(request, error_response(error))


def _json(value: Any) -> HttpResponse:
    return HttpResponse(dumps(value), content_type="application/json")
