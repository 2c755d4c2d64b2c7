"""Compares PostgreSQL with its replica in ClickHouse: persons and overrides, by count and checksum.

Both sides compute the same sum over the rows (the first 56 bits of an MD5 each), so a difference in a single
version shows, whatever the number of rows.
"""

from dataclasses import dataclass

from django.db import connection

from core.clickhouse import client


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

_OVERRIDES_PG = """
SELECT count(*), coalesce(sum(('x' || left(md5(
    m.project_id || ':' || m.distinct_id || ':' || p.uuid || ':' || m.version), 14))::bit(56)::bigint), 0)
FROM core_persondistinctid m JOIN core_person p ON p.id = m.person_id
WHERE m.version > 0 AND %(project_id)s IN (0, m.project_id)
"""
_OVERRIDES_CH = """
SELECT count(), sum(toInt256(reinterpretAsUInt64(reverse(substring(
    MD5(concat(toString(project_id), ':', distinct_id, ':', toString(person_id), ':', toString(version))),
    1, 7)))))
FROM person_distinct_id_overrides FINAL
WHERE NOT is_deleted AND {project_id:Int64} IN (0, project_id)
"""


#: No project has this id: it stands for all of them.
ALL_PROJECTS = 0


def compare(project_id: int = ALL_PROJECTS) -> list[Comparison]:
    """Both tables, of one project or of all. Only meaningful when nothing waits for delivery."""
    return [
        Comparison("person", _postgres(_PERSONS_PG, project_id), _clickhouse(_PERSONS_CH, project_id)),
        Comparison(
            "person_distinct_id_overrides",
            _postgres(_OVERRIDES_PG, project_id),
            _clickhouse(_OVERRIDES_CH, project_id),
        ),
    ]


def _postgres(sql: str, project_id: int) -> Side:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"project_id": project_id})
        rows, checksum = cursor.fetchone()
    return Side(rows, int(checksum))


def _clickhouse(sql: str, project_id: int) -> Side:
    ((rows, checksum),) = client.inspect(sql, parameters={"project_id": project_id})
    return Side(rows, int(checksum))
