"""The name under which a person is shown."""

import re
from collections.abc import Sequence
from functools import lru_cache

import orjson

DEFAULT_PROPERTIES = ("email", "name", "username")

#: Ids that SDKs make up: five groups of lower-case letters and digits.
_ANONYMOUS = re.compile(r"[a-z0-9]+(-[a-z0-9]+){4}")
_PLAIN = re.compile(r"[A-Za-z0-9_$-]+")


def is_anonymous(distinct_id: str) -> bool:
    """Whether the id looks made up by an SDK rather than chosen by a client."""
    return _ANONYMOUS.fullmatch(distinct_id) is not None


def chosen_first(distinct_ids: Sequence[str]) -> list[str]:
    """The ids with the made-up ones last, else in their order."""
    # Nearly everybody has one id, and a list asks for a hundred persons.
    return sorted(distinct_ids, key=is_anonymous) if len(distinct_ids) > 1 else list(distinct_ids)


def display_name(
    properties: str,
    distinct_ids: Sequence[str],
    *,
    name_properties: Sequence[str] | None,
    fallback: int,
) -> str:
    """The first of ``name_properties`` (null: the defaults) that the person has, else a distinct id, else
    the number ``fallback``. ``properties`` is a JSON object as text.
    """
    names = DEFAULT_PROPERTIES if name_properties is None else name_properties
    found = _found(properties, names)
    if found is None:
        found = _parsed(properties, names)
    if found:
        return found
    return chosen_first(distinct_ids)[0] if distinct_ids else str(fallback)


def _parsed(properties: str, names: Sequence[str]) -> str:
    """The first of ``names`` that has a value, as text; empty when none has."""
    values = orjson.loads(properties)
    return next((str(values[name]) for name in names if values.get(name)), "")


def _found(properties: str, names: Sequence[str]) -> str | None:
    """The same without parsing, which costs a page of persons several times as much; null when only that can tell.

    An object within the object has a brace of its own. A quote within a text has a backslash before it, and behind the
    end of a text no letter follows: so a quoted name without a backslash before it, and with a colon, is a key.
    """
    if properties.find("{", 1) > 0:
        return None
    for name in names:
        key = _key(name)
        if key is None:
            return None
        at = properties.find(key)
        if at < 0:
            continue
        start = at + len(key)
        if properties[start] == " ":
            start += 1
        if properties[at - 1] == "\\" or properties[start] != '"':
            return None
        value = properties[start + 1 : properties.find('"', start + 1)]
        if "\\" in value:
            return None
        if value:
            return value
    return ""


@lru_cache(maxsize=1024)
def _key(name: str) -> str | None:
    """The name as a key of JSON; null for one that JSON may write in another way."""
    return f'"{name}":' if _PLAIN.fullmatch(name) else None
