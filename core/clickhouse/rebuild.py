"""ClickHouse's side of a rebuild of its replica (``core.services.rebuild``): tables beside the old ones, which get what
is delivered meanwhile as well, and take their place at one moment.

A table ``person`` is built anew as ``person_rebuilt``; the view ``person_to_rebuilt`` sends there what comes to the old
one. Every step may be repeated; ``clear`` takes away what an earlier rebuild left behind.
"""

from collections.abc import Sequence

from core.clickhouse import client, cluster

#: Filled by a view with what comes to another table: both are built and exchanged together.
_FILLED: dict[str, str] = {"person": "person_newest_first"}
_COLUMNS_OF_FILLED = "project_id, created_at, id, properties, version, is_deleted"
#: Tables of which a rebuild could leave something behind.
TABLES = ("person", "person_distinct_id", "person_distinct_id_overrides", "groups", "cohort_members")


_VIEW = "CREATE MATERIALIZED VIEW IF NOT EXISTS {name} TO {to}\nAS SELECT {columns} FROM {source}"


def rebuilt(table: str) -> str:
    return f"{table}_rebuilt"


def clear() -> None:
    """Take away what a rebuild that was killed has left."""
    for table in TABLES:
        _drop_view(_forwarding(table))
    for table, filled in _FILLED.items():
        _drop_view(_filling(table))
        _drop_table(rebuilt(filled))
    for table in TABLES:
        _drop_table(rebuilt(table))


def begin(table: str) -> None:
    """Make the new table, empty, and let it get what the old one gets. Nothing may be delivered meanwhile."""
    _make(table)
    if filled := _FILLED.get(table):
        _make(filled)
        columns = _COLUMNS_OF_FILLED
        _run(_VIEW.format(name=_filling(table), to=rebuilt(filled), columns=columns, source=rebuilt(table)))
    _run(_VIEW.format(name=_forwarding(table), to=rebuilt(table), columns="*", source=table))


def finish(table: str) -> None:
    """Put the new table in the place of the old one, which goes. Nothing may be delivered meanwhile."""
    # The other way round, rows of the new table would be sent to the old one.
    _drop_view(_forwarding(table))
    together = [table]
    if filled := _FILLED.get(table):
        _drop_view(_filling(table))
        together.append(filled)
    for one in together:
        _run(f"EXCHANGE TABLES {one} AND {rebuilt(one)}")
    for one in reversed(together):
        _drop_table(rebuilt(one))


def insert(table: str, lines: Sequence[str], *, token: str) -> None:
    """Put rows into the new table."""
    client.insert_lines(rebuilt(table), "\n".join(lines).encode(), token=token)


# PostgreSQL has no more than digests of them; events of theirs stay with who is dead, and go back to nobody.
_KEEP_DEAD_OVERRIDES = """
INSERT INTO person_distinct_id_overrides_rebuilt
SELECT * FROM person_distinct_id_overrides FINAL WHERE is_deleted
"""


def keep_dead_overrides() -> None:
    """Take over which distinct ids point to somebody deleted."""
    _run(_KEEP_DEAD_OVERRIDES)


# Only ids with events of somebody alive: these the missing override would give back.
_FIND_DEAD = """
SELECT DISTINCT project_id, distinct_id, lower(hex(substring(SHA256(distinct_id), 1, 16))) AS digest FROM events
WHERE project_id = {project_id:Int64} AND digest IN {digests:Array(String)}
    AND person_id IN (SELECT id FROM person FINAL WHERE project_id = {project_id:Int64})
    AND distinct_id NOT IN (
        SELECT distinct_id FROM person_distinct_id_overrides_rebuilt WHERE project_id = {project_id:Int64}
    )
"""


def find_dead_ids(project_id: int, digests: Sequence[str]) -> list[tuple[str, str]]:
    """Distinct id and digest of the deleted ids whose events would go back to a person from before."""
    rows = client.query(_FIND_DEAD, project_id=project_id, parameters={"digests": list(digests)})
    return [(distinct_id, digest) for _, distinct_id, digest in rows]


def _forwarding(table: str) -> str:
    return f"{table}_to_rebuilt"


def _filling(table: str) -> str:
    return f"{table}_rebuilt_to_filled"


def _make(table: str) -> None:
    _run(f"CREATE TABLE IF NOT EXISTS {rebuilt(table)} AS {table}")


def _drop_table(name: str) -> None:
    # At once: the name is wanted again, and the bytes are about persons.
    _run(f"DROP TABLE IF EXISTS {name} SYNC")


def _drop_view(name: str) -> None:
    _run(f"DROP VIEW IF EXISTS {name} SYNC")


def _run(statement: str) -> None:
    here = cluster.here()
    for one in here.schema(statement) if here else [statement]:
        client.administer(one)
