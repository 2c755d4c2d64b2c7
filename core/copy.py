"""COPY: the fast way to bring many rows into PostgreSQL."""

from collections.abc import Iterable
from typing import Any

from django.db.backends.utils import CursorWrapper


def copy_rows(cursor: CursorWrapper, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
    """Send ``rows`` to ``statement``, a ``COPY … FROM STDIN``. Errors are Django's, as of any other statement."""
    with cursor.db.wrap_database_errors, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)
