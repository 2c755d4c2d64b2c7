"""``/_metrics``: figures for Prometheus, to who has the token."""

import hmac

import redis
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from rest_framework.exceptions import MethodNotAllowed, NotAuthenticated, NotFound

from core.api.errors import error_response
from core.metrics import counts, gauges, text


def metrics(request: HttpRequest) -> HttpResponse:
    """Of all processes together, whichever answers. Without a token in the settings there is nothing here."""
    wanted = settings.METRICS_TOKEN
    if not wanted:
        return error_response(NotFound("Endpoint not found."))
    if not _has_token(request, wanted):
        return error_response(NotAuthenticated("The token of the metrics is missing or wrong."))
    if request.method not in ("GET", "HEAD"):
        return error_response(MethodNotAllowed(request.method or ""))
    return HttpResponse("\n".join([*_lines(), ""]), content_type=text.CONTENT_TYPE)


def _has_token(request: HttpRequest, wanted: str) -> bool:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return kind.lower() == "bearer" and hmac.compare_digest(token.encode(), wanted.encode())


def _lines() -> list[str]:
    lines = [line for gauge in gauges.read() for line in text.of_gauge(gauge)]
    for durations in counts.ALL:
        try:
            durations.flush()
            lines += text.of_durations(durations, durations.read())
        except redis.RedisError:
            # ``persons_api_up`` tells it.
            continue
    return lines
