"""The headers of a v1 capture request: who sends, in which encoding, by which clock."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.events.encodings import ENCODINGS
from core.events.read import checked_token
from core.exceptions import RequestError

REQUEST_ID = "PostHog-Request-Id"
_SDK_INFO = "PostHog-Sdk-Info"
_ATTEMPT = "PostHog-Attempt"
_REQUEST_TIMESTAMP = "PostHog-Request-Timestamp"
_REQUIRED = ("Content-Type", "User-Agent", _SDK_INFO, _ATTEMPT, REQUEST_ID, _REQUEST_TIMESTAMP)

_ATTEMPTS = re.compile(r"0*[1-9]\d{0,8}", re.ASCII)
_RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII | re.IGNORECASE
)
_UUID = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)


class InvalidHeader(RequestError):
    """A header is missing or cannot be read."""

    code = "invalid_header_value"


class MissingAuthorization(RequestError):
    """Send the project token as Authorization: Bearer <token>."""

    status = 401
    code = "missing_authorization"


class UnsupportedMedia(RequestError):
    """The content type or the content encoding is not one of this protocol."""

    status = 415


@dataclass(frozen=True, slots=True)
class RequestHead:
    """What the headers say. ``sent_at`` is the client's clock at the moment of sending."""

    token: str
    encoding: str
    library: str
    library_version: str
    sent_at: datetime


def read_head(headers: Mapping[str, str]) -> RequestHead:
    """Check ``headers``, a mapping that does not look at case.

    Raises ``MissingAuthorization``, ``InvalidToken``, ``InvalidHeader`` or ``UnsupportedMedia``.
    """
    token = _token(headers.get("Authorization", ""))
    missing = [name for name in _REQUIRED if not headers.get(name, "").strip()]
    if missing:
        raise InvalidHeader(f"Missing headers: {', '.join(missing)}.", code="missing_required_headers")
    encoding = _encoding(headers)
    library, _, version = (part.strip() for part in headers[_SDK_INFO].partition("/"))
    if not library or not version:
        raise InvalidHeader(f"{_SDK_INFO} must be a name and a version: name/version.")
    if not _ATTEMPTS.fullmatch(headers[_ATTEMPT].strip()):
        raise InvalidHeader(f"{_ATTEMPT} must be a number from 1 on.")
    if not is_uuid(headers[REQUEST_ID].strip()):
        raise InvalidHeader(f"{REQUEST_ID} must be a UUID.")
    sent_at = read_rfc_3339(headers[_REQUEST_TIMESTAMP].strip())
    if sent_at is None:
        raise InvalidHeader(f"{_REQUEST_TIMESTAMP} must be a time in RFC 3339.")
    return RequestHead(token, encoding, library, version, sent_at)


def read_rfc_3339(value: Any) -> datetime | None:
    """A time that names its zone; null for everything else."""
    if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
        return None
    try:
        return datetime.fromisoformat(value.upper())
    except ValueError:
        return None


def is_uuid(value: Any) -> bool:
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def _token(authorization: str) -> str:
    scheme, _, token = authorization.strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise MissingAuthorization(MissingAuthorization.__doc__ or "")
    return checked_token(token)


def _encoding(headers: Mapping[str, str]) -> str:
    if headers["Content-Type"].split(";")[0].strip().lower() != "application/json":
        raise UnsupportedMedia("The content type must be application/json.", code="unsupported_content_type")
    encoding = headers.get("Content-Encoding", "").strip().lower() or "identity"
    if encoding not in ENCODINGS:
        known = ", ".join(ENCODINGS)
        raise UnsupportedMedia(f"The content encoding must be one of {known}.", code="unsupported_encoding")
    return encoding
