"""Valkey remembers for some minutes where pages of a list ended: at which person (``core.api.walks``)."""

import logging
from collections.abc import Set as AbstractSet
from typing import Any

import redis

from core import valkey

logger = logging.getLogger(__name__)

#: Keys of ``core.api.walks``.
_KEYS = "walk:*"
_SCAN = 1_000
#: A place ends with the uuid.
_UUID = slice(-36, None)


def forget_places(uuids: AbstractSet[str]) -> None:
    """Forget ends of pages at these persons: who walks on has its rows counted instead."""
    try:
        client = valkey.client()
        keys = list(client.scan_iter(match=_KEYS, count=_SCAN))
        for start in range(0, len(keys), _SCAN):
            some = keys[start : start + _SCAN]
            values: Any = client.mget(some)
            stale = [
                key
                for key, value in zip(some, values, strict=True)
                if value and value[_UUID].decode() in uuids
            ]
            if stale:
                client.delete(*stale)
    except redis.RedisError:
        # They are kept in memory only, and not for long.
        logger.warning("Valkey does not answer; ends of pages are forgotten by themselves")
