"""Pages that fit together while persons come and go.

``next`` says where the following page begins by a number of rows, as clients know it. But rows shift: a person who
comes while somebody walks from page to page pushes the last row of one page onto the next one. So what a page ended
with is remembered for a while, by who asked for what; whoever asks for the page that follows goes on after that row.
Without a memory (Valkey is away, it was too long ago, nobody asked for the page before) the number counts.
"""

import hashlib
import logging
from urllib.parse import urlencode

import redis
from django.http import HttpRequest

from core import valkey
from core.auth.authentication import Caller
from core.selectors.place import Place

logger = logging.getLogger(__name__)

#: Seconds for which the end of a page is remembered.
MEMORY = 600


class Walk:
    """The pages of one list for one key."""

    def __init__(self, request: HttpRequest, caller: Caller) -> None:
        query = [(name, values) for name, values in request.GET.lists() if name != "offset"]
        asked = f"{caller.key_id} {request.path} {urlencode(query, doseq=True)}"
        self._name = f"walk:{hashlib.sha256(asked.encode()).hexdigest()[:32]}"

    def place(self, offset: int) -> Place | None:
        """The row after which the page at ``offset`` begins, if the page before was asked for."""
        if offset == 0:
            return None
        try:
            found = valkey.ask("GET", f"{self._name}:{offset}")
        except redis.RedisError:
            logger.warning("Valkey does not answer; a page is counted")
            return None
        return Place.read(found.decode()) if isinstance(found, bytes) else None

    def remember(self, offset: int, place: Place) -> None:
        """The page at ``offset`` begins after ``place``."""
        try:
            valkey.ask("SET", f"{self._name}:{offset}", place.text(), "EX", MEMORY)
        except redis.RedisError:
            logger.warning("Valkey does not answer; the next page will be counted")
