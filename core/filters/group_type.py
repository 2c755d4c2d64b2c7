"""The index of a group type in a request."""

from typing import Any

from core.clickhouse.group_columns import GROUP_TYPES
from core.exceptions import InvalidInput
from core.filters.parameters import whole_number


def read_group_type_index(value: Any, *, name: str, attr: str) -> int:
    """``name`` is the parameter and ``attr`` its place. Raises ``InvalidInput`` for an index that no type can have."""
    index = whole_number(value, attr=attr)
    if not 0 <= index < GROUP_TYPES:
        raise InvalidInput(f"{name} is required to be at least 0 and less than {GROUP_TYPES}.", attr=attr)
    return index
