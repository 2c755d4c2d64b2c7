"""From the bytes of a capture request to JSON: size limits, gzip by its first bytes, text that PostgreSQL can
hold.
"""

import json
import zlib
from typing import Any

import orjson

from core.exceptions import PayloadTooLarge, RequestError

_GZIP = b"\x1f\x8b"
_NUL_ESCAPE = b"\\u0000"


class UnreadableBody(RequestError):
    """The body is not what this server reads: JSON in UTF-8, plain or as gzip."""

    type = "invalid_request"
    code = "parse_error"


def decode(body: bytes, *, largest: int) -> Any:
    """The JSON value in ``body``, inflated up to ``largest`` bytes if it is gzip, whatever the headers say.

    Raises ``UnreadableBody`` or ``PayloadTooLarge``.
    """
    if body[:2] == _GZIP:
        body = _inflate(body, largest=largest)
    if len(body) > largest:
        raise PayloadTooLarge(f"The body is larger than {largest} bytes.")
    if not body.strip():
        raise UnreadableBody("The body is empty.")
    value = _parse(body)
    _refuse_deep(value)
    return _without_nul(value) if _NUL_ESCAPE in body else value


def _inflate(body: bytes, *, largest: int) -> bytes:
    """The content of a gzip body, of all its members; stops as soon as it passes ``largest`` bytes."""
    inflated = bytearray()
    while body[:2] == _GZIP:
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
