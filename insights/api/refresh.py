"""How a request wants its answer: from what is kept or not, now or later."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rest_framework.request import Request

from core.exceptions import InvalidInput
from core.filters.parameters import read_boolean
from insights.run import Refresh

#: Beside those that are true of any parameter.
_ANEW = ("", "blocking", "force_blocking")
#: Of these one does without what is kept.
_LATER = ("async", "lazy_async", "force_async")
WORDS = ("true", "blocking", "force_blocking", "force_cache", *_LATER)
_ID = re.compile(r"[A-Za-z0-9_.:-]{1,128}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """``id`` is what the client calls an asynchronous query; null leaves that to the server."""

    id: str | None
    refresh: Refresh
    is_later: bool = False


def read_wanted(request: Request) -> Wanted:
    """``refresh``, ``async`` and ``client_query_id``. Raises ``InvalidInput``."""
    body = request.data if request.method == "POST" else {}
    if not isinstance(body, Mapping):
        # Refused here, too: of a question for later nothing else would be kept.
        raise InvalidInput("The body must be a JSON object.")
    given: dict[str, Any] = {**request.query_params.dict(), **body}
    value = given.get("refresh")
    word = value.strip().lower() if isinstance(value, str) else None
    is_later = word in _LATER or read_boolean(given, "async")
    refresh = Refresh.ORDINARY
    if word == "force_cache":
        refresh = Refresh.WHATEVER
    elif word in _ANEW or word == "force_async" or read_boolean(given, "refresh"):
        refresh = Refresh.ANEW
    return Wanted(_id(given) if is_later else None, refresh, is_later)


def _id(given: Mapping[str, Any]) -> str | None:
    name = "client_query_id"
    value = given.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise InvalidInput("1 to 128 letters, digits and _ . : - are required.", attr=name)
    return value
