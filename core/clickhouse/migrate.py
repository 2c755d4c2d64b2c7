"""Applies the numbered files of ``schema/`` in order and keeps a ledger of them in ``schema_migrations``.

A file is applied again when the process died between its last statement and the ledger entry, so each
statement must bear repetition (``IF NOT EXISTS``). In a cluster each statement is told to every node
(``core.clickhouse.cluster``).
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from django.conf import settings

from core.clickhouse import client, cluster
from core.exceptions import ClickHouseRefused

SCHEMA = Path(__file__).parent / "schema"

_LEDGER = """
CREATE TABLE IF NOT EXISTS schema_migrations (name String, applied_at DateTime DEFAULT now())
ENGINE = ReplacingMergeTree ORDER BY name
"""


class WrongCluster(Exception):
    """ClickHouse and ``PERSONS_API_CLICKHOUSE_CLUSTER`` do not fit together; the message says how."""


def pending() -> list[str]:
    """Names of the schema files that this ClickHouse has not seen, in order."""
    known = {row[0] for row in client.inspect("SELECT name FROM schema_migrations")}
    return [path.name for path in sorted(SCHEMA.glob("*.sql")) if path.name not in known]


def migrate(choose: Callable[[list[str]], list[str]] = list) -> list[str]:
    """Create the database if need be and apply what ``choose`` leaves of the pending files; the names applied.

    Raises ``WrongCluster``.
    """
    _make_databases()
    _check()
    for statement in _here(_LEDGER):
        client.administer(statement)
    applied = choose(pending())
    for name in applied:
        for statement in statements((SCHEMA / name).read_text()):
            for one in _here(statement):
                client.administer(one)
        client.administer(
            "INSERT INTO schema_migrations (name) SELECT {name:String}", parameters={"name": name}
        )
    return applied


def statements(text: str) -> list[str]:
    """The statements of a file: each ends with a semicolon at the end of a line."""
    return [part.strip() for part in (text + "\n").split(";\n") if part.strip()]


def _here(statement: str) -> list[str]:
    here = cluster.here()
    return here.schema(statement) if here else [statement]


def _make_databases() -> None:
    here = cluster.here()
    if not here:
        client.administer(
            "CREATE DATABASE IF NOT EXISTS {database:Identifier}",
            parameters={"database": settings.CLICKHOUSE["database"]},
            in_database=False,
        )
        return
    try:
        for statement in here.databases():
            client.administer(statement, in_database=False)
    except ClickHouseRefused as error:
        raise WrongCluster(
            f"PERSONS_API_CLICKHOUSE_CLUSTER={here.name}: ClickHouse cannot make a database on it. It must be in "
            f"remote_servers of every node, and ClickHouse Keeper must be there (docs/scale.md): {error}"
        ) from None


_ENGINES = "SELECT any(engine) FROM system.tables WHERE database = {database:String} AND name = 'events'"
_CLUSTERS = """
SELECT cluster, uniqExact(shard_num), count(DISTINCT (host_name, port)) FROM system.clusters
WHERE cluster IN {names:Array(String)} GROUP BY cluster
"""


def _check() -> None:
    """Refuse a schema of one kind where the settings say the other. Raises ``WrongCluster``."""
    for problem in problems():
        raise WrongCluster(problem)


def problems() -> Iterator[str]:
    """What is wrong with the cluster of the settings, or with there being none."""
    here = cluster.here()
    database = settings.CLICKHOUSE["database"]
    ((engine,),) = client.inspect(_ENGINES, parameters={"database": database})
    if not here:
        if engine.startswith("Replicated"):
            yield (
                f"The tables in the database {database} belong to a cluster: set PERSONS_API_CLICKHOUSE_CLUSTER to its "
                "name, or take another database."
            )
        return
    if engine and not engine.startswith("Replicated"):
        yield (
            f"PERSONS_API_CLICKHOUSE_CLUSTER={here.name}, but the tables in the database {database} are those of a "
            "single ClickHouse. Take a new database and copy them: see docs/scale.md."
        )
    names = [here.name, here.nodes]
    found = {
        name: (shards, nodes)
        for name, shards, nodes in client.inspect(_CLUSTERS, parameters={"names": names})
    }
    _, nodes = found.get(here.name, (0, 0))
    if found.get(here.nodes) != (1, nodes):
        yield (
            f"ClickHouse's configuration needs a cluster {here.nodes} with one shard that has the {nodes} nodes of "
            f"{here.name} as its replicas (docs/scale.md)."
        )
