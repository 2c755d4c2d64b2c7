"""Takes the bytes of what was erased off the disks, after it has gone from every answer (``core.services.erase``).

In ClickHouse parts with deleted rows are rewritten and the old ones removed. Overrides of deleted persons whose events
stay are written into those events first: a squash of these alone. In PostgreSQL the space of dead rows is made free,
and with ``full`` the tables are rewritten, so that nothing is left in free space either.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.utils import ProgrammingError

from core.advisory_lock import only_one
from core.clickhouse import scrub as clickhouse
from core.services.squash_overrides import squash_overrides

#: The advisory lock of the one that runs.
LOCK = (7_263_004, 1)

#: Tables of PostgreSQL that hold, or have held for a while, something about persons.
TABLES = (
    "core_activityentry",
    "core_cohortmember",
    "core_cohortuploadpart",
    "core_deletionid",
    "core_distinctidtombstone",
    "core_eventbuffer",
    "core_idempotentrequest",
    "core_identitychange",
    "core_outbox",
    "core_person",
    "core_persondistinctid",
    "core_persontombstone",
    "core_undeliverable",
    "core_webhookdelivery",
)
#: What PostgreSQL notes about frequent values of columns.
STATISTICS = "pg_statistic"


class ScrubRunning(Exception):
    """Another process is at it."""


@dataclass(frozen=True, slots=True)
class Step:
    """What is being done, and which of how many it is."""

    what: str
    number: int
    of: int


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """How many requests were closed, and whether PostgreSQL's write-ahead log was cleared, too: null when not asked
    for.
    """

    requests: int
    is_log_clear: bool | None


Tell = Callable[[Step], None]

_DUE = """
SELECT coalesce(min(delete_verified_at) < now() - make_interval(secs => %s), false)
FROM core_deletionrequest WHERE stage = 'verified'
"""


def is_due() -> bool:
    """Whether something that was erased has been on the disk for half of the time that it may be: the rest is for the
    work itself, and for it to fail and be done again.
    """
    with connection.cursor() as cursor:
        cursor.execute(_DUE, [settings.SCRUB_WITHIN / 2])
        return bool(cursor.fetchone()[0])


_VERIFIED = "SELECT coalesce(array_agg(id), '{}') FROM core_deletionrequest WHERE stage = 'verified'"
_SCRUBBED = """
UPDATE core_deletionrequest SET stage = 'scrubbed', scrubbed_at = clock_timestamp()
WHERE id = ANY(%s) AND stage = 'verified'
"""


def scrub(*, full: bool = False, tell: Tell = lambda step: None) -> Scrubbed:
    """Clear the disks of everything that was erased before the call.

    Raises ``ScrubRunning``, ``NotNow`` or ``ClickHouseUnavailable``; the next call goes on.
    """
    with only_one(*LOCK) as is_alone:
        if not is_alone:
            raise ScrubRunning("another process clears the disks")
        with connection.cursor() as cursor:
            cursor.execute(_VERIFIED)
            (requests,) = cursor.fetchone()
        for step in _steps(full=full):
            tell(step)
        is_log_clear = _clear_log(tell) if full else None
        with connection.cursor() as cursor:
            cursor.execute(_SCRUBBED, [requests])
            return Scrubbed(int(cursor.rowcount), is_log_clear)


def _steps(*, full: bool) -> Iterator[Step]:
    """Each is told before it is done."""
    yield Step("overrides of deleted persons", 0, 1)
    squash_overrides(older_than=timedelta(0), only_deleted=True)
    partitions = clickhouse.partitions()
    for number, partition in enumerate(partitions):
        yield Step(f"ClickHouse: {partition.table} {partition.id}", number, len(partitions))
        clickhouse.rewrite(partition)
    most = 1
    for left in clickhouse.remove_old_parts():
        most = max(most, left)
        yield Step(f"ClickHouse: {left} old parts to go", most - left, most)
    for number, table in enumerate(TABLES):
        yield Step(f"PostgreSQL: {table}", number, len(TABLES))
        _vacuum(table, full=full)


def _vacuum(table: str, *, full: bool) -> None:
    with connection.cursor() as cursor:
        # Analysing also forgets what was noted about values that are gone.
        cursor.execute(f"VACUUM ({'FULL, ' if full else ''}ANALYZE) {table}")


#: Files of the write-ahead log: those before the one that is being written, and those that lie ready to be written.
_LOG_FILES = """
SELECT count(*) FILTER (WHERE name < current), count(*) FILTER (WHERE name > current)
FROM pg_ls_waldir(), pg_walfile_name(pg_current_wal_insert_lsn()) AS current
WHERE name ~ '^[0-9A-F]{24}$'
"""
#: Files that PostgreSQL may have made ready meanwhile.
_MORE_ROUNDS = 10
#: Seconds for PostgreSQL's processes to hear of a setting.
_HEARD = 10


def _clear_log(tell: Tell) -> bool:
    """Take the write-ahead log from before off the disk, for it has every row that was written. Whether that could be
    done: only a superuser may, and somebody may need the log still: a standby, or an archive.
    """
    with connection.cursor() as cursor:
        try:
            tell(Step("PostgreSQL: statistics", 0, 1))
            cursor.execute(f"VACUUM FULL {STATISTICS}")
            # Files of the log are used again instead of removed, with what was in them.
            cursor.execute("ALTER SYSTEM SET wal_recycle = off")
            try:
                _reload(cursor)
                return _write_all_log_files(cursor, tell)
            finally:
                cursor.execute("ALTER SYSTEM RESET wal_recycle")
                cursor.execute("SELECT pg_reload_conf()")
        except ProgrammingError:
            return False


def _reload(cursor: CursorWrapper) -> None:
    """Have the settings read, and wait for it: a checkpoint before that would go by the old ones."""
    cursor.execute("SELECT pg_reload_conf()")
    deadline = time.monotonic() + _HEARD
    while time.monotonic() < deadline:
        cursor.execute("SHOW wal_recycle")
        if cursor.fetchone()[0] == "off":
            break
        time.sleep(0.01)


def _write_all_log_files(cursor: CursorWrapper, tell: Tell) -> bool:
    """Go on to the next file until none is left that was used before; whether all of those before are gone."""
    cursor.execute(_LOG_FILES)
    before, ready = cursor.fetchone()
    most = ready + 1
    for _ in range(most + _MORE_ROUNDS):
        is_last = not ready
        tell(Step(f"PostgreSQL: {ready + 1} files of the write-ahead log", max(most - ready - 1, 0), most))
        cursor.execute("SELECT pg_switch_wal()")
        # Removes those that were written.
        cursor.execute("CHECKPOINT")
        cursor.execute(_LOG_FILES)
        before, ready = cursor.fetchone()
        if is_last and not before:
            return True
    return False
