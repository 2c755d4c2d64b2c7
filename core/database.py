"""Connections to PostgreSQL: for statements that every request makes, and while a request does something else."""

from collections.abc import Mapping
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, connections


def fetch_prepared(sql: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Rows of a statement that many requests make, with the same text each time: parsed once a connection, answered in
    binary form, and several times cheaper than a cursor of Django's. PostgreSQL still plans it for the values where
    that is worthwhile. A request that is not connected yet gets a connection for this statement only.
    """
    # ``connection`` looks itself up at each use.
    wrapper: Any = connections[DEFAULT_DB_ALIAS]
    with wrapper.wrap_database_errors:
        rows: list[tuple[Any, ...]] = wrapper.fetch_prepared(sql, parameters)
        return rows


def release_connection() -> None:
    """Others can use the connection while this request waits; the next query gets another one. (In a transaction, as
    tests have them, it must be kept.)
    """
    if not connection.in_atomic_block:
        connection.close()
