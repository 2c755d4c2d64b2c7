"""Properties as ClickHouse keeps them: the text form of each top-level value under an escaped path.

The text form is what filters compare: strings as they are, everything else as compact JSON.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from core.clickhouse.escape import property_path


def text_forms(properties: Mapping[str, Any]) -> tuple[dict[str, str], list[str]]:
    """Path to text for every property, and the paths whose value was not a string."""
    texts: dict[str, str] = {}
    typed: list[str] = []
    for key, value in properties.items():
        path = property_path(key)
        if type(value) is str:
            texts[path] = value
        else:
            texts[path] = orjson.dumps(value).decode()
            typed.append(path)
    return texts, typed
