"""What happens to every request: it gets a name and headers, and is counted. docs/howto/watch.md has what it costs."""

import re
from collections.abc import Callable
from functools import lru_cache
from time import perf_counter

from django.http import HttpRequest, HttpResponseBase

from core import request_id
from core.metrics.counts import REQUESTS

Handler = Callable[[HttpRequest], HttpResponseBase]
_METHODS = frozenset(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
_NAMED = re.compile(r"\(\?P<(\w+)>(?:\[[^\]]*\]|[^()\[\]])*\)")


def observe(answer: Handler) -> Handler:
    """The outermost middleware: what the others do is part of what it measures."""

    def observed(request: HttpRequest) -> HttpResponseBase:
        started = perf_counter()
        name = request_id.chosen(request.META.get("HTTP_X_REQUEST_ID"))
        request_id.current.set(name)
        response = answer(request)
        response["X-Request-ID"] = name
        # Browsers take nothing for what it does not say it is, and nobody's page shows ours in a frame.
        response["X-Content-Type-Options"] = "nosniff"
        response["X-Frame-Options"] = "DENY"
        match = request.resolver_match
        method = request.method or ""
        REQUESTS.observe(
            (
                method if method in _METHODS else "other",
                readable(match.route) if match else "none",
                str(response.status_code),
            ),
            perf_counter() - started,
        )
        return response

    return observed


@lru_cache(maxsize=1024)
def readable(route: str) -> str:
    """The pattern of a route as people write it: ``/api/projects/{project_id}/persons/{id}``."""
    plain = _NAMED.sub(r"{\1}", route).replace("(?:[^/]+/)?", "")
    return "/" + plain.replace("^", "").replace("/?$", "").rstrip("$").replace("\\", "")
