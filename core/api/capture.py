"""``/batch/`` and its older names: events come in. See ``core.events`` for what a body may be."""

import logging
from typing import IO, cast

from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from core.api.errors import error_response
from core.events.body import decode
from core.events.read import InvalidToken, read_events, read_request
from core.exceptions import PayloadTooLarge
from core.json import dumps
from core.models import Project
from core.services.capture import capture

logger = logging.getLogger(__name__)

#: Exactly this, and exactly 200: SDKs send again after anything else.
_ACCEPTED = dumps({"status": 1})
#: A body that is too large is read to here before it is refused, so that the client sees the answer and not a
#: broken connection.
_DRAINED = 64 * 1024 * 1024
_CHUNK = 64 * 1024


def capture_view(request: HttpRequest) -> HttpResponse:
    """Take the events of a request: 200 once they are durable, else nothing of them is stored."""
    if request.method == "OPTIONS":
        return _for_browsers(request, HttpResponse())
    try:
        _capture(request)
        response = HttpResponse(_ACCEPTED, content_type="application/json")
    except Exception as error:
        response = error_response(error)
    return _for_browsers(request, response)


def _capture(request: HttpRequest) -> None:
    received = timezone.now()
    body = _read_body(cast(WSGIRequest, request))
    captured = read_request(decode(body, largest=settings.CAPTURE_MAX_INFLATED))
    events = read_events(captured, received=received)
    project_id = Project.objects.filter(api_token=captured.token).values_list("id", flat=True).first()
    if project_id is None:
        raise InvalidToken("The project token is unknown.")
    capture(project_id=project_id, events=events, received=received)


def _read_body(request: WSGIRequest) -> bytes:
    """The body, also when it comes in chunks without a length, which Django would take for empty."""
    stream = request.environ["wsgi.input"]
    body = bytearray()
    while chunk := stream.read(_CHUNK):
        body += chunk
        if len(body) > settings.CAPTURE_MAX_BODY:
            _drain(stream)
            raise PayloadTooLarge(f"The body is larger than {settings.CAPTURE_MAX_BODY} bytes.")
    return bytes(body)


def _drain(stream: IO[bytes]) -> None:
    read = 0
    while read < _DRAINED and (chunk := stream.read(_CHUNK)):
        read += len(chunk)


def _for_browsers(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Any web page may send events: the token in them is public."""
    origin = request.headers.get("Origin")
    if origin:
        response["Access-Control-Allow-Origin"] = origin
        response["Access-Control-Allow-Credentials"] = "true"
        response["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
        response["Access-Control-Allow-Headers"] = request.headers.get("Access-Control-Request-Headers", "*")
        response["Vary"] = "Origin"
    return response
