"""One transaction about the persons of a project, tried again when another one was faster."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.utils import IntegrityError, OperationalError
from psycopg.errors import DeadlockDetected, SerializationFailure

from core.exceptions import ServiceUnavailable
from core.outbox.wake import wake_delivery

T = TypeVar("T")

TRIES = 8
_QUEUE_FROM = 2


class TooMuchContention(ServiceUnavailable):
    """Too many requests change the same persons at once. Nothing was stored; try again."""

    code = "too_much_contention"
    retry_after = 1


class Conflict(Exception):
    """Another request changed the same persons meanwhile; read again."""


def change_persons(project_id: int, work: Callable[[CursorWrapper], T], *, dry_run: bool = False) -> T:
    """Run ``work`` in one transaction and wake the delivery; what it returns. When it raises, nothing was
    changed; with ``dry_run`` nothing is either, and what it returns is what would be. Raises
    ``TooMuchContention``.

    A ``Conflict``, a lost race for a unique value or a deadlock is rolled back and ``work`` runs again, at most
    ``TRIES`` times. From the third try on the requests of a project queue up, and new ones that take events wait for
    them, so that the last try succeeds.
    """
    attempt = 0
    while True:
        try:
            return _try(project_id, work, is_queued=attempt >= _QUEUE_FROM, dry_run=dry_run)
        except (Conflict, IntegrityError) as error:
            _wait_or_give_up(attempt, error)
        except OperationalError as error:
            if not isinstance(error.__cause__, DeadlockDetected | SerializationFailure):
                raise
            _wait_or_give_up(attempt, error)
        attempt += 1


def _try(project_id: int, work: Callable[[CursorWrapper], T], *, is_queued: bool, dry_run: bool) -> T:
    with transaction.atomic(), connection.cursor() as cursor:
        if is_queued:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [project_id])
        result = work(cursor)
        if dry_run:
            transaction.set_rollback(True)
        # After the commit, also when this is a part of a transaction of the caller's.
        transaction.on_commit(wake_delivery)
    return result


def _wait_or_give_up(attempt: int, error: Exception) -> None:
    if attempt == TRIES - 1:
        raise TooMuchContention from error
    time.sleep(random.uniform(0, 0.01 * 2**attempt))  # noqa: S311 - spreads retries, keeps no secret
