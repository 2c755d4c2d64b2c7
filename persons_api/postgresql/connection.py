"""A connection that answers prepared statements with one call into libpq."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import psycopg
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import ConnStatus, ExecStatus, Format, TransactionStatus
from psycopg.pq.abc import PGresult

_NAMED = re.compile(r"%\((\w+)\)s")


@cache
def numbered(sql: str) -> tuple[str, tuple[str, ...]]:
    """The statement with ``$1`` in place of its first ``%(name)s`` and so on, and the names in this order."""
    names = tuple(dict.fromkeys(_NAMED.findall(sql)))
    return _NAMED.sub(lambda found: f"${names.index(found[1]) + 1}", sql), names


class Connection(psycopg.Connection[Any]):
    """psycopg's, which waits for answers in Python so that a signal can interrupt it. A request that makes two small
    queries spends more time there than on anything else; ``fetch_prepared`` is for these.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: The names under which the server knows statements.
        self._statements: dict[str, bytes] = {}
        self._transformer = Transformer(self)

    def fetch_prepared(self, sql: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Rows of ``sql``, which names its parameters ``%(name)s``. The server learns it the first time, and infers the
        types of its parameters.
        """
        if not self.autocommit and self.pgconn.transaction_status == TransactionStatus.IDLE:
            self.execute("SELECT 1")  # begins the transaction
        statement, names = numbered(sql)
        if sql not in self._statements:
            self._statements[sql] = self._prepare(statement)
        transformer = self._transformer
        values: list[Any] = [parameters[name] for name in names]
        texts: Any = transformer.dump_sequence(values, [PyFormat.TEXT] * len(names))
        result = self.pgconn.exec_prepared(self._statements[sql], texts, None, Format.BINARY)
        self._check(result, ExecStatus.TUPLES_OK)
        transformer.set_pgresult(result)
        rows = transformer.load_rows(0, result.ntuples, tuple)
        transformer.set_pgresult(None)
        return rows

    def _prepare(self, statement: str) -> bytes:
        name = f"prepared_{len(self._statements)}".encode()
        self._check(self.pgconn.prepare(name, statement.encode()), ExecStatus.COMMAND_OK)
        return name

    def _check(self, result: PGresult, expected: ExecStatus) -> None:
        if self.pgconn.status != ConnStatus.OK:
            raise psycopg.OperationalError(result.get_error_message())
        if result.status != expected:
            raise psycopg.errors.error_from_result(result)
