"""Writes the activity log, in the transaction of the change it tells of."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from django.db import connection
from django.db.backends.utils import CursorWrapper
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


_BLANK = """
UPDATE core_activityentry SET detail = jsonb_set(detail, '{changes}', (
    SELECT jsonb_agg(change || '{"before": null, "after": null}')
    FROM jsonb_array_elements(detail->'changes') AS change
))
WHERE project_id = %s AND scope = %s AND item_id = ANY(%s)
    AND jsonb_path_exists(detail, '$.changes[*] ? (@.before != null || @.after != null)')
"""


def forget_changes_of(cursor: CursorWrapper, project_id: int, scope: str, item_ids: Sequence[int]) -> None:
    """The items are erased: that something happened to them stays, what it was before and after goes."""
    cursor.execute(_BLANK, [project_id, scope, [str(item_id) for item_id in item_ids]])


# By the index activity_by_distinct_id: an addition of nothing keeps PostgreSQL from walking the whole project instead.
_NAMES = """
project_id + 0 = %(project_id)s AND activity = 'split_person'
    AND jsonb_path_query_array(detail, '$.changes[*].after.distinct_ids[*]') ?| %(names)s
"""
_FORGET_NAMED = f"""
UPDATE core_activityentry SET detail = jsonb_set(detail, '{{changes}}', (
    SELECT jsonb_agg(jsonb_set(change, '{{after}}', (
        SELECT jsonb_object_agg(name, ids - %(names)s::text[]) FROM jsonb_each(change->'after') AS part (name, ids)
    )))
    FROM jsonb_array_elements(detail->'changes') AS change
))
WHERE {_NAMES}
"""  # noqa: S608 - a constant
_COUNT_NAMED = f"SELECT count(*) FROM core_activityentry WHERE {_NAMES}"  # noqa: S608 - a constant


def forget_distinct_ids(cursor: CursorWrapper, project_id: int, names: Sequence[str]) -> None:
    """Strike distinct ids from entries of whomever."""
    cursor.execute(_FORGET_NAMED, {"project_id": project_id, "names": list(names)})


def count_entries_naming(cursor: CursorWrapper, project_id: int, names: Sequence[str]) -> int:
    """How many entries have one."""
    cursor.execute(_COUNT_NAMED, {"project_id": project_id, "names": list(names)})
    return int(cursor.fetchone()[0])


def person_change(
    action: str, *, field: str | None = None, before: Any = None, after: Any = None
) -> dict[str, Any]:
    """One change of a person, as the log shows it."""
    return {"type": "Person", "action": action, "field": field, "before": before, "after": after}
