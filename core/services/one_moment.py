"""One moment of both stores, for a backup: what PostgreSQL says was delivered is in ClickHouse, and nothing more."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from django.db import connection, transaction

from core.advisory_lock import only_one
from core.clickhouse import client, squash
from core.outbox import deliver
from core.outbox.freeze import TARGETS
from core.services import erase, scrub
from core.services.cohorts import calculations

#: Of the one backup that runs.
LOCK = (7_263_009, 0)


class BackupRuns(Exception):
    """Another backup of this installation is running; wait for it."""


@contextmanager
def one_moment(copy_clickhouse: Callable[[], None]) -> Iterator[str]:
    """Call ``copy_clickhouse`` while nobody writes to ClickHouse; inside the block everything goes on, and a snapshot
    of PostgreSQL of that moment can be read by the name given.

    Requests are answered all the time; what they change waits for delivery, a question sees it a little later. Raises
    ``BackupRuns``, ``ClickHouseUnavailable`` and what ``copy_clickhouse`` raises.
    """
    with only_one(*LOCK) as is_alone, ExitStack() as still:
        if not is_alone:
            raise BackupRuns("another backup of this stack is running")
        still.enter_context(_nobody_writes())
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute("SELECT pg_export_snapshot()")
            (snapshot,) = cursor.fetchone()
            with _no_merges():
                copy_clickhouse()
            still.close()
            yield snapshot


@contextmanager
def _nobody_writes() -> Iterator[None]:
    """Hold the lock of everything that writes to ClickHouse. Who has one is waited for; who wants one comes back later
    by itself. Longest first: what is quick should not stand still while a squash is waited for.
    """
    deliveries = [(deliver.LOCK_SPACE, number) for number in range(len(TARGETS))]
    locks = list(dict.fromkeys([squash.LOCK, scrub.LOCK, calculations.LOCK, erase.LOCK, *deliveries]))
    with connection.cursor() as cursor:
        taken = []
        try:
            for lock in locks:
                cursor.execute("SELECT pg_advisory_lock(%s, %s)", lock)
                taken.append(lock)
            yield
        finally:
            if connection.is_usable():
                for lock in taken:
                    cursor.execute("SELECT pg_advisory_unlock(%s, %s)", lock)


@contextmanager
def _no_merges() -> Iterator[None]:
    """ClickHouse leaves its parts as they are. (It would merge again after its next start, whatever happens here.)"""
    client.administer("SYSTEM STOP MERGES")
    try:
        yield
    finally:
        client.administer("SYSTEM START MERGES")
