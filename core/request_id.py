"""The name of the request that this thread works for; tasks that it starts carry it on to their worker."""

import os
import re
from contextvars import ContextVar

#: Empty outside of a request.
current: ContextVar[str] = ContextVar("request_id", default="")

_SENSIBLE = re.compile(r"[\w.:-]{1,128}", re.ASCII)


def chosen(given: str | None) -> str:
    """What the caller calls its request, or a new name: sent by strangers, it gets into logs and statements."""
    return given if given and _SENSIBLE.fullmatch(given) else os.urandom(12).hex()
