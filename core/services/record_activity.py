"""Writes the activity log, in the transaction of the change it tells of."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson
from django.db import connection
from django.utils import timezone


@dataclass(frozen=True, slots=True)
class Activity:
    """What happened to one item. ``changes`` never holds values of properties."""

    scope: str
    activity: str
    item_id: int
    name: str | None = None
    changes: list[dict[str, Any]] | None = None


_INSERT = """
INSERT INTO core_activityentry (id, project_id, user_id, scope, activity, item_id, detail, created_at)
SELECT gen_random_uuid(), %s, %s, scope, activity, item_id, detail, %s
FROM json_to_recordset(%s) AS new (scope text, activity text, item_id text, detail jsonb)
"""


def record_activity(*, project_id: int, user_id: int | None, activities: Iterable[Activity]) -> None:
    """Note ``activities``. ``user_id`` is null for what the system does by itself."""
    rows = [
        {
            "scope": one.scope,
            "activity": one.activity,
            "item_id": str(one.item_id),
            "detail": {
                "changes": one.changes,
                "trigger": None,
                "type": None,
                "name": one.name,
                "short_id": None,
            },
        }
        for one in activities
    ]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, [project_id, user_id, timezone.now(), orjson.dumps(rows).decode()])


def person_change(
    action: str, *, field: str | None = None, before: Any = None, after: Any = None
) -> dict[str, Any]:
    """One change of a person, as the log shows it."""
    return {"type": "Person", "action": action, "field": field, "before": before, "after": after}
