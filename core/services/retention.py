"""Forgets what is older than the settings let it be: events, entries of the activity log, receipts of erasures, kept
answers. By default events, activity and receipts are kept for ever.

Every step may be repeated, and a step that is killed is done by the next start. What has settings and schedules of its
own is forgotten elsewhere: events of webhooks (``core.services.webhooks.forget``), answers of questions (Valkey).
"""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import connection, transaction

from core.advisory_lock import in_turn
from core.clickhouse import retention as clickhouse
from core.clickhouse.squash import REWRITING
from core.outbox.data_versions import ALL, note_changed

#: Rows of one transaction of PostgreSQL.
_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How many of each were forgotten."""

    events: int
    activity: int
    receipts: int
    answers: int


def forget_old() -> Forgotten:
    """Forget what is too old now. Raises ``ClickHouseUnavailable``; the next call goes on."""
    # First what needs PostgreSQL alone.
    activity = _older(_ACTIVITY, settings.ACTIVITY_RETENTION_DAYS)
    receipts = _older(_RECEIPTS, settings.RECEIPT_RETENTION_DAYS)
    answers = _repeat(_ANSWERS, [])
    days: int = settings.EVENT_RETENTION_DAYS
    events = _forget_events(datetime.now(UTC) - timedelta(days=days)) if days else 0
    return Forgotten(events=events, activity=activity, receipts=receipts, answers=answers)


def _forget_events(before: datetime) -> int:
    limit, counts = clickhouse.month_of(before), Counter[str]()
    for month in clickhouse.months():
        if month > limit:
            break
        counts[month] = clickhouse.count_events(month, before=before)
        if counts[month]:
            # Whoever rewrites events, or erases, comes between two months.
            with in_turn(*REWRITING):
                if month < limit:
                    clickhouse.drop_month(month)
                else:
                    clickhouse.delete_events(month, before=before)
    # Also when nothing was found: an earlier start may have been killed before it came to this.
    _forget_questions()
    return counts.total()


def _forget_questions() -> None:
    """Answers that were kept counted what is gone."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT id FROM core_project")
        note_changed(cursor, {(project_id, ALL) for (project_id,) in cursor.fetchall()})


_ACTIVITY = """
DELETE FROM core_activityentry WHERE id IN (
    SELECT id FROM core_activityentry WHERE created_at < now() - make_interval(days => %s) LIMIT %s
)
"""
# Only of what is over: nobody asks for it again, and nothing has to be taken off the disk any more.
_RECEIPTS = """
WITH old AS (
    SELECT id FROM core_deletionrequest
    WHERE stage = 'scrubbed' AND scrubbed_at < now() - make_interval(days => %s) LIMIT %s
), ids AS (
    DELETE FROM core_deletionid WHERE request_id IN (SELECT id FROM old)
)
DELETE FROM core_deletionrequest WHERE id IN (SELECT id FROM old)
"""
# Requests forget a few of the oldest on their way (core.services.idempotency); where none come, nobody would.
_ANSWERS = """
DELETE FROM core_idempotentrequest WHERE id IN (
    SELECT id FROM core_idempotentrequest WHERE created_at < now() - interval '24 hours'
    ORDER BY created_at LIMIT %s FOR UPDATE SKIP LOCKED
)
"""


def _older(statement: str, days: int) -> int:
    """Delete what is older than so many days; none is for ever."""
    return _repeat(statement, [days]) if days else 0


def _repeat(statement: str, parameters: list[int]) -> int:
    """Portions, so that nobody waits long for a lock; the number of rows."""
    total = 0
    while rows := _execute(statement, [*parameters, _ROWS]):
        total += rows
    return total


def _execute(statement: str, parameters: list[int]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return int(cursor.rowcount)
