"""The parameters of an analytical request: query string and JSON body as one mapping, read with errors that
name the parameter.

A value may come as itself (JSON body) or as text (query string, or JSON text inside a JSON body).
"""

import re
from collections.abc import Mapping
from typing import Any

import orjson

from core.exceptions import InvalidInput

#: Where both have one, the query string wins: the link to the next page is followed with the same body. Of properties
#: it does so in PostHog, too.
_QUERY_WINS = frozenset(
    {"limit", "offset", "funnel_correlation_person_limit", "funnel_correlation_person_offset", "properties"}
)
_TRUE = frozenset({"true", "t", "yes", "y", "on", "1"})
#: Of a page of actors.
MOST_ROWS = 1000
_WHOLE = re.compile(r"[+-]?\d{1,18}")


def merged(*, query: Mapping[str, str], body: Any) -> dict[str, Any]:
    """One mapping of what was given; blank text and null count as not given. Raises ``InvalidInput`` for a
    body that is no object.
    """
    if not isinstance(body, Mapping):
        raise InvalidInput("The body must be a JSON object.")
    from_query = {name: value for name, value in query.items() if is_given(value)}
    from_body = {name: value for name, value in body.items() if is_given(value)}
    kept = {
        name: value for name, value in from_query.items() if name in _QUERY_WINS and value.strip() != "null"
    }
    return {**from_query, **from_body, **kept}


def is_given(value: Any) -> bool:
    return value is not None and not (isinstance(value, str) and not value.strip())


def native(value: Any) -> Any:
    """A list or an object as itself, also where it came as JSON text; anything else as it is."""
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
    return value


def read_json(given: Mapping[str, Any], name: str) -> Any:
    """The value of a parameter that is no scalar; null when it is not given."""
    value = given.get(name)
    if not isinstance(value, str):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        raise InvalidInput(f"The value of {name} is not JSON.", attr=name) from None


def read_list(given: Mapping[str, Any], name: str) -> list[Any]:
    """A list; empty when it is not given."""
    value = read_json(given, name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise InvalidInput("A list is required.", attr=name)
    return value


def read_text(given: Mapping[str, Any], name: str) -> str | None:
    """Text; a number is taken as its digits. Null when it is not given."""
    value = given.get(name)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise InvalidInput("Text is required.", attr=name)


def read_choice(given: Mapping[str, Any], name: str, choices: Mapping[str, Any], *, default: str) -> Any:
    """What ``choices`` has for the given word, upper or lower case."""
    word = (read_text(given, name) or default).strip()
    if word.lower() not in choices:
        raise InvalidInput(f"{word!r} is not one of {', '.join(choices)}.", attr=name)
    return choices[word.lower()]


def read_integer(given: Mapping[str, Any], name: str) -> int | None:
    """A whole number; null when it is not given."""
    value = given.get(name)
    return None if value is None else whole_number(value, attr=name)


def whole_number(value: Any, *, attr: str) -> int:
    """``3``, ``3.0``, ``"3"``"""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e18:
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18:
        return value
    if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        return int(value)
    raise InvalidInput("A valid integer is required.", attr=attr)


def read_boolean(given: Mapping[str, Any], name: str) -> bool:
    """True for ``true``, ``1``, ``yes`` and the like; everything else, also nothing, is false."""
    value = given.get(name)
    if isinstance(value, str):
        return value.strip().lower() in _TRUE
    return value is True or (isinstance(value, int | float) and value == 1)


def read_limit(
    given: Mapping[str, Any], name: str = "limit", *, default: int = 100, most: int = MOST_ROWS
) -> int:
    """Rows of a page: 1 to ``most``; 0 and nothing mean ``default``."""
    limit = read_integer(given, name) or default
    if not 1 <= limit <= most:
        raise InvalidInput(f"Ensure this value is between 1 and {most}.", attr=name)
    return limit


def read_offset(given: Mapping[str, Any], name: str = "offset") -> int:
    offset = read_integer(given, name) or 0
    if offset < 0:
        raise InvalidInput("Ensure this value is greater than or equal to 0.", attr=name)
    return offset
