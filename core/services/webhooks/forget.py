"""Takes data of persons out of what webhooks were told or are about to be, and forgets what is old."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.backends.utils import CursorWrapper

#: Rows of one statement; what is left is for the next start.
_ROWS = 10_000


def _bare(person: str) -> str:
    """The JSON object ``person`` without what it tells of somebody."""
    return f"jsonb_build_object('uuid', {person}->'uuid', 'distinct_ids', '[]'::jsonb, 'is_erased', true)"


# By the index webhook_deliveries_by_name: an addition of nothing keeps PostgreSQL from walking the whole project.
_NAMES = """
project_id + 0 = %(project_id)s AND created_at <= coalesce(%(until)s::timestamptz, 'infinity')
    AND names && %(names)s::text[]
"""
# That something happened to whom by uuid is still told, and in its place.
_FORGET = f"""
UPDATE core_webhookdelivery SET names = '{{}}', data = jsonb_strip_nulls(jsonb_build_object(
    'person', {_bare("data->'person'")},
    'merged_person', CASE WHEN data ? 'merged_person' THEN {_bare("data->'merged_person'")} END,
    'new_persons', CASE WHEN data ? 'new_persons' THEN (
        SELECT coalesce(jsonb_agg({_bare("part")}), '[]') FROM jsonb_array_elements(data->'new_persons') AS part
    ) END,
    'has_more_new_persons', data->'has_more_new_persons'
))
WHERE {_NAMES}
"""  # noqa: S608 - put together from constants
_COUNT = f"SELECT count(*) FROM core_webhookdelivery WHERE {_NAMES}"  # noqa: S608 - a constant


def forget_deliveries_naming(
    cursor: CursorWrapper, project_id: int, names: Sequence[str], *, until: datetime | None
) -> None:
    """Leave nothing but uuids in events noted up to ``until``, null: all of them, that have one of these uuids or
    distinct ids.
    """
    cursor.execute(_FORGET, {"project_id": project_id, "names": list(names), "until": until})


_HAS_DELIVERIES = """
SELECT EXISTS (
    SELECT 1 FROM core_webhook w WHERE w.project_id = %s
        AND EXISTS (SELECT 1 FROM core_webhookdelivery d WHERE d.webhook_id = w.id)
)
"""


def has_deliveries(cursor: CursorWrapper, project_id: int) -> bool:
    """Whether webhooks of the project have been told of anything, as far as it is kept, or are about to be."""
    cursor.execute(_HAS_DELIVERIES, [project_id])
    return bool(cursor.fetchone()[0])


def count_deliveries_naming(
    cursor: CursorWrapper, project_id: int, names: Sequence[str], *, until: datetime
) -> int:
    """How many there are."""
    cursor.execute(_COUNT, {"project_id": project_id, "names": list(names), "until": until})
    return int(cursor.fetchone()[0])


_FORGET_OLD = """
DELETE FROM core_webhookdelivery WHERE id IN (
    SELECT id FROM core_webhookdelivery WHERE ended_at < now() - make_interval(secs => %(keep)s)
    ORDER BY ended_at LIMIT %(rows)s
)
"""
# Of a webhook that is switched off nothing is tried, so nothing would end.
_END_OF_DISABLED = """
UPDATE core_webhookdelivery d SET state = 'dead', ended_at = now(), last_error = 'The webhook was disabled.'
FROM core_webhook w
WHERE w.id = d.webhook_id AND NOT w.enabled AND d.state = 'waiting'
  AND d.queued_at < now() - make_interval(secs => %(keep)s)
"""
# A change that was under way when its webhook was deleted.
_FORGET_STRAYS = """
DELETE FROM core_webhookdelivery d
WHERE d.state = 'waiting' AND NOT EXISTS (SELECT 1 FROM core_webhook w WHERE w.id = d.webhook_id)
"""


def forget_old() -> int:
    """Delete what was delivered or given up ``settings.WEBHOOK_KEEP`` seconds ago; how many rows."""
    given: dict[str, Any] = {"keep": settings.WEBHOOK_KEEP, "rows": _ROWS}
    with connection.cursor() as cursor:
        cursor.execute(_END_OF_DISABLED, given)
        cursor.execute(_FORGET_STRAYS)
        count = cursor.rowcount
        cursor.execute(_FORGET_OLD, given)
        return int(count + cursor.rowcount)
