"""Waits until every transaction that was open at a moment is over.

After that nothing can be committed any more that was done before the moment: a row bears the start of the
statement that stored it, its transaction began earlier, and PostgreSQL shows a transaction as open before it runs
its first statement.
"""

import time
from datetime import datetime

from django.db import connection

#: Seconds that are waited at most.
PATIENCE = 60.0
_LOOK = 0.02

_STARTED_BEFORE = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
  AND xact_start <= %s
"""


class TransactionsOpen(Exception):
    """A transaction of PostgreSQL stays open."""


def wait_until_over(moment: datetime) -> None:
    """Wait for all transactions that began up to ``moment``, by PostgreSQL's clock. Raises ``TransactionsOpen``."""
    deadline = time.monotonic() + PATIENCE
    with connection.cursor() as cursor:
        while True:
            cursor.execute(_STARTED_BEFORE, [moment])
            if cursor.fetchone() == (0,):
                return
            if time.monotonic() >= deadline:
                raise TransactionsOpen("a transaction of PostgreSQL does not end")
            time.sleep(_LOOK)
