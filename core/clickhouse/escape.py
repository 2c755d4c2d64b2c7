"""Property keys as paths of the ClickHouse JSON type, and back.

A path may not depend on what the key looks like: ``a.b`` is one key and not a nested one, a backtick is no
quote, an empty key is a key. So every byte outside ``A-Z a-z 0-9 _ $ -`` and space is written ``%XX``, and
the empty key is ``%``. The same function serves writing (delivery) and reading (queries); nothing else makes
paths.
"""

import re
from functools import lru_cache
from urllib.parse import unquote

_PLAIN = re.compile(r"[A-Za-z0-9_$ -]+")
_ODD = re.compile(rb"[^A-Za-z0-9_$ -]")


@lru_cache(maxsize=65_536)
def property_path(key: str) -> str:
    """The path of the property ``key``: plain ASCII without dot, quote or backslash; different for different
    keys.
    """
    if _PLAIN.fullmatch(key):
        return key
    if not key:
        return "%"
    return _ODD.sub(_percent, key.encode("utf-8", "surrogatepass")).decode("ascii")


def _percent(match: "re.Match[bytes]") -> bytes:
    return b"%%%02X" % match.group()[0]


def property_key(path: str) -> str:
    """The property whose path is ``path``."""
    return "" if path == "%" else unquote(path, errors="surrogatepass")


def property_text(column: str, key: str) -> str:
    """SQL of the text form of property ``key`` of the JSON ``column``: ``Nullable(String)``, null when
    missing.
    """
    return f"{column}.`{property_path(key)}`.:String"
