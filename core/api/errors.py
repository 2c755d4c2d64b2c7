"""Every failure as the one error form: ``type``, ``code``, ``detail``, ``attr``."""

import logging
import math
from typing import Any

from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from psycopg_pool import PoolTimeout
from rest_framework import exceptions
from rest_framework.response import Response

from core.exceptions import DatabaseUnavailable, PayloadTooLarge, RequestError, ServiceUnavailable
from core.json import dumps

logger = logging.getLogger(__name__)

_TYPES = {
    400: "validation_error",
    401: "authentication_error",
    403: "authentication_error",
    404: "invalid_request",
    405: "invalid_request",
    406: "invalid_request",
    409: "server_error",
    415: "invalid_request",
    429: "throttled_error",
}
#: Failures of PostgreSQL that pass.
DATABASE_AWAY = (OperationalError, InterfaceError, PoolTimeout)


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """The answer to ``error``; null lets it become a 500."""
    found = describe(error)
    if found is None:
        return None
    status, body, headers = found
    return Response(body, status=status, headers=headers)


def describe(error: Exception) -> tuple[int, dict[str, Any], dict[str, str]] | None:
    """Status, body and headers for ``error``; null for one that is a defect of ours."""
    if isinstance(error, DATABASE_AWAY):
        logger.warning("PostgreSQL does not answer: %s", error)
        error = DatabaseUnavailable()
    if isinstance(error, RequestDataTooBig):
        error = PayloadTooLarge("The body is too large.")
    if isinstance(error, RequestError):
        return error.status, envelope(error.type, error.code, error.detail, error.attr), {}
    if isinstance(error, ServiceUnavailable):
        headers = {"Retry-After": str(error.retry_after)} if error.status == 503 else {}
        return error.status, envelope("server_error", error.code, error.detail), headers
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    if isinstance(error, DjangoPermissionDenied):
        error = exceptions.PermissionDenied()
    if isinstance(error, exceptions.APIException):
        return _describe_api_exception(error)
    return None


def _describe_api_exception(error: exceptions.APIException) -> tuple[int, dict[str, Any], dict[str, str]]:
    headers: dict[str, str] = {}
    if isinstance(error, exceptions.AuthenticationFailed | exceptions.NotAuthenticated):
        headers["WWW-Authenticate"] = getattr(error, "auth_header", "Bearer")
    wait = getattr(error, "wait", None)
    if wait is not None:
        headers["Retry-After"] = str(math.ceil(wait))
    error_type = "invalid_request" if isinstance(error, exceptions.ParseError) else None
    attr, detail = _first(error.detail)
    body = envelope(
        error_type or _TYPES.get(error.status_code, "server_error"),
        "invalid_input" if detail.code == "invalid" else str(detail.code),
        str(detail),
        attr,
    )
    return error.status_code, body, headers


def _first(detail: Any, path: str | None = None) -> tuple[str | None, exceptions.ErrorDetail]:
    """The first field error, with the way to it: nested keys and list indexes joined by two underscores."""
    if isinstance(detail, dict):
        key, value = next((item for item in detail.items() if item[1]), ("", "Invalid input."))
        if key == "non_field_errors":
            return _first(value, path)
        return _first(value, f"{path}__{key}" if path else str(key))
    if isinstance(detail, list):
        index, value = next(((i, item) for i, item in enumerate(detail) if item), (0, "Invalid input."))
        if isinstance(value, dict | list):
            return _first(value, f"{path}__{index}" if path else str(index))
        return _first(value, path)
    if isinstance(detail, exceptions.ErrorDetail):
        return path, detail
    return path, exceptions.ErrorDetail(str(detail), "invalid")


def envelope(error_type: str, code: str, detail: str, attr: str | None = None) -> dict[str, Any]:
    return {"type": error_type, "code": code, "detail": detail, "attr": attr}


def error_response(error: Exception) -> HttpResponse:
    """The answer to ``error`` outside of the REST framework; a defect of ours is logged and answered with
    500.
    """
    found = describe(error)
    if found is None:
        logger.error("unhandled error", exc_info=error)
        found = 500, envelope("server_error", "error", "A server error occurred."), {}
    status, body, headers = found
    return HttpResponse(dumps(body), status=status, content_type="application/json", headers=headers)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler of unknown paths."""
    return error_response(exceptions.NotFound("Endpoint not found."))


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler of defects; Django has logged the exception."""
    body = envelope("server_error", "error", "A server error occurred.")
    return HttpResponse(dumps(body), status=500, content_type="application/json")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler of requests that it cannot take, such as an unknown host name."""
    return error_response(RequestError("The request cannot be read."))
