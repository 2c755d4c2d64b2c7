"""Sends frozen batches to ClickHouse and forgets them when they are there.

One process delivers a target at a time, by an advisory lock that ends with its connection; no transaction is
open while ClickHouse works.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import orjson
from django.db import connection, transaction

from core.advisory_lock import only_one
from core.clickhouse import client
from core.exceptions import ClickHouseRefused
from core.models import Outbox, Undeliverable
from core.outbox.data_versions import delivered_part, note_changed
from core.outbox.freeze import EVENTS, TARGETS, Batch, next_batch, open_batch, source, waiting
from core.outbox.lines import delivered_person_line, received_event_line
from core.outbox.wake import wake_delivery

logger = logging.getLogger(__name__)

#: First number of the advisory locks of delivery; the second one is the place in ``TARGETS``.
LOCK_SPACE = 7_263_001


def deliver_all(*, may_go_on: Callable[[], bool] = lambda: True) -> int:
    """Send everything that waits; the number of rows sent. What comes meanwhile wakes a delivery of its own, and is
    better sent by that, in one part with what comes after it. Before each batch ``may_go_on`` is asked.

    Raises ``ClickHouseUnavailable``; what was not sent stays for the next call.
    """
    newest = waiting()
    return sum(_deliver_target(one, newest[one], may_go_on) for one in TARGETS if one in newest)


def finish_batch(target: str) -> None:
    """Send the open batch of ``target`` again, if there is one and nobody else is at it; nothing new is begun."""
    with only_one(LOCK_SPACE, TARGETS.index(target)) as is_alone:
        if is_alone and (batch := open_batch(target)) is not None:
            _deliver_batch(batch)


def deliver_changes() -> None:
    """Send the changes of persons, distinct ids and groups that wait, and no events."""
    newest = waiting()
    for target in Outbox.Target:
        if target in newest:
            _deliver_target(target.value, newest[target])


def _deliver_target(target: str, newest: int, may_go_on: Callable[[], bool] = lambda: True) -> int:
    """Send rows up to the id ``newest``, and what goes along in the same batch."""
    sent = 0
    with only_one(LOCK_SPACE, TARGETS.index(target)) as is_alone:
        if not is_alone:
            # Whoever is at it may have looked for the last time before these rows came.
            wake_delivery()
            return 0
        while may_go_on() and (batch := next_batch(target)) is not None:
            _deliver_batch(batch)
            sent += len(batch.row_ids)
            if batch.row_ids[-1] >= newest:
                break
    return sent


_LINES = "SELECT line, created_at, project_id FROM {table} WHERE id = ANY(%s) ORDER BY id"


def _deliver_batch(batch: Batch) -> None:
    table, _ = source(batch.target)
    with connection.cursor() as cursor:
        cursor.execute(_LINES.format(table=table), [list(batch.row_ids)])
        rows = cursor.fetchall()
    if batch.target == EVENTS:
        lines = [received_event_line(line, received) for line, received, _ in rows]
    elif batch.target == Outbox.Target.PERSON:
        lines = [delivered_person_line(line, batch.frozen_at) for line, _, _ in rows]
    else:
        lines = [line for line, _, _ in rows]
    for target in _TABLES.get(batch.target, [batch.target]):
        _send(target, lines, token=str(batch.token), is_new=batch.is_new)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {table} WHERE id = ANY(%s)", [list(batch.row_ids)])  # noqa: S608 - one of two names
        cursor.execute("DELETE FROM core_deliverybatch WHERE id = %s", [batch.id])
        note_changed(cursor, {delivered_part(batch.target, project_id, line) for line, _, project_id in rows})


#: Where rows go that do not go to the one table of their target's name.
_TABLES = {Outbox.Target.OVERRIDE.value: [Outbox.Target.FIRST_ID.value, Outbox.Target.OVERRIDE.value]}


def _send(table: str, lines: Sequence[str], *, token: str, is_new: bool) -> None:
    """Insert the lines of a batch. A ClickHouse that was killed in the middle of one may have noted its token, just
    before the rows appear, without having the rows: it would refuse the repetition as known.
    """
    if is_new:
        _insert(table, lines, token=token)
    elif table == EVENTS:
        _insert(table, lines, token=token)
        _insert_missing(lines, token=token)
    else:
        # Rows replace each other by version: a second time changes nothing.
        _insert(table, lines, token=f"{token}.again")


def _insert(target: str, lines: Sequence[str], *, token: str) -> None:
    """Insert ``lines``. A line that ClickHouse refuses must not hold up the others: it is found by halving
    and put aside.
    """
    try:
        client.insert_lines(target, "\n".join(lines).encode(), token=token)
    except ClickHouseRefused as error:
        if len(lines) == 1:
            logger.exception("ClickHouse refuses a row of %s; it is kept as undeliverable", target)
            Undeliverable.objects.create(target=target, line=lines[0], error=str(error))
            return
        middle = len(lines) // 2
        # The halves of a batch are as frozen as the batch, so their tokens may follow from its own.
        _insert(target, lines[:middle], token=f"{token}.0")
        _insert(target, lines[middle:], token=f"{token}.1")


def _insert_missing(lines: Sequence[str], *, token: str) -> None:
    """Insert the events that are not there."""
    missing = _missing(lines)
    if missing:
        logger.warning(
            "ClickHouse lost %d events of a batch that it had noted; sending them again", len(missing)
        )
        _insert(EVENTS, missing, token=f"{token}.missing")


_PRESENT = """
SELECT project_id, uuid FROM events
WHERE project_id IN {projects:Array(Int64)}
  AND timestamp BETWEEN {first:DateTime64(6, 'UTC')} AND {last:DateTime64(6, 'UTC')}
  AND uuid IN {uuids:Array(UUID)}
"""


def _missing(lines: Sequence[str]) -> list[str]:
    rows = [orjson.loads(line) for line in lines]
    times = [datetime.fromisoformat(f"{row['timestamp']}+00:00") for row in rows]
    present = client.inspect(
        _PRESENT,
        parameters={
            "projects": sorted({row["project_id"] for row in rows}),
            "first": min(times),
            # Bound times are cut to the second.
            "last": max(times) + timedelta(seconds=1),
            "uuids": [row["uuid"] for row in rows],
        },
    )
    known = {(project_id, str(uuid)) for project_id, uuid in present}
    put_aside = set(Undeliverable.objects.filter(target=EVENTS).values_list("line", flat=True))
    return [
        line
        for line, row in zip(lines, rows, strict=True)
        if (row["project_id"], str(UUID(row["uuid"]))) not in known and line not in put_aside
    ]
