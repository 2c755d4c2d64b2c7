"""Locks of PostgreSQL that end with the connection that took them: no transaction is open while they are held."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

#: Seconds between two tries for a lock.
_LOOK = 0.1


@contextmanager
def only_one(space: int, number: int) -> Iterator[bool]:
    """Take the lock unless somebody has it; whether it was free."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [space, number])
        (locked,) = cursor.fetchone()
        try:
            yield locked
        finally:
            # After a lost connection there is nothing to unlock, and the cursor says so by raising.
            if locked and connection.is_usable():
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [space, number])


@contextmanager
def only_one_soon(space: int, number: int, *, patience: float) -> Iterator[bool]:
    """Take the lock as soon as it is free; whether it was within ``patience`` seconds."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        with only_one(space, number) as is_alone:
            if is_alone:
                yield True
                return
        time.sleep(_LOOK)
    yield False


@contextmanager
def nobody(space: int, number: int) -> Iterator[None]:
    """Wait until nobody has the lock and keep it free; others may do the same at once."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock_shared(%s, %s)", [space, number])
        try:
            yield
        finally:
            if connection.is_usable():
                cursor.execute("SELECT pg_advisory_unlock_shared(%s, %s)", [space, number])


@contextmanager
def in_turn(space: int, number: int) -> Iterator[None]:
    """Take the lock when everybody is done who asked for it before."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, %s)", [space, number])
        try:
            yield
        finally:
            if connection.is_usable():
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [space, number])
