"""From the bytes of a capture request to JSON: forms, base64, gzip by its first bytes, size limits, text that
PostgreSQL can hold.
"""

import base64
import binascii
import json
import re
import zlib
from typing import Any
from urllib.parse import parse_qs

import orjson

from core.exceptions import PayloadTooLarge, RequestError

GZIP = b"\x1f\x8b"
#: Compressed parts that a body may consist of. What follows a part is copied before it is read, so a body of nothing
#: but empty parts would keep a worker busy for minutes.
MOST_MEMBERS = 100
_NUL_ESCAPE = b"\\u0000"
_FORM = b"data="
#: Standard and URL-safe alphabet; a plus sign that travelled in a URL is a blank.
_BASE64 = re.compile(rb"[A-Za-z0-9+/_ =\r\n-]+")


class UnreadableBody(RequestError):
    """The body is not what this server reads: JSON in UTF-8, plain or as gzip."""

    type = "invalid_request"
    code = "parse_error"


def decode(body: bytes, *, largest: int, may_be_base64: bool = False) -> Any:
    """The JSON value in ``body``, inflated up to ``largest`` bytes if it is gzip, whatever the headers say.

    ``may_be_base64``: text that is base64 is unwrapped once more. Raises ``UnreadableBody`` or ``PayloadTooLarge``.
    """
    body = _inflated(body, largest=largest)
    if may_be_base64 and _BASE64.fullmatch(body.strip()):
        body = _inflated(from_base64(body), largest=largest)
    if not body.strip():
        raise UnreadableBody("The body is empty.")
    value = _parse(body)
    _refuse_deep(value)
    return _without_nul(value) if _NUL_ESCAPE in body else value


def form_data(body: bytes) -> bytes | None:
    """The field ``data`` of a form, base64 taken off; null for a body that is no form."""
    if not body.startswith(_FORM):
        return None
    try:
        fields = parse_qs(body.decode("ascii"), max_num_fields=20)
        return wrapped_data(fields["data"][0])
    except (UnicodeDecodeError, ValueError, KeyError):
        raise UnreadableBody("The form cannot be read.") from None


def wrapped_data(text: str) -> bytes:
    """The bytes of ``data`` in a form or a URL: base64, or JSON as it is."""
    body = text.encode()
    return body if body.lstrip()[:1] in (b"{", b"[") else from_base64(body)


def from_base64(text: bytes) -> bytes:
    """Decoded, whatever the alphabet and with or without padding. Raises ``UnreadableBody``."""
    plain = (
        b"".join(text.strip().replace(b" ", b"+").split())
        .translate(bytes.maketrans(b"-_", b"+/"))
        .rstrip(b"=")
    )
    try:
        return base64.b64decode(plain + b"=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise UnreadableBody("The body is not valid base64.") from None


def _inflated(body: bytes, *, largest: int) -> bytes:
    body = inflate_gzip(body, largest=largest) if body[:2] == GZIP else body
    if len(body) > largest:
        raise PayloadTooLarge(f"The body is larger than {largest} bytes.")
    return body


def inflate_gzip(body: bytes, *, largest: int) -> bytes:
    """The content of a gzip body, of all its members; stops as soon as it passes ``largest`` bytes.

    Raises ``UnreadableBody`` or ``PayloadTooLarge``.
    """
    inflated = bytearray()
    members = 0
    while body[:2] == GZIP:
        members += 1
        if members > MOST_MEMBERS:
            raise UnreadableBody(f"The gzip body has more than {MOST_MEMBERS} members.")
        member = zlib.decompressobj(wbits=31)
        try:
            inflated += member.decompress(body, largest - len(inflated) + 1)
        except zlib.error:
            raise UnreadableBody("The body is not valid gzip.") from None
        if len(inflated) > largest:
            raise PayloadTooLarge(f"The body is larger than {largest} bytes when inflated.")
        if not member.eof:
            raise UnreadableBody("The gzip body is cut off.")
        body = member.unused_data
    return bytes(inflated)


def _parse(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if "surrogate" not in str(error):
            raise UnreadableBody(f"JSON parse error - {error}") from None
    # JavaScript writes half an emoji, cut off by a length limit, as an escape that is no character. Losing
    # the request for it would be worse than losing the half.
    try:
        lenient = json.loads(body, parse_constant=_refuse_constant)
        text = (
            json.dumps(lenient, ensure_ascii=False)
            .encode("utf-16", "surrogatepass")
            .decode("utf-16", "replace")
        )
        return orjson.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnreadableBody(f"JSON parse error - {error}") from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


#: Levels of nesting that every store behind us can hold.
DEEPEST = 200


def _refuse_deep(value: Any) -> None:
    level = [value]
    for _ in range(DEEPEST):
        level = [
            child
            for node in level
            if isinstance(node, dict | list)
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, dict | list)
        ]
        if not level:
            return
    raise UnreadableBody(f"The JSON is nested deeper than {DEEPEST} levels.")


def _without_nul(value: Any) -> Any:
    """NUL, which PostgreSQL's JSON cannot hold, becomes U+FFFD; in keys too."""
    if isinstance(value, str):
        return value.replace("\0", "�")
    if isinstance(value, dict):
        return {_without_nul(key): _without_nul(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nul(item) for item in value]
    return value
