"""Reads the activity log, newest first."""

from dataclasses import dataclass
from typing import Any

import orjson
from django.db import connection

from core.json import iso

_SYSTEM = {"first_name": "System", "email": None, "is_system": True}
#: OFFSET is a bigint in PostgreSQL.
_LARGEST_OFFSET = 2**62


@dataclass(frozen=True, slots=True)
class ActivityPage:
    """``total`` counts the entries of all pages."""

    rows: list[dict[str, Any]]
    total: int


# Both statements walk an index, `activity_newest_first` or `activity_of_an_item`.
_COUNT = "SELECT count(*) FROM core_activityentry a WHERE a.project_id = %(project_id)s AND a.scope = %(scope)s {item}"
_LIST = """
SELECT a.id, u.first_name, u.email, a.activity, a.item_id, a.detail::text, a.created_at
FROM core_activityentry a LEFT JOIN core_user u ON u.id = a.user_id
WHERE a.project_id = %(project_id)s AND a.scope = %(scope)s {item}
ORDER BY a.created_at DESC, a.id DESC LIMIT %(limit)s OFFSET %(offset)s
"""
_OF_ITEM = "AND a.item_id = %(item_id)s"


def list_activity(project_id: int, *, scope: str, item_id: int | None, page: int, limit: int) -> ActivityPage:
    """A page, from 1, of what happened to the things of ``scope``, or to one of them."""
    item = "" if item_id is None else _OF_ITEM
    given: dict[str, Any] = {
        "project_id": project_id,
        "scope": scope,
        "item_id": str(item_id),
        "limit": limit,
        "offset": min((page - 1) * limit, _LARGEST_OFFSET),
    }
    with connection.cursor() as cursor:
        cursor.execute(_COUNT.format(item=item), given)
        (total,) = cursor.fetchone()
        cursor.execute(_LIST.format(item=item), given)
        return ActivityPage([_entry(scope, *row) for row in cursor.fetchall()], total)


def _entry(
    scope: str,
    entry_id: Any,
    first_name: str | None,
    email: str | None,
    activity: str,
    item_id: str,
    detail: str,
    created_at: Any,
) -> dict[str, Any]:
    return {
        "id": str(entry_id),
        "user": _SYSTEM if email is None else {"first_name": first_name, "email": email},
        "activity": activity,
        "scope": scope,
        "item_id": item_id,
        "detail": orjson.loads(detail),
        "created_at": iso(created_at),
    }
