"""``/batch/`` and its older names: events come in. See ``core.events`` for what a body may be."""

import time
from collections.abc import Sequence
from typing import cast

from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from rest_framework.exceptions import MethodNotAllowed

from core.api.errors import error_response
from core.events.body import decode, form_data, wrapped_data
from core.events.event import Event
from core.events.read import InvalidToken, read_events, read_request
from core.exceptions import PayloadTooLarge, ProjectNotFound
from core.json import dumps
from core.services.capture_together import capture_together

#: Exactly this, and exactly 200: SDKs send again after anything else.
ACCEPTED = dumps({"status": 1})
#: Paths of old SDKs, whose body may be base64 without saying so.
_UNWRAPS_BASE64 = frozenset(["e", "capture", "track", "engage"])
_CHUNK = 64 * 1024


def capture_view(request: HttpRequest) -> HttpResponse:
    """Take the events of a request: 200 once they are durable, else nothing of them is stored."""
    if request.method == "OPTIONS":
        return for_browsers(request, HttpResponse())
    try:
        if request.method not in ("GET", "POST"):
            raise MethodNotAllowed(request.method or "")
        _capture(request)
        response = HttpResponse(ACCEPTED, content_type="application/json")
        if request.GET.get("beacon") == "1":
            response = HttpResponse(status=204)
    except Exception as error:
        response = error_response(error)
    return for_browsers(request, response)


def _capture(request: HttpRequest) -> None:
    received = timezone.now()
    path = request.path.strip("/")
    body = decode(
        read_payload(request), largest=settings.CAPTURE_MAX_INFLATED, may_be_base64=path in _UNWRAPS_BASE64
    )
    captured = read_request(
        body, sent_at=request.GET.get("_"), default_name="$identify" if path == "engage" else None
    )
    events = read_events(captured, received=received)
    store(captured.token, events)


def store(token: str, events: Sequence[Event]) -> None:
    """Store ``events`` in the project of ``token``. Raises ``InvalidToken``."""
    try:
        capture_together(project_id=project_of_token(token), events=events)
    except ProjectNotFound:
        # It was deleted while the token was known.
        raise InvalidToken(_UNKNOWN) from None


#: Seconds for which a token is known without asking again, so that not every event of a busy page costs a query.
_TOKEN_KNOWN = 1.0
_UNKNOWN = "The project token is unknown."
_known_tokens: dict[str, tuple[int, float]] = {}


def project_of_token(token: str) -> int:
    """The id of the project. Raises ``InvalidToken`` for a token of no project."""
    project_id, until = _known_tokens.get(token, (0, 0.0))
    if time.monotonic() >= until:
        project_id = _look_up(token)
        _known_tokens[token] = project_id, time.monotonic() + _TOKEN_KNOWN
    return project_id


def _look_up(token: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM core_project WHERE api_token = %s AND deleted_at IS NULL", [token])
        row = cursor.fetchone()
    if row is None:
        raise InvalidToken(_UNKNOWN)
    return int(row[0])


def read_payload(request: HttpRequest) -> bytes:
    """What the client sends, forms and URLs unwrapped. Raises ``PayloadTooLarge`` or ``UnreadableBody``."""
    if request.method == "GET":
        return wrapped_data(request.GET.get("data", ""))
    body = read_body(cast(WSGIRequest, request), largest=settings.CAPTURE_MAX_BODY)
    form = form_data(body)
    return body if form is None else form


def read_body(request: WSGIRequest, *, largest: int) -> bytes:
    """The body, also when it comes in chunks without a length, which Django would take for empty.

    Raises ``PayloadTooLarge`` past ``largest`` bytes.
    """
    stream = request.environ["wsgi.input"]
    body = bytearray()
    while chunk := stream.read(_CHUNK):
        body += chunk
        if len(body) > largest:
            raise PayloadTooLarge(f"The body is larger than {largest} bytes.")
    return bytes(body)


def for_browsers(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Any web page may send events: the token in them is public."""
    origin = request.headers.get("Origin")
    if origin:
        response["Access-Control-Allow-Origin"] = origin
        response["Access-Control-Allow-Credentials"] = "true"
        response["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
        response["Access-Control-Allow-Headers"] = request.headers.get("Access-Control-Request-Headers", "*")
        response["Vary"] = "Origin"
    return response
