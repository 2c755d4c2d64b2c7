"""Writes overrides that have been at rest for a while into the events and removes them, so that queries need not
look them up.

No answer changes, whatever happens meanwhile: the events of an id are rewritten while its override still stands;
the override goes afterwards, and only up to the version that was written. A squash that is killed leaves
overrides that say what events say; the next one does it all again. See ``docs/decisions/0006-squash.md``.
"""

from collections.abc import Iterable
from datetime import timedelta
from functools import partial
from itertools import groupby
from operator import itemgetter
from uuid import UUID, uuid4

import orjson
from django.db import connection
from django.db.backends.utils import CursorWrapper

from core.advisory_lock import only_one
from core.clickhouse import squash
from core.outbox.drain import drain
from core.services.open_transactions import TransactionsOpen, wait_until_over
from core.services.transaction import change_persons

#: Seconds that a squash waits for the delivery of what was accepted.
PATIENCE = 60.0


class NotNow(Exception):
    """A squash is not possible at this moment; nothing was changed."""


def squash_overrides(*, older_than: timedelta, only_deleted: bool = False) -> int:
    """Squash the overrides that have not changed for so long, or those among them that say that their id was deleted;
    their number.

    Raises ``NotNow``, and ``ClickHouseUnavailable`` at any point.
    """
    with only_one(*squash.LOCK) as is_alone:
        if not is_alone:
            raise NotNow("another squash is running")
        run = uuid4()
        count = squash.take_snapshot(run, older_than=older_than, only_deleted=only_deleted)
        if count:
            _wait_for_captures(older_than)
            squash.fold(run)
            # Before the overrides go: who compares the stores may find too many of them, but none missing.
            _record(run)
            squash.remove(run)
            squash.forget_snapshot()
        return count


_CLOCK = "SELECT clock_timestamp() - make_interval(secs => %s)"


def _wait_for_captures(older_than: timedelta) -> None:
    """Wait until no event can come to ClickHouse any more with a person from before the snapshot.

    A capture reads where an id points, commits later and is delivered later still. An override of the snapshot was
    committed more than ``older_than`` ago; so whoever read the mapping before it is a transaction that began earlier.
    """
    with connection.cursor() as cursor:
        cursor.execute(_CLOCK, [older_than.total_seconds()])
        (moment,) = cursor.fetchone()
    try:
        wait_until_over(moment)
    except TransactionsOpen:
        raise NotNow("a transaction of PostgreSQL is older than the overrides") from None
    if left := drain(timeout_seconds=PATIENCE):
        raise NotNow(f"{left} rows wait for delivery")


_RECORD = """
UPDATE core_persondistinctid AS m SET squashed_version = folded.version
FROM json_to_recordset(%s) AS folded (distinct_id text, version bigint)
WHERE m.project_id = %s AND m.distinct_id = folded.distinct_id
  AND m.version >= folded.version AND m.squashed_version < folded.version
"""


def _record(run: UUID) -> None:
    """Note in PostgreSQL up to which version events say it themselves."""
    for page in squash.pages(run):
        for project_id, rows in groupby(page, key=itemgetter(0)):
            change_persons(project_id, partial(_record_rows, project_id=project_id, rows=list(rows)))


def _record_rows(cursor: CursorWrapper, *, project_id: int, rows: Iterable[tuple[int, str, int]]) -> None:
    folded = [{"distinct_id": distinct_id, "version": version} for _, distinct_id, version in rows]
    cursor.execute(_RECORD, [orjson.dumps(folded).decode(), project_id])
