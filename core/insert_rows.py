"""Brings rows into a table of PostgreSQL the quickest way that their number allows."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.backends.utils import CursorWrapper

#: Rows up to which one INSERT is quicker: COPY takes two more round trips.
_FEW = 20


def insert_rows(
    cursor: CursorWrapper, table: str, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]
) -> None:
    """Insert ``rows`` into ``columns`` of ``table``, both names of ours. Errors are Django's, also inside COPY."""
    values = list(rows)
    names = f"{table} ({', '.join(columns)})"
    if len(values) > _FEW:
        with cursor.db.wrap_database_errors, cursor.copy(f"COPY {names} FROM STDIN") as copy:
            for row in values:
                copy.write_row(row)
    elif values:
        places = ", ".join([f"({', '.join(['%s'] * len(columns))})"] * len(values))
        cursor.execute(f"INSERT INTO {names} VALUES {places}", [value for row in values for value in row])  # noqa: S608
