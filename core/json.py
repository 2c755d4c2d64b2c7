"""JSON out: one way to write it."""

from datetime import UTC, datetime
from typing import Any

import orjson


def dumps(value: Any) -> bytes:
    """Compact JSON, but for fragments; times are UTC with a ``Z``."""
    return orjson.dumps(value, default=_plain, option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS)


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return str(value)
    if isinstance(value, dict):
        return dict(value)
    if isinstance(value, list | tuple):
        return list(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def iso(moment: datetime | None) -> str | None:
    """``2026-03-04T05:06:07.089000Z``"""
    if moment is None:
        return None
    return orjson.dumps(moment.astimezone(UTC), option=orjson.OPT_UTC_Z)[1:-1].decode()
