"""Connections to PostgreSQL while a request does something else."""

from django.db import connection


def release_connection() -> None:
    """Others can use the connection while this request waits; the next query gets another one. (In a transaction, as
    tests have them, it must be kept.)
    """
    if not connection.in_atomic_block:
        connection.close()
