"""``/i/v1/analytics/events``: events come in by the newer protocol, with an answer for each of them."""

import logging
from typing import Any, cast

from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from rest_framework.exceptions import MethodNotAllowed

from core.api.capture import for_browsers, project_of_token, read_body, store
from core.api.errors import describe
from core.events.body import decode
from core.events.encodings import inflate
from core.events.head_v1 import REQUEST_ID, read_head
from core.events.read_v1 import Verdict, read_batch
from core.exceptions import RequestError
from core.json import dumps

logger = logging.getLogger(__name__)

#: Limits of the protocol in bytes; a server that takes less takes less here too.
_LARGEST_BODY = min(10 * 1024 * 1024, settings.CAPTURE_MAX_BODY)
_LARGEST_INFLATED = min(50 * 1024 * 1024, settings.CAPTURE_MAX_INFLATED)
_METHODS = "POST, OPTIONS"
_HELP = "https://posthog.com/docs/api/capture"
#: Our codes that this protocol knows by other names.
_TAGS = {
    "parse_error": "request_parsing_error",
    "authentication_failed": "invalid_api_token",
    "database_unavailable": "service_unavailable",
}


class EmptyBody(RequestError):
    """The body is empty."""

    code = "empty_body"


def capture_v1_view(request: HttpRequest) -> HttpResponse:
    """Take the events of a request: 200 once those that were not dropped are durable, else nothing of them is
    stored.
    """
    try:
        response = HttpResponse() if request.method == "OPTIONS" else _captured(request)
    except Exception as error:
        response = _refused(error)
    if REQUEST_ID in request.headers:
        response[REQUEST_ID] = request.headers[REQUEST_ID]
    return for_browsers(request, response)


def _captured(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        raise MethodNotAllowed(request.method or "")
    received = timezone.now()
    # Read before anything is refused: a client that is still sending would see a broken connection.
    body = read_body(cast(WSGIRequest, request), largest=_LARGEST_BODY)
    head = read_head(request.headers)
    # Before the body is looked into.
    project_of_token(head.token)
    batch = read_batch(_decoded(body, head.encoding), head=head, received=received)
    if batch.events:
        store(head.token, batch.events)
    return _json({"results": {uuid: _result(verdict) for uuid, verdict in batch.verdicts.items()}})


def _decoded(body: bytes, encoding: str) -> Any:
    if body:
        body = inflate(body, encoding=encoding, largest=_LARGEST_INFLATED)
    if not body or body.isspace():
        raise EmptyBody("The body is empty.")
    return decode(body, largest=_LARGEST_INFLATED)


def _result(verdict: Verdict) -> dict[str, str]:
    if verdict.details is None:
        return {"result": verdict.result}
    return {"result": verdict.result, "details": verdict.details}


def _refused(error: Exception) -> HttpResponse:
    """The answer to ``error`` in the error form of this protocol; a defect of ours is logged."""
    found = describe(error)
    if found is None:
        logger.error("unhandled error", exc_info=error)
        found = 500, {"code": "internal_error", "detail": "A server error occurred."}, {}
    status, described, _ = found
    code = described["code"]
    response = _json(
        {"error": _TAGS.get(code, code), "error_description": described["detail"], "error_uri": _HELP},
        status=status,
    )
    if status == 405:
        response["Allow"] = _METHODS
    # What will not be taken the next time either must not come again.
    if status in (408, 429) or status >= 500:
        response["Retry-After"] = "1"
    return response


def _json(value: Any, *, status: int = 200) -> HttpResponse:
    return HttpResponse(dumps(value), status=status, content_type="application/json")
