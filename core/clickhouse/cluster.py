"""ClickHouse on several nodes: how statements are addressed when ``PERSONS_API_CLICKHOUSE_CLUSTER`` names a cluster.

Every row of a project lies on one shard (``project_id`` modulo the number of shards), so whatever is joined lies
together. There are two databases on every node. The one of ``CLICKHOUSE_URL`` holds what lies on the node: the tables
of ``schema/``, replicated within their shard. The other one, with ``_cluster`` behind its name, holds Distributed
tables of the same names: questions and inserts go there. Whatever changes tables goes to the first one, ``ON CLUSTER``.

Tables that statements look into while they rewrite rows (engines Join and Set), and those without a project, are the
same on every node. A second cluster in ClickHouse's configuration, with ``_nodes`` behind its name, writes to all of
them: one shard, every node a replica, without ``internal_replication``. See ``docs/scale.md``. This module makes text
and asks nobody.
"""

import re
from dataclasses import dataclass

from django.conf import settings

Values = dict[str, str | int]

#: Of every statement. One replica of a shard answers as long as it is there, whichever node was asked: what was written
#: is read.
_READ: Values = {
    "optimize_skip_unused_shards": 1,
    "distributed_product_mode": "local",
    "prefer_localhost_replica": 0,
    "load_balancing": "in_order",
    "parallel_distributed_insert_select": 0,
}
#: Of questions about one project: a table that is not asked for the project is an error, not a question to all shards.
ONE_SHARD: Values = {"force_optimize_skip_unused_shards": 2}
#: Done when most replicas of the shard have the rows.
_WRITE: Values = {"distributed_foreground_insert": 1, "insert_quorum": "auto"}
#: Seconds for every replica to do what it is told.
DDL_PATIENCE = 3600
_CHANGE: Values = {
    "distributed_ddl_output_mode": "throw",
    "distributed_ddl_task_timeout": DDL_PATIENCE,
    # Done when every replica has it: a look at the mutations of a replica may come before it has heard of them.
    "mutations_sync": 2,
    # They look into tables that are the same on every node.
    "allow_nondeterministic_mutations": 1,
    # Two threads of one statement that fill a table in memory (engine Join) are taken for a deadlock.
    "max_insert_threads": 1,
}
_WEEK = 7 * 24 * 60 * 60

_TARGET = re.compile(
    r"\s*(CREATE TABLE(?: IF NOT EXISTS)?|CREATE MATERIALIZED VIEW(?: IF NOT EXISTS)?|ALTER TABLE|DELETE FROM"
    r"|TRUNCATE TABLE|OPTIMIZE TABLE|DROP (?:TABLE|VIEW)(?: IF EXISTS)?) (\w+)(?!\.)\b"
)
_LIKE_ANOTHER = re.compile(r" AS (\w+)$")
_VIEW = re.compile(r" TO (\w+)\s+AS SELECT (.*?)\s+FROM (\w+)\b", re.DOTALL)
_EXCHANGE = re.compile(r"\s*EXCHANGE TABLES (\w+) AND (\w+)")
_ENGINE = re.compile(r"ENGINE = (\w*MergeTree)\b")
_WINDOW = re.compile(r"non_replicated_deduplication_window = (\d+)")
_WHOLE = re.compile(r"\s*(KILL QUERY|SYSTEM (?:STOP|START) MERGES)\b")
_COLUMNS = re.compile(r"\b(?:ADD|MODIFY|DROP|RENAME) COLUMN\b")
_SYSTEM = re.compile(r"\bsystem\.(parts|mutations|tables|processes)\b")


@dataclass(frozen=True, slots=True)
class Cluster:
    """The name of a cluster and the database on each node."""

    name: str
    database: str

    @property
    def nodes(self) -> str:
        """The cluster in which every node is a replica."""
        return f"{self.name}_nodes"

    @property
    def distributed(self) -> str:
        """The database of the Distributed tables."""
        return f"{self.database}_cluster"

    def databases(self) -> list[str]:
        """The statements that make both databases."""
        return [
            f"CREATE DATABASE IF NOT EXISTS {name} ON CLUSTER {self.name}"
            for name in (self.database, self.distributed)
        ]

    def schema(self, statement: str) -> list[str]:
        """What a statement of ``schema/`` is here."""
        statement = _without_comments(statement)
        if statement.startswith(("INSERT", "EXCHANGE", "DROP VIEW")):
            return [self.addressed(statement)]
        found = _TARGET.match(statement)
        if not found:
            raise ValueError(f"a statement that has no form in a cluster: {statement[:60]}")
        kind, table = found.groups()
        if kind.startswith("DROP"):
            spread = f"DROP TABLE IF EXISTS {self.distributed}.{table} ON CLUSTER {self.name}"
            return [spread, self.addressed(statement)]
        if kind.startswith("CREATE TABLE"):
            on_shards = _is_on_shards(statement)
            made = self.addressed(_replicated(statement) if on_shards else statement)
            return [made, self.spread(table, on_shards=on_shards)]
        if kind == "ALTER TABLE" and _COLUMNS.search(statement):
            return [self.addressed(statement), self.spread(table, on_shards=True)]
        return [self.addressed(statement)]

    def spread(self, table: str, *, on_shards: bool) -> str:
        """The statement that makes the Distributed table, anew if need be: it holds no rows."""
        whole = f"'{self.name}', {self.database}, {table}, project_id"
        each = f"'{self.nodes}', {self.database}, {table}"
        return (
            f"CREATE OR REPLACE TABLE {self.distributed}.{table} ON CLUSTER {self.name} AS {self.database}.{table} "
            f"ENGINE = Distributed({whole if on_shards else each})"
        )

    def addressed(self, statement: str) -> str:
        """A statement that changes tables, for the tables on the nodes. Inserts stay as they are: they go to
        Distributed tables.
        """
        here, on = self.database, f"ON CLUSTER {self.name}"
        if found := _EXCHANGE.match(statement):
            first, second = found.groups()
            return f"EXCHANGE TABLES {here}.{first} AND {here}.{second} {on}{statement[found.end() :]}"
        if found := _WHOLE.match(statement):
            return f"{found[1]} {on}{statement[found.end() :]}"
        found = _TARGET.match(statement)
        if not found:
            return statement
        rest = statement[found.end() :]
        if found[1].startswith("CREATE TABLE"):
            rest = _LIKE_ANOTHER.sub(rf" AS {here}.\1", rest)
        if found[1].startswith("CREATE MATERIALIZED"):
            rest = _VIEW.sub(rf" TO {here}.\1\nAS SELECT \2\nFROM {here}.\3", rest)
        return f"{found[1]} {here}.{found[2]} {on}{rest}"

    def everywhere(self, sql: str) -> str:
        """A question about the server itself, put to every node."""
        return _SYSTEM.sub(rf"clusterAllReplicas('{self.name}', system.\1)", sql)


def _without_comments(statement: str) -> str:
    return "\n".join(line for line in statement.splitlines() if not line.startswith("--")).strip()


def _is_on_shards(statement: str) -> bool:
    """Whether a table is one of rows of projects, as is one that is made like another one, and no helper in memory."""
    if _LIKE_ANOTHER.search(statement):
        return True
    in_memory = re.search(r"ENGINE = (Join|Set|Memory)\b", statement)
    return not in_memory and bool(re.search(r"^\s*project_id ", statement, re.MULTILINE))


def _replicated(statement: str) -> str:
    """The name in Keeper and the replica come from ClickHouse's own defaults and macros: the path has the uuid of the
    table, so that tables can be exchanged.
    """
    statement = _ENGINE.sub(r"ENGINE = Replicated\1", statement)
    return _WINDOW.sub(
        rf"replicated_deduplication_window = \1, replicated_deduplication_window_seconds = {_WEEK}", statement
    )


def here() -> Cluster | None:
    """The cluster of the settings; null for a single ClickHouse."""
    name: str = settings.CLICKHOUSE_CLUSTER
    return Cluster(name, str(settings.CLICKHOUSE["database"])) if name else None


def database() -> str:
    """Where questions and inserts go."""
    cluster = here()
    return cluster.distributed if cluster else str(settings.CLICKHOUSE["database"])


def read_settings(*, one_project: bool) -> Values:
    if not settings.CLICKHOUSE_CLUSTER:
        return {}
    return {**_READ, **ONE_SHARD} if one_project else dict(_READ)


def write_settings() -> Values:
    return {**_READ, **_WRITE} if settings.CLICKHOUSE_CLUSTER else {}


def change_settings() -> Values:
    return {**_READ, **_WRITE, **_CHANGE} if settings.CLICKHOUSE_CLUSTER else {}
