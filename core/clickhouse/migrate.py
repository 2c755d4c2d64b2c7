"""Applies the numbered files of ``schema/`` in order and keeps a ledger of them in ``schema_migrations``.

A file is applied again when the process died between its last statement and the ledger entry, so each
statement must bear repetition (``IF NOT EXISTS``).
"""

from pathlib import Path

from django.conf import settings

from core.clickhouse import client

SCHEMA = Path(__file__).parent / "schema"

_LEDGER = """
CREATE TABLE IF NOT EXISTS schema_migrations (name String, applied_at DateTime DEFAULT now())
ENGINE = ReplacingMergeTree ORDER BY name
"""


def pending() -> list[str]:
    """Names of the schema files that this ClickHouse has not seen, in order."""
    known = {row[0] for row in client.inspect("SELECT name FROM schema_migrations")}
    return [path.name for path in sorted(SCHEMA.glob("*.sql")) if path.name not in known]


def migrate() -> list[str]:
    """Create the database if need be and apply what is pending; the names applied."""
    database = settings.CLICKHOUSE["database"]
    client.administer(
        "CREATE DATABASE IF NOT EXISTS {database:Identifier}",
        parameters={"database": database},
        in_database=False,
    )
    client.administer(_LEDGER)
    applied = pending()
    for name in applied:
        for statement in _statements((SCHEMA / name).read_text()):
            client.administer(statement)
        client.administer(
            "INSERT INTO schema_migrations (name) SELECT {name:String}", parameters={"name": name}
        )
    return applied


def _statements(text: str) -> list[str]:
    """The statements of a file: each ends with a semicolon at the end of a line."""
    return [part.strip() for part in (text + "\n").split(";\n") if part.strip()]
