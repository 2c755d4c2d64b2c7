"""Compares PostgreSQL with its replica in ClickHouse, by count and checksum: persons, distinct ids, overrides,
groups, members of cohorts.

Both sides compute the same sum over the rows (the first 56 bits of an MD5 each), so a difference in a single
version shows, whatever the number of rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson
from django.db import connection

from core.advisory_lock import nobody
from core.clickhouse import client, squash


@dataclass(frozen=True, slots=True)
class Side:
    """What one store holds."""

    rows: int
    checksum: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """One table on both sides."""

    table: str
    postgres: Side
    clickhouse: Side

    @property
    def is_equal(self) -> bool:
        return self.postgres == self.clickhouse


_PERSONS_PG = """
SELECT count(*), coalesce(sum(('x' || left(md5(
    project_id || ':' || uuid || ':' || version), 14))::bit(56)::bigint), 0)
FROM core_person
WHERE %(project_id)s IN (0, project_id)
"""
_PERSONS_CH = """
SELECT count(), sum(toInt256(reinterpretAsUInt64(reverse(substring(
    MD5(concat(toString(project_id), ':', toString(id), ':', toString(version))), 1, 7)))))
FROM person FINAL
WHERE {project_id:Int64} IN (0, project_id)
"""
# The newest row of each person counts here, too, wherever in the order it stands.
_NEWEST_FIRST_CH = """
SELECT count(), sum(toInt256(reinterpretAsUInt64(reverse(substring(
    MD5(concat(toString(project_id), ':', toString(id), ':', toString(newest))), 1, 7)))))
FROM (
    SELECT project_id, id, max(version) AS newest FROM person_newest_first
    WHERE {project_id:Int64} IN (0, project_id)
    GROUP BY project_id, id HAVING NOT argMax(is_deleted, version)
)
"""

_SUM_OF_OVERRIDES_PG = """
SELECT count(*), coalesce(sum(('x' || left(md5(
    m.project_id || ':' || m.distinct_id || ':' || p.uuid || ':' || m.version), 14))::bit(56)::bigint), 0)
FROM core_persondistinctid m JOIN core_person p ON p.id = m.person_id
"""
_OVERRIDES_PG = f"""{_SUM_OF_OVERRIDES_PG}
WHERE m.version > m.squashed_version AND %(project_id)s IN (0, m.project_id)
"""
_OVERRIDES_CH = """
SELECT count(), sum(toInt256(reinterpretAsUInt64(reverse(substring(
    MD5(concat(toString(project_id), ':', distinct_id, ':', toString(person_id), ':', toString(version))),
    1, 7)))))
FROM person_distinct_id_overrides FINAL
WHERE NOT is_deleted AND {project_id:Int64} IN (0, project_id)
"""

# What ClickHouse may still have although its events say it themselves: a squash that was killed leaves it behind.
_OVERRIDE_ROWS_CH = """
SELECT project_id, distinct_id, version FROM person_distinct_id_overrides FINAL
WHERE NOT is_deleted AND {project_id:Int64} IN (0, project_id)
  AND (project_id, distinct_id) > ({last_project_id:Int64}, {last_distinct_id:String})
ORDER BY project_id, distinct_id LIMIT {rows:UInt64}
"""
_SQUASHED_PG = f"""{_SUM_OF_OVERRIDES_PG}
JOIN json_to_recordset(%(rows)s) AS kept (project_id bigint, distinct_id text, version bigint)
    ON m.project_id = kept.project_id AND m.distinct_id = kept.distinct_id AND m.version = kept.version
WHERE m.version <= m.squashed_version
"""

_IDS_PG = f"""{_SUM_OF_OVERRIDES_PG}
WHERE %(project_id)s IN (0, m.project_id)
"""
_IDS_CH = """
SELECT count(), sum(toInt256(reinterpretAsUInt64(reverse(substring(
    MD5(concat(toString(project_id), ':', distinct_id, ':', toString(person_id), ':', toString(version))),
    1, 7)))))
FROM person_distinct_id FINAL
WHERE NOT is_deleted AND {project_id:Int64} IN (0, project_id)
  AND (project_id, person_id) IN (SELECT project_id, id FROM person FINAL WHERE {project_id:Int64} IN (0, project_id))
"""

_GROUPS_PG = """
SELECT count(*), coalesce(sum(('x' || left(md5(
    project_id || ':' || type_index || ':' || key || ':' || version), 14))::bit(56)::bigint), 0)
FROM core_group
WHERE %(project_id)s IN (0, project_id)
"""
_GROUPS_CH = """
SELECT count(), sum(toInt256(reinterpretAsUInt64(reverse(substring(
    MD5(concat(toString(project_id), ':', toString(type_index), ':', key, ':', toString(version))), 1, 7)))))
FROM groups FINAL
WHERE {project_id:Int64} IN (0, project_id)
"""

# A member whose person is gone is on its way out (core.services.cohorts.store_members).
_MEMBERS_PG = """
SELECT count(*), coalesce(sum(('x' || left(md5(
    m.project_id || ':' || m.cohort_id || ':' || p.uuid), 14))::bit(56)::bigint), 0)
FROM core_cohortmember m JOIN core_person p ON p.id = m.person_id AND p.project_id = m.project_id
WHERE %(project_id)s IN (0, m.project_id)
"""
_MEMBERS_CH = """
SELECT count(), sum(toInt256(reinterpretAsUInt64(reverse(substring(
    MD5(concat(toString(project_id), ':', toString(cohort_id), ':', toString(person_id))), 1, 7)))))
FROM cohort_members FINAL
WHERE {project_id:Int64} IN (0, project_id)
"""


#: No project has this id: it stands for all of them.
ALL_PROJECTS = 0
_PAGE_ROWS = 20_000


def compare(project_id: int = ALL_PROJECTS) -> list[Comparison]:
    """All tables, of one project or of all. Only meaningful when nothing waits for delivery."""
    return [
        Comparison("person", _postgres(_PERSONS_PG, project_id), _clickhouse(_PERSONS_CH, project_id)),
        Comparison(
            "person_newest_first",
            _postgres(_PERSONS_PG, project_id),
            _clickhouse(_NEWEST_FIRST_CH, project_id),
        ),
        Comparison("person_distinct_id", _postgres(_IDS_PG, project_id), _clickhouse(_IDS_CH, project_id)),
        _overrides(project_id),
        Comparison(
            "cohort_members", _postgres(_MEMBERS_PG, project_id), _clickhouse(_MEMBERS_CH, project_id)
        ),
        Comparison("groups", _postgres(_GROUPS_PG, project_id), _clickhouse(_GROUPS_CH, project_id)),
    ]


def _overrides(project_id: int) -> Comparison:
    """What was squashed may be missing in ClickHouse; where it is not, it must be the same."""
    with nobody(*squash.LOCK):
        postgres = _postgres(_OVERRIDES_PG, project_id)
        clickhouse = _clickhouse(_OVERRIDES_CH, project_id)
        if postgres != clickhouse:
            for rows in _override_rows(project_id):
                kept = _postgres(_SQUASHED_PG, project_id, rows=orjson.dumps(rows).decode())
                postgres = Side(postgres.rows + kept.rows, postgres.checksum + kept.checksum)
    return Comparison("person_distinct_id_overrides", postgres, clickhouse)


def _override_rows(project_id: int) -> Iterator[list[dict[str, Any]]]:
    last = {"last_project_id": 0, "last_distinct_id": ""}
    while True:
        parameters = {"project_id": project_id, "rows": _PAGE_ROWS, **last}
        found = client.inspect(_OVERRIDE_ROWS_CH, parameters=parameters)
        if not found:
            return
        yield [
            {"project_id": project, "distinct_id": distinct_id, "version": version}
            for project, distinct_id, version in found
        ]
        last = {"last_project_id": found[-1][0], "last_distinct_id": found[-1][1]}


def _postgres(sql: str, project_id: int, **parameters: str) -> Side:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"project_id": project_id, **parameters})
        rows, checksum = cursor.fetchone()
    return Side(rows, int(checksum))


def _clickhouse(sql: str, project_id: int) -> Side:
    ((rows, checksum),) = client.inspect(sql, parameters={"project_id": project_id})
    return Side(rows, int(checksum))
