"""Builds ClickHouse's replica anew from PostgreSQL, under traffic: persons, distinct ids, overrides, groups and members
of cohorts. Events have no other copy and stay.

One table after the other is filled beside the old one and takes its place at one moment. Nothing is lost or counts
twice: from the moment at which the new table is there, it gets what is delivered, too; everything committed before is
read from PostgreSQL; and of two rows the one with the higher version counts, as always. A rebuild that is killed
changes nothing of the table that it was at; the next one begins anew.

Meanwhile no squash, no backup and, a table at a time, no erasure runs: what one of them takes out of the old table must
not be missed in the new one.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from uuid import UUID, uuid4

import orjson
from django.db import connection, transaction

from core.advisory_lock import in_turn, only_one
from core.clickhouse import rebuild as clickhouse
from core.clickhouse.compare import Comparison
from core.clickhouse.squash import LOCK as SQUASH
from core.clickhouse.squash import REWRITING
from core.models import Outbox
from core.outbox.data_versions import ALL, note_changed
from core.outbox.deliver import LOCK_SPACE
from core.outbox.freeze import TARGETS
from core.outbox.lines import delivered_person_line, group_line, override_line, person_line
from core.services.compare_stores import compare_stores

#: Rows that are read at a time.
PAGE_ROWS = 5_000
#: Characters of lines after which an insert takes no further one.
_CHARACTERS = 32_000_000
#: Who an event belongs to whose person is not known any more: nobody. Zeros would mean that the id has not moved
#: (``insights.sql.person_of_event``).
_NOBODY = UUID(int=2**128 - 1)

Target = Outbox.Target


class RebuildNotNow(Exception):
    """A rebuild is not possible at this moment; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Step:
    """What is being built, and how far it is: rows of PostgreSQL."""

    table: str
    rows: int
    of: int


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """Rows written by table, and how both stores compare afterwards."""

    rows: dict[str, int]
    comparisons: Sequence[Comparison]

    @property
    def is_equal(self) -> bool:
        return all(one.is_equal for one in self.comparisons)


Tell = Callable[[Step], None]


def rebuild_clickhouse(*, tell: Tell = lambda step: None) -> Rebuilt:
    """Build every table of the replica anew, and compare.

    Raises ``RebuildNotNow``, and ``ClickHouseUnavailable`` at any point; the next call begins anew.
    """
    with only_one(*SQUASH) as is_alone:
        if not is_alone:
            raise RebuildNotNow("a squash, a backup or another rebuild is running")
        clickhouse.clear()
        rows = {table: _rebuild(table, tell) for table in clickhouse.TABLES}
        _forget_answers()
    return Rebuilt(rows, compare_stores())


#: Targets whose delivery writes to a table.
_TARGETS: dict[str, tuple[Outbox.Target, ...]] = {
    "person": (Target.PERSON,),
    "person_distinct_id": (Target.FIRST_ID, Target.OVERRIDE),
    "person_distinct_id_overrides": (Target.OVERRIDE,),
    "groups": (Target.GROUP,),
    "cohort_members": (Target.MEMBERS,),
}


def _rebuild(table: str, tell: Tell) -> int:
    with in_turn(*REWRITING):
        with _nothing_delivered(table):
            clickhouse.begin(table)
        run = uuid4()
        total = sum(_count(source) for source in _SOURCES[table])
        done = part = 0
        tell(Step(table, done, total))
        for lines in _lines(table):
            clickhouse.insert(table, lines, token=f"{run}.{part}")
            done, part = done + len(lines), part + 1
            tell(Step(table, done, total))
        if table == "person_distinct_id_overrides":
            done += _dead_overrides(run)
        with _nothing_delivered(table):
            clickhouse.finish(table)
    tell(Step(table, done, done))
    return done


@contextmanager
def _nothing_delivered(table: str) -> Iterator[None]:
    """For a moment: rows wait in PostgreSQL."""
    with ExitStack() as held:
        for target in _TARGETS[table]:
            held.enter_context(in_turn(LOCK_SPACE, TARGETS.index(target.value)))
        yield


@dataclass(frozen=True, slots=True)
class _Source:
    """Rows of PostgreSQL, in the order of their ids, and the line that each becomes."""

    table: str
    columns: str
    line: Callable[..., str]
    joined: str = ""
    condition: str = "true"


def _person(
    project_id: int,
    uuid: UUID,
    created_at: datetime,
    properties: str,
    is_identified: bool,
    version: int,
    now: datetime,
) -> str:
    line = person_line(
        project_id=project_id,
        uuid=uuid,
        created_at=created_at,
        properties=orjson.loads(properties),
        is_identified=is_identified,
        version=version,
    )
    return delivered_person_line(line, now)


def _dead_person(project_id: int, uuid: UUID, version: int, now: datetime) -> str:
    line = person_line(
        project_id=project_id,
        uuid=uuid,
        created_at=now,
        properties={},
        is_identified=False,
        version=version,
        is_deleted=True,
    )
    return delivered_person_line(line, now)


def _mapping(project_id: int, distinct_id: str, uuid: UUID, version: int) -> str:
    return override_line(project_id=project_id, distinct_id=distinct_id, person_uuid=uuid, version=version)


def _group(
    project_id: int, type_index: int, key: str, created_at: datetime, properties: str, version: int
) -> str:
    return group_line(
        project_id=project_id,
        type_index=type_index,
        key=key,
        created_at=created_at,
        properties=orjson.loads(properties),
        version=version,
    )


# Version 0, as of the members that were there when ClickHouse got a replica of them: the change of a member that is
# not committed yet has drawn its version, and must win.
def _member(project_id: int, cohort_id: int, uuid: UUID, person_version: int) -> str:
    row = {
        "project_id": project_id,
        "cohort_id": cohort_id,
        "person_id": uuid,
        "person_version": person_version,
        "version": 0,
        "is_deleted": 0,
    }
    return orjson.dumps(row).decode()


_PERSON_OF = "JOIN core_person p ON p.id = t.person_id AND p.project_id = t.project_id"
_SOURCES: dict[str, list[_Source]] = {
    "person": [
        _Source(
            "core_person",
            "t.uuid, t.created_at, t.properties::text, t.is_identified, t.version, clock_timestamp()",
            _person,
        ),
        # Who follows changes is told of the dead, too.
        _Source("core_persontombstone", "t.uuid, t.version, clock_timestamp()", _dead_person),
    ],
    "person_distinct_id": [
        _Source("core_persondistinctid", "t.distinct_id, p.uuid, t.version", _mapping, _PERSON_OF)
    ],
    "person_distinct_id_overrides": [
        _Source(
            "core_persondistinctid",
            "t.distinct_id, p.uuid, t.version",
            _mapping,
            _PERSON_OF,
            "t.version > t.squashed_version",
        )
    ],
    "groups": [
        _Source("core_group", "t.type_index, t.key, t.created_at, t.properties::text, t.version", _group)
    ],
    "cohort_members": [_Source("core_cohortmember", "t.cohort_id, p.uuid, p.version", _member, _PERSON_OF)],
}


def _count(source: _Source) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {source.table} t WHERE {source.condition}")  # noqa: S608 - constants
        return int(cursor.fetchone()[0])


# Each page is a statement of its own: a snapshot for hours would keep PostgreSQL from clearing up.
_PAGE = """
SELECT t.id, t.project_id, {columns} FROM {table} t {joined}
WHERE t.id > %s AND {condition} ORDER BY t.id LIMIT %s
"""


def _lines(table: str) -> Iterator[list[str]]:
    for source in _SOURCES[table]:
        statement = _PAGE.format(
            columns=source.columns, table=source.table, joined=source.joined, condition=source.condition
        )
        last = 0
        while True:
            with connection.cursor() as cursor:
                cursor.execute(statement, [last, PAGE_ROWS])
                page = cursor.fetchall()
            if not page:
                break
            yield from _in_portions(source.line(*row[1:]) for row in page)
            last = page[-1][0]


def _in_portions(lines: Iterator[str]) -> Iterator[list[str]]:
    portion: list[str] = []
    size = 0
    for line in lines:
        if portion and size + len(line) > _CHARACTERS:
            yield portion
            portion, size = [], 0
        portion.append(line)
        size += len(line)
    yield portion


_TOMBSTONES = """
SELECT t.project_id, encode(t.digest, 'hex'), t.version FROM core_distinctidtombstone t ORDER BY t.project_id, t.id
"""


def _dead_overrides(run: UUID) -> int:
    """Distinct ids that were deleted. Of those that the old table does not know either, PostgreSQL has the digests;
    events know the ids.
    """
    clickhouse.keep_dead_overrides()
    with connection.cursor() as cursor:
        cursor.execute(_TOMBSTONES)
        tombstones = cursor.fetchall()
    written = 0
    for project_id, rows in groupby(tombstones, key=itemgetter(0)):
        versions = {digest: version for _, digest, version in rows}
        digests = list(versions)
        for start in range(0, len(digests), PAGE_ROWS):
            found = dict(clickhouse.find_dead_ids(project_id, digests[start : start + PAGE_ROWS]))
            alive = _alive(project_id, list(found))
            lines = [
                override_line(
                    project_id=project_id,
                    distinct_id=distinct_id,
                    person_uuid=_NOBODY,
                    version=versions[digest],
                    is_deleted=True,
                )
                for distinct_id, digest in found.items()
                if distinct_id not in alive
            ]
            if lines:
                clickhouse.insert(
                    "person_distinct_id_overrides", lines, token=f"{run}.dead.{project_id}.{start}"
                )
                written += len(lines)
    return written


_ALIVE = "SELECT distinct_id FROM core_persondistinctid WHERE project_id = %s AND distinct_id = ANY(%s)"


def _alive(project_id: int, distinct_ids: list[str]) -> set[str]:
    """Those that were attached again, of which events may say so themselves."""
    with connection.cursor() as cursor:
        cursor.execute(_ALIVE, [project_id, distinct_ids])
        return {distinct_id for (distinct_id,) in cursor.fetchall()}


def _forget_answers() -> None:
    """Answers that were kept may be about what was wrong."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT id FROM core_project")
        note_changed(cursor, {(project_id, ALL) for (project_id,) in cursor.fetchall()})
