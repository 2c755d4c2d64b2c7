"""Compares PostgreSQL with ClickHouse while requests go on, as of one moment."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from django.db import connection, transaction

from core.advisory_lock import in_turn
from core.clickhouse.compare import Comparison, compare
from core.database import release_connection
from core.models import Outbox
from core.outbox.deliver import LOCK_SPACE, deliver_changes
from core.outbox.freeze import TARGETS


def compare_stores() -> list[Comparison]:
    """Every table of the replica, of all projects.

    Changes of persons wait for the few milliseconds in which the last ones before them are delivered; what comes then
    is delivered after the comparison. Raises ``ClickHouseUnavailable``, and ``OperationalError`` when a transaction
    does not end.
    """
    with _all_delivered() as go_on, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SELECT 1")  # the moment
        go_on.set()
        return compare()


@contextmanager
def _all_delivered() -> Iterator[threading.Event]:
    """Inside the block ClickHouse has all changes and gets no new ones. Nobody makes any until the event is set, by a
    transaction that has begun to read.
    """
    ready, go_on, over = threading.Event(), threading.Event(), threading.Event()
    failures: list[BaseException] = []

    def hold() -> None:
        try:
            with ExitStack() as held:
                for target in Outbox.Target:
                    held.enter_context(in_turn(LOCK_SPACE, TARGETS.index(target.value)))
                # Most of it before anybody has to wait.
                deliver_changes()
                _deliver_last(ready, go_on)
                over.wait()
        except BaseException as error:
            failures.append(error)
        finally:
            ready.set()
            release_connection()

    # A connection of its own: the one that reads must begin after the lock and outlive it.
    thread = threading.Thread(target=hold, name="compare")
    thread.start()
    try:
        ready.wait()
        if failures:
            raise failures[0]
        yield go_on
    finally:
        go_on.set()
        over.set()
        thread.join()


# Who is let through first is not known, so a transaction that does not end must not stop everybody for long.
_PATIENCE = "SET LOCAL lock_timeout = '2s'"
_NO_CHANGES = "LOCK TABLE core_outbox IN SHARE MODE"


def _deliver_last(ready: threading.Event, go_on: threading.Event) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_PATIENCE)
        cursor.execute(_NO_CHANGES)
        deliver_changes()
        ready.set()
        go_on.wait()
