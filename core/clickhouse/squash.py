"""ClickHouse's side of a squash: which overrides, into the events, and away (``core.services.squash_overrides``).

Every step may be repeated, and may be killed in the middle: rewriting events changes no answer while the
override is there, and an override goes only after the events say the same.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from uuid import UUID

from django.conf import settings

from core.advisory_lock import in_turn
from core.clickhouse import client
from core.clickhouse.mutations import wait_for_mutations
from core.exceptions import ClickHouseUnavailable

#: The advisory lock of the one squash that runs.
LOCK = (7_263_002, 0)
#: The advisory lock of whoever rewrites or deletes rows of ClickHouse. It is held for one step, so that an erasure,
#: which nobody wants to wait for, comes between two partitions of a squash.
REWRITING = (7_263_002, 1)
#: Overrides of one squash: they are held in memory, at about 150 bytes each. What is left is for the next one.
MOST_OVERRIDES = 1_000_000
PAGE_ROWS = 20_000

_EMPTY = ("TRUNCATE TABLE overrides_to_squash", "TRUNCATE TABLE overrides_to_squash_by_id")
# FINAL before WHERE: an id is at rest when its newest row is.
_SNAPSHOT = """
INSERT INTO overrides_to_squash
SELECT {run:UUID}, project_id, distinct_id, person_id, version
FROM person_distinct_id_overrides FINAL
WHERE changed_at <= now() - {seconds:Int64} AND is_deleted >= {deleted:UInt8}
ORDER BY project_id, distinct_id
LIMIT {most:UInt64}
"""
_BY_ID = "INSERT INTO overrides_to_squash_by_id SELECT * FROM overrides_to_squash WHERE run = {run:UUID}"
_COUNT = "SELECT count() FROM overrides_to_squash WHERE run = {run:UUID}"


def take_snapshot(run: UUID, *, older_than: timedelta, only_deleted: bool = False) -> int:
    """Note the overrides that have not changed for so long, or those among them whose id was deleted; their number."""
    forget_snapshot()
    parameters = {
        "run": run,
        "seconds": int(older_than.total_seconds()),
        "deleted": int(only_deleted),
        "most": MOST_OVERRIDES,
    }
    client.administer(_SNAPSHOT, parameters=parameters)
    client.administer(_BY_ID, parameters={"run": run})
    ((count,),) = client.inspect(_COUNT, parameters={"run": run})
    return int(count)


_IS_INTACT = f"""
SELECT min(total_rows) = ({_COUNT}) FROM system.tables
WHERE database = {{database:String}} AND name = 'overrides_to_squash_by_id'
"""  # noqa: S608 - a constant
_PROJECTS = "SELECT arraySort(groupUniqArray(project_id)) FROM overrides_to_squash WHERE run = {run:UUID}"
# Rows that say it already are not written.
_DIFFERS = """
project_id IN {projects:Array(Int64)}
AND ifNull(person_id != joinGetOrNull({table:String}, 'person_id', project_id, distinct_id), 0)
"""
_PARTITIONS = f"SELECT DISTINCT _partition_id FROM events WHERE {_DIFFERS} ORDER BY 1"  # noqa: S608 - a constant
# A mutation and no lightweight update: see docs/decisions/0006-squash.md. It copies every part that it looks at, also
# one in which nothing changes, so it is told where to look.
_FOLD = f"""
ALTER TABLE events
UPDATE person_id = joinGet({{table:String}}, 'person_id', project_id, distinct_id)
IN PARTITION ID '%s'
WHERE {_DIFFERS}
"""


def fold(run: UUID) -> None:
    """Write the persons of the snapshot into the events of its distinct ids.

    Raises ``ClickHouseUnavailable`` when ClickHouse was started anew meanwhile: then the rest of the mutation found
    nothing to look into.
    """
    ((projects,),) = client.inspect(_PROJECTS, parameters={"run": run})
    found = client.inspect(_PARTITIONS, parameters={"projects": projects, "table": _by_id()})
    for (partition,) in found:
        _mutate("events", _FOLD % partition, {"projects": projects})
    parameters = {"run": run, "database": settings.CLICKHOUSE["database"]}
    if client.inspect(_IS_INTACT, parameters=parameters) != [(True,)]:
        raise ClickHouseUnavailable("ClickHouse was started anew in the middle of a squash.")


_PAGE = """
SELECT project_id, distinct_id, version FROM overrides_to_squash
WHERE run = {run:UUID} AND (project_id, distinct_id) > ({project_id:Int64}, {distinct_id:String})
ORDER BY project_id, distinct_id LIMIT {rows:UInt64}
"""


def pages(run: UUID) -> Iterator[Sequence[tuple[int, str, int]]]:
    """Project, distinct id and version of each override of the snapshot."""
    last = (0, "")
    while True:
        parameters = {"run": run, "project_id": last[0], "distinct_id": last[1], "rows": PAGE_ROWS}
        page = [(row[0], row[1], row[2]) for row in client.inspect(_PAGE, parameters=parameters)]
        if not page:
            return
        yield page
        last = page[-1][:2]


_REMOVE = """
ALTER TABLE person_distinct_id_overrides DELETE
WHERE ifNull(
    joinGetOrNull({{table:String}}, 'run', project_id, distinct_id) = {{run:UUID}}
    AND version {comparison} joinGetOrNull({{table:String}}, 'version', project_id, distinct_id), 0)
"""


def remove(run: UUID) -> None:
    """Remove the overrides of the snapshot, and nothing newer."""
    # Older rows of an id go first: parts are rewritten one after the other, and an older row must not outlive the
    # newest one and count.
    for comparison in ("<", "<="):
        _mutate("person_distinct_id_overrides", _REMOVE.format(comparison=comparison), {"run": run})


def forget_snapshot() -> None:
    for statement in _EMPTY:
        client.administer(statement)


def _mutate(name: str, statement: str, parameters: dict[str, object]) -> None:
    """Run a mutation of the table ``name`` and wait for its end."""
    with in_turn(*REWRITING):
        client.administer(statement, parameters={**parameters, "table": _by_id()})
        wait_for_mutations(name, command="%overrides_to_squash_by_id%")


def _by_id() -> str:
    """The table of the snapshot as ``joinGet`` wants it, with the database."""
    return f"{settings.CLICKHOUSE['database']}.overrides_to_squash_by_id"
