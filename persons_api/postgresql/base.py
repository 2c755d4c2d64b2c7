"""Django's PostgreSQL with less to do for each request and each row."""

import select
from collections.abc import Mapping
from typing import Any

import psycopg
from django.db.backends.base.base import NO_DB_ALIAS
from django.db.backends.postgresql import base
from psycopg.pq import Format
from psycopg_pool import ConnectionPool

from persons_api.postgresql.connection import Connection

_TIMESTAMPTZ = psycopg.adapters.types["timestamptz"].oid
#: Reads times of rows in C. Connections are in UTC, so Django's own, which is several times slower, changes nothing.
_TIME_LOADER = psycopg.adapters.get_loader(_TIMESTAMPTZ, Format.TEXT)


class DatabaseWrapper(base.DatabaseWrapper):
    """A database whose ``OPTIONS`` have a ``pool``."""

    @property
    def pool(self) -> "ConnectionPool[Any] | None":
        if self.alias == NO_DB_ALIAS:
            return None
        pools: dict[str, ConnectionPool[Any]] = self._connection_pools  # type: ignore[attr-defined]
        if self.alias not in pools:
            pool = ConnectionPool(
                connection_class=Connection,
                kwargs={**self.get_connection_params(), "autocommit": True},
                open=False,
                configure=self._configure_connection,  # type: ignore[attr-defined]
                check=check_unless_silent,
                **self.settings_dict["OPTIONS"]["pool"],
            )
            # Another thread may have been faster; a pool that was not opened costs nothing.
            pools.setdefault(self.alias, pool)
        return pools[self.alias]

    def fetch_prepared(self, sql: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Rows of a statement, on the connection of this thread or else on any: to make one this thread's for a small
        statement, and to end that with the request, takes Django longer than the statement.
        """
        pool = self.pool
        if self.connection is not None or self.in_atomic_block or pool is None:
            self.ensure_connection()
            rows: list[tuple[Any, ...]] = self.connection.fetch_prepared(sql, parameters)
            return rows
        pool.open()
        connection: Connection = pool.getconn()
        try:
            return connection.fetch_prepared(sql, parameters)
        finally:
            pool.putconn(connection)

    def _set_autocommit(self, autocommit: bool) -> None:
        # Connections of the pool have it.
        if self.connection.autocommit != autocommit:
            super()._set_autocommit(autocommit)  # type: ignore[misc]

    def create_cursor(self, name: str | None = None) -> Any:
        cursor = super().create_cursor(name)
        cursor.adapters.register_loader(_TIMESTAMPTZ, _TIME_LOADER)
        return cursor


def check_unless_silent(connection: "psycopg.Connection[Any]") -> None:
    """Raises ``OperationalError`` when the server has hung up.

    Asking it takes a round trip a request. A server that hangs up leaves something to read though nothing was asked;
    only then it is worth a question.
    """
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    if poll.poll(0):
        ConnectionPool.check_connection(connection)
