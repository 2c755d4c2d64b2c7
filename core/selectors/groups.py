"""Reads group types and groups."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
from django.db import connection

from core.json import iso

_TYPES = "SELECT index, name FROM core_grouptype WHERE project_id = %s ORDER BY index"


def group_types(project_id: int) -> dict[int, str]:
    """The name of each group type of the project by its index."""
    with connection.cursor() as cursor:
        cursor.execute(_TYPES, [project_id])
        return dict(cursor.fetchall())


_GROUPS = """
SELECT key, properties::text, created_at FROM core_group
WHERE project_id = %s AND type_index = %s AND key = ANY(%s)
"""


def group_rows(project_id: int, type_index: int, keys: Sequence[str]) -> list[dict[str, Any]]:
    """The groups of ``keys`` as actors, in their order. One that events name and nobody has told of is there as well,
    without properties or a time of creation.
    """
    with connection.cursor() as cursor:
        cursor.execute(_GROUPS, [project_id, type_index, list(keys)])
        stored = {
            key: (orjson.loads(properties), created_at) for key, properties, created_at in cursor.fetchall()
        }
    return [_row(type_index, key, *stored.get(key, ({}, None))) for key in keys]


def _row(
    type_index: int, key: str, properties: dict[str, Any], created_at: datetime | None
) -> dict[str, Any]:
    return {
        "type": "group",
        "id": key,
        "group_key": key,
        "group_type_index": type_index,
        "properties": properties,
        "created_at": iso(created_at),
        "matched_recordings": [],
        "value_at_data_point": None,
    }
