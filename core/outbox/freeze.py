"""Freezes batches: says which rows go to ClickHouse next, under which token, before any of them is sent.

A frozen batch never changes. Whoever finds it, however often, sends the same rows under the same token, and
ClickHouse takes the token once. So a crash between sending and deleting doubles nothing, and one before
sending loses nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from core.models import Outbox

EVENTS = "events"
#: In this order: who a person or a group is should be known no later than what was done.
TARGETS = (*(target.value for target in Outbox.Target), EVENTS)
#: Bytes of lines after which a batch takes no further row.
BATCH_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one target. ``is_new`` is false when it was frozen by someone who did not finish; ``frozen_at`` is
    later than that of every batch of the target before.
    """

    id: int
    target: str
    row_ids: Sequence[int]
    token: UUID
    frozen_at: datetime
    is_new: bool


#: Until the end of the transaction no batch is frozen, and whoever freezes next sees what the transaction did.
NO_FREEZE = "LOCK TABLE core_deliverybatch IN SHARE MODE"

_OPEN = "SELECT id, target, row_ids, token, created_at FROM core_deliverybatch WHERE target = %s"

_FREEZE = """
INSERT INTO core_deliverybatch (target, row_ids, token, created_at)
SELECT %(target)s, array_agg(id ORDER BY id), gen_random_uuid(), now()
FROM (
    SELECT id, sum(octet_length(line)) OVER (ORDER BY id) - octet_length(line) AS bytes_before
    FROM (SELECT id, line FROM {source} ORDER BY id LIMIT %(rows)s) AS oldest
) AS sized
WHERE bytes_before < %(bytes)s
HAVING count(*) > 0
RETURNING id, target, row_ids, token, created_at
"""


def source(target: str) -> tuple[str, str]:
    """The buffer behind ``target`` and the condition that picks its rows."""
    if target == EVENTS:
        return "core_eventbuffer", "true"
    return "core_outbox", f"target = '{Outbox.Target(target).value}'"


_WAITING = """
SELECT target, max(newest) FROM (SELECT target, 0 AS newest FROM core_deliverybatch UNION ALL {sources}) AS waiting
WHERE newest IS NOT NULL GROUP BY target
"""


def waiting() -> dict[str, int]:
    """The id of the newest row of each target for which there is something to send; 0 when that is an open batch
    whose rows are gone. One look at all of them: most of the time most have nothing.
    """
    sources = (
        f"SELECT '{target}', (SELECT max(id) FROM {table} WHERE {condition})"  # noqa: S608 - names of ours
        for target in TARGETS
        for table, condition in [source(target)]
    )
    with connection.cursor() as cursor:
        cursor.execute(_WAITING.format(sources=" UNION ALL ".join(sources)))
        return dict(cursor.fetchall())


def open_batch(target: str) -> Batch | None:
    """The batch of ``target`` that was frozen and not yet forgotten."""
    with connection.cursor() as cursor:
        cursor.execute(_OPEN, [target])
        row = cursor.fetchone()
    return _batch(row, is_new=False) if row else None


def next_batch(target: str) -> Batch | None:
    """The open batch of ``target``, else a new one of its oldest rows, committed; null when there is nothing
    to send.
    """
    table, condition = source(target)
    with transaction.atomic(), connection.cursor() as cursor:
        if (batch := open_batch(target)) is not None:
            return batch
        cursor.execute(
            _FREEZE.format(source=f"{table} WHERE {condition}"),
            {"target": target, "rows": settings.DELIVERY_BATCH_ROWS, "bytes": BATCH_BYTES},
        )
        row = cursor.fetchone()
    return _batch(row, is_new=True) if row else None


def _batch(row: Sequence[Any], *, is_new: bool) -> Batch:
    batch_id, target, row_ids, token, frozen_at = row
    return Batch(batch_id, target, row_ids, token, frozen_at, is_new)
