"""The name under which a person is shown."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

DEFAULT_PROPERTIES = ("email", "name", "username")

#: Ids that SDKs make up: five groups of lower-case letters and digits.
_ANONYMOUS = re.compile(r"[a-z0-9]+(-[a-z0-9]+){4}")


def is_anonymous(distinct_id: str) -> bool:
    """Whether the id looks made up by an SDK rather than chosen by a client."""
    return _ANONYMOUS.fullmatch(distinct_id) is not None


def chosen_first(distinct_ids: Sequence[str]) -> list[str]:
    """The ids with the made-up ones last, else in their order."""
    # Nearly everybody has one id, and a list asks for a hundred persons.
    return sorted(distinct_ids, key=is_anonymous) if len(distinct_ids) > 1 else list(distinct_ids)


def display_name(
    properties: Mapping[str, Any],
    distinct_ids: Sequence[str],
    *,
    name_properties: Sequence[str] | None,
    fallback: str,
) -> str:
    """The first of ``name_properties`` (null: the defaults) that the person has, else a distinct id, else
    ``fallback``.
    """
    for name in DEFAULT_PROPERTIES if name_properties is None else name_properties:
        if properties.get(name):
            return str(properties[name])
    return next(iter(chosen_first(distinct_ids)), fallback)
