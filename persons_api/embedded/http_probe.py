"""Asking a server whether it answers."""

from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit


def answers(url: str, headers: Mapping[str, str] | None = None) -> bool:
    """Whether GET ``url`` gives 200; no answer within 2 seconds is none. Proxy settings do not apply."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=2)
    try:
        connection.request(
            "GET", f"{parts.path}?{parts.query}" if parts.query else parts.path, headers=headers or {}
        )
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
