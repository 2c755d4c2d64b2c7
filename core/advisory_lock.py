"""Locks of PostgreSQL that end with the connection that took them: no transaction is open while they are held."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


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
