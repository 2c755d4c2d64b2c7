"""ClickHouse's side of an erasure: which rows are about the distinct ids and persons of a batch, and away with them.

What a batch is about is put into tables in memory, for statements to look into: a list of a hundred thousand ids is no
parameter. ``ids_to_erase`` and ``persons_to_erase`` say up to where, ``distinct_ids_to_erase`` and ``uuids_to_erase``
only whom: looking into these is several times as fast, and leaves few rows for the others. A few names go along with
the statements instead: ClickHouse then leaves out what cannot have them, by the sorting keys.

Every step may be repeated. One erasure runs at a time; whoever counts or deletes holds ``squash.REWRITING``. The
tables have nothing to do with each other, so they are counted and cleared at once: while one is read, small statements
about the others wait for the disk.

Rows go by lightweight deletes that write patch parts: each costs one look at the columns asked for, whatever the number
of parts (docs/decisions/0009-erasure.md). Events are not even looked for again (``core.clickhouse.places``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal
from uuid import UUID, uuid4

import orjson
from django.conf import settings

from core.at_once import at_once
from core.clickhouse import client, cluster, places
from core.exceptions import ClickHouseUnavailable

#: Tables with rows about persons.
Table = Literal[
    "events",
    "person",
    "person_newest_first",
    "cohort_members",
    "person_distinct_id",
    "person_distinct_id_overrides",
]
#: Stands for no version and no moment.
NONE = -1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class IdToErase:
    """Events of the distinct id received up to ``moment`` (microseconds since 1970) go, mappings up to ``version``,
    overrides up to ``override_version``.
    """

    project_id: int
    distinct_id: str
    moment: int
    version: int
    override_version: int


@dataclass(frozen=True, slots=True)
class PersonToErase:
    """Rows of the person below ``version`` go."""

    project_id: int
    id: UUID
    version: int


@dataclass(frozen=True, slots=True)
class Found:
    """Rows about a distinct id, or about a person by its uuid as text."""

    project_id: int
    name: str
    rows: int


#: Tells whose rows there are; no project has this number.
_MARK = IdToErase(0, "", NONE, NONE, NONE)


def microseconds(moment: datetime) -> int:
    """Since 1970."""
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


#: Names of a kind, and bytes in them, that go along with a statement, in its address.
FEW = 200
_FEW_BYTES = 8_000


@dataclass(frozen=True, slots=True)
class Run:
    """What a batch is about, as it was noted; ``rows`` in the tables that tell up to where. Names are null where
    statements look into the tables.
    """

    id: UUID
    projects: Sequence[int]
    rows: int
    distinct_ids: Sequence[str] | None
    uuids: Sequence[UUID] | None

    @property
    def parameters(self) -> dict[str, Any]:
        """Of a statement about it."""
        names = {"distinct_ids": self.distinct_ids, "uuids": self.uuids}
        few = {name: one for name, one in names.items() if one is not None}
        return {"run": self.id, "projects": self.projects, **few}


_TABLES_OF_A_RUN = (
    "ids_to_erase",
    "distinct_id_hashes_to_erase",
    "persons_to_erase",
    "distinct_ids_to_erase",
    "uuids_to_erase",
    *places.TABLES,
)
#: Rows of one insert.
_ROWS = 50_000


def note(ids: Sequence[IdToErase], persons: Sequence[PersonToErase]) -> Run:
    """Say what a batch is about; each id and each person once."""
    run = uuid4()
    forget()
    at_once(
        partial(_insert, "ids_to_erase", run, [{"run": run, **_columns(one)} for one in (*ids, _MARK)]),
        [partial(_insert, "persons_to_erase", run, [{"run": run, **_columns(one)} for one in persons])],
    )
    # Last: a ClickHouse that is started anew in between loses the others, too, and that is seen.
    at_once(
        partial(_insert, "distinct_ids_to_erase", run, [{"distinct_id": one.distinct_id} for one in ids]),
        [partial(_insert, "uuids_to_erase", run, [{"id": one.id} for one in persons])],
    )
    distinct_ids = [one.distinct_id for one in ids]
    size = sum(len(distinct_id.encode()) for distinct_id in distinct_ids)
    # What a cluster is told stays in Keeper for days.
    may_tell = cluster.here() is None
    return Run(
        id=run,
        projects=sorted({one.project_id for one in ids} | {one.project_id for one in persons}),
        rows=len(ids) + 1 + len(persons),
        distinct_ids=distinct_ids if may_tell and 0 < len(ids) <= FEW and size <= _FEW_BYTES else None,
        uuids=[one.id for one in persons] if may_tell and 0 < len(persons) <= FEW else None,
    )


def forget() -> None:
    first, *others = (partial(client.administer, f"TRUNCATE TABLE {table}") for table in _TABLES_OF_A_RUN)
    at_once(first, others)


def _columns(one: IdToErase | PersonToErase) -> dict[str, Any]:
    # As ``dataclasses.asdict`` in a tenth of the time.
    return {name: getattr(one, name) for name in one.__slots__}


def _insert(table: str, run: UUID, rows: list[dict[str, Any]]) -> None:
    for start in range(0, len(rows), _ROWS):
        lines = [orjson.dumps(row) for row in rows[start : start + _ROWS]]
        client.insert_lines(table, b"\n".join(lines), token=f"{run}.{start}")


#: Tables with rows about persons by their uuid, and the columns with it and with the person's version. The row of the
#: death stays; it says that the person is deleted.
OF_PERSONS: dict[Table, tuple[str, str]] = {
    "person": ("id", "version"),
    "person_newest_first": ("id", "version"),
    "cohort_members": ("person_id", "person_version"),
}
#: Tables of whose rows about one thing all go, the one that counts among them.
_IN_STEPS = ("cohort_members", "person_distinct_id", "person_distinct_id_overrides")


def _named(table: str) -> str:
    """A delete looks for tables elsewhere unless it is told the database."""
    return f"{settings.CLICKHOUSE['database']}.{table}"


def _looked_up(table: str, key: str, column: str) -> str:
    name = _named(table)
    of_run = f"joinGetOrNull('{name}', 'run', project_id, {key}) = {{run:UUID}}"
    return f"if({of_run}, joinGetOrNull('{name}', '{column}', project_id, {key}), NULL)"


@dataclass(frozen=True, slots=True)
class _Condition:
    """Which rows: those of ``whom``, which is quickly found out, for which ``up_to`` is true."""

    whom: str
    up_to: str


def _condition(table: Table, run: Run, *, only_older: bool = False) -> _Condition:
    """Which rows of ``table`` the run is about; ``only_older`` leaves out those of the last version, of members those
    that say that somebody is none.
    """
    comparison = "<" if only_older else "<="
    ids = _named("distinct_ids_to_erase") if run.distinct_ids is None else "{distinct_ids:Array(String)}"
    whom = f"distinct_id IN {ids}"
    if table == "events":
        # Few others have the same hash, so whom it does not name need not be read.
        moment = _looked_up("ids_to_erase", "distinct_id", "moment")
        mine = f"({whom} AND toUnixTimestamp64Micro(received_at) <= {moment})"
        whom = f"distinct_id_hash IN {_named('distinct_id_hashes_to_erase')}"
    elif table in OF_PERSONS:
        uuid, version = OF_PERSONS[table]
        uuids = _named("uuids_to_erase") if run.uuids is None else "{uuids:Array(UUID)}"
        whom = f"{uuid} IN {uuids}"
        mine = f"toInt64({version}) < {_looked_up('persons_to_erase', uuid, 'version')}"
        if only_older and table == "cohort_members":
            mine = f"({mine} AND NOT is_deleted)"
    else:
        column = "version" if table == "person_distinct_id" else "override_version"
        found = _looked_up("ids_to_erase", "distinct_id", column)
        mine = f"toInt64(version) {comparison} {found}"
    return _Condition(f"project_id IN {{projects:Array(Int64)}} AND {whom}", f"ifNull({mine}, 0)")


_KEYS: dict[Table, str] = {
    "events": "distinct_id",
    "person": "toString(id)",
    "person_newest_first": "toString(id)",
    "cohort_members": "toString(person_id)",
    "person_distinct_id": "distinct_id",
    "person_distinct_id_overrides": "distinct_id",
}
TABLES: tuple[Table, ...] = tuple(_KEYS)


def count(run: Run, tables: Sequence[Table] = TABLES) -> Mapping[Table, Sequence[Found]]:
    """The rows of ``tables`` that the run is about, by distinct id or by person."""
    first, *others = (partial(count_in, table, run) for table in tables)
    found, more = at_once(first, others)
    return dict(zip(tables, [found, *more], strict=True))


# What was deleted is left out before anything else is read of the few rows that are about somebody: after a deletion
# none of them is left.
_THERE = "PREWHERE {condition.whom} AND _row_exists WHERE {condition.up_to}"
_LIMITS = "apply_deleted_mask = 0, max_threads = {threads}"
_COUNT = "SELECT project_id, {key}, count() FROM {table} {there} GROUP BY 1, 2 SETTINGS {limits}"


def count_in(table: Table, run: Run) -> list[Found]:
    """The rows of ``table`` that the run is about, by distinct id or by person."""
    there = _THERE.format(condition=_condition(table, run))
    limits = _LIMITS.format(threads=_threads(table))
    sql = _COUNT.format(table=table, key=_KEYS[table], there=there, limits=limits)
    rows = client.inspect(sql, parameters=run.parameters)
    return [Found(project_id, name, found) for project_id, name, found in rows]


def find_events(run: Run) -> list[Found]:
    """The same of events, of which it is noted where they are. Once in a run, and before ``remove``."""
    there = _THERE.format(condition=_condition("events", run))
    limits = _LIMITS.format(threads=_threads("events"))
    rows = places.note(there, run.parameters, limits=limits)
    if rows is None:
        return count_in("events", run)
    return [Found(project_id, name, found) for project_id, name, found in rows]


# Nor is it asked here: what was deleted before is deleted once more.
_DELETE = """
DELETE FROM {table} WHERE {condition}
SETTINGS lightweight_delete_mode = 'lightweight_update', enable_lightweight_update = 1, lightweight_deletes_sync = 2,
    apply_deleted_mask = 0, max_threads = {threads}
"""


def remove(tables: Sequence[Table], run: Run) -> None:
    """Delete the rows of ``tables`` that the run is about."""
    if tables:
        first, *others = (partial(_remove, table, run) for table in tables)
        at_once(first, others)


def _remove(table: Table, run: Run) -> None:
    for condition in _steps(table, run):
        statement = _DELETE.format(table=table, condition=condition, threads=_threads(table))
        client.administer(statement, parameters=run.parameters)


def _steps(table: Table, run: Run) -> list[str]:
    """Conditions of the deletes that follow one another."""
    if table == "events":
        # Whatever is merged before the one or the other, every event is in a part that was searched or in a new one.
        all_of_them = _condition(table, run)
        return [
            f"project_id IN {{projects:Array(Int64)}} AND {places.noted()}",
            f"{places.not_searched()} AND {all_of_them.whom} AND {all_of_them.up_to}",
        ]
    # Older rows go first: parts are rewritten one after the other, and an older row must not outlive the
    # newest one and count.
    steps = (True, False) if table in _IN_STEPS else (False,)
    conditions = [_condition(table, run, only_older=only_older) for only_older in steps]
    return [f"{one.whom} AND {one.up_to}" for one in conditions]


_ASKED = """
SELECT getSetting('max_threads'), count() FROM system.processes
WHERE is_initial_query AND Settings['log_comment'] != ''
"""


def _threads(table: Table) -> int:
    """How many of ClickHouse's threads a statement about ``table`` takes; 0 is all. Half of them for events while
    somebody asks something, who should not wait twice as long because of an erasure. One for the other tables, which
    are done long before the events.
    """
    if table != "events":
        return 1
    ((threads, questions),) = client.inspect(_ASKED)
    return max(1, int(threads) // 2) if questions else 0


#: In a cluster every node has all of it.
_NOTED = """
SELECT min(rows) FROM (
    SELECT hostName() AS host, sum(total_rows) AS rows FROM system.tables
    WHERE database = {database:String} AND name IN ('ids_to_erase', 'persons_to_erase')
    GROUP BY host
)
"""
_OF_RUN = "SELECT joinGetOrNull({table:String}, 'run', toInt64(0), '') = {run:UUID}"


def check_noted(run: Run) -> None:
    """See that what was noted is still there: what was deleted and counted since was by it.

    Raises ``ClickHouseUnavailable`` when ClickHouse was started anew, or somebody else took over.
    """
    database = settings.CLICKHOUSE["database"]
    # The other way round, an erasure that takes over in between would not be seen.
    noted = client.inspect(_NOTED, parameters={"database": database})
    of_run = client.inspect(_OF_RUN, parameters={"table": f"{database}.ids_to_erase", "run": run.id})
    if noted != [(run.rows,)] or of_run != [(1,)]:
        raise ClickHouseUnavailable("ClickHouse was started anew in the middle of an erasure.")


def apply_patches(table: Table) -> None:
    """Have what was deleted written into the parts themselves, where reading is as fast as before. The bytes of the
    rows stay (``core.clickhouse.scrub``).

    Nothing depends on it, and it takes a tenth of a second for every part, also for those without a deleted row: so
    nobody waits.
    """
    client.administer(f"ALTER TABLE {table} APPLY PATCHES SETTINGS mutations_sync = 0")
