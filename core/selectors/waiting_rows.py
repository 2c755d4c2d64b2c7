"""What ClickHouse's replica does not have yet: rows that wait in the outbox.

They go along with a question and stand in for the older ones of the same person or distinct id, so that what was
written is found at once. They must be read before ClickHouse is asked: a row leaves the outbox only when ClickHouse has
it, so nobody is missed.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from core.exceptions import ReplicaTooLate
from core.models import Outbox
from core.sql.members import WaitingMembers
from core.sql.text import Sql, sql, text, texts, trusted, uuids

#: Bytes of waiting rows that go along with a question. More wait only while a very large import is under way or
#: ClickHouse has been away.
MOST_WAITING_BYTES = 20_000_000
#: Settings of a question that rows go along with: what looks like a date stays a text.
WAITING_SETTINGS: dict[str, str | int] = {
    "input_format_try_infer_dates": 0,
    "input_format_try_infer_datetimes": 0,
}


@dataclass(frozen=True, slots=True)
class WaitingRows:
    """The last row of each ``key``, as ClickHouse would get it, one line each."""

    lines: str
    keys: Sequence[str]


# The last row of each person or id counts, and waiting rows are younger than all that are there.
_WAITING = """
SELECT coalesce(string_agg(line, E'\\n'), ''), coalesce(array_agg(key), '{{}}') FROM (
    SELECT DISTINCT ON (key) line, key
    FROM (SELECT line, line::json->>'{key}' AS key FROM core_outbox WHERE target = ANY(%s) AND project_id = %s) AS rows
    ORDER BY key, (line::json->>'version')::bigint DESC
) AS latest
"""


def waiting_persons(project_id: int) -> WaitingRows:
    """By uuid. Raises ``ReplicaTooLate``."""
    return _waiting(project_id, "id", [Outbox.Target.PERSON])


def waiting_distinct_ids(project_id: int) -> WaitingRows:
    """By distinct id. Raises ``ReplicaTooLate``."""
    return _waiting(project_id, "distinct_id", [Outbox.Target.FIRST_ID, Outbox.Target.OVERRIDE])


# The start of a line says which cohort it is about: lines are written by one trigger.
_MEMBERS = """
SELECT cohort_id, string_agg(line, E'\\n')
FROM unnest(%(cohorts)s::bigint[]) AS cohort_id
JOIN core_outbox o ON starts_with(o.line, concat('{"project_id":', o.project_id, ',"cohort_id":', cohort_id, ','))
WHERE o.target = %(target)s AND o.project_id = %(project_id)s
GROUP BY cohort_id
"""


def waiting_members(project_id: int, cohort_ids: Collection[int]) -> WaitingMembers:
    """Changes of the members of these cohorts. Raises ``ReplicaTooLate``."""
    if not cohort_ids:
        return {}
    parameters: dict[str, Any] = {
        "cohorts": list(cohort_ids),
        "target": Outbox.Target.MEMBERS.value,
        "project_id": project_id,
    }
    with connection.cursor() as cursor:
        cursor.execute(_MEMBERS, parameters)
        waiting = dict(cursor.fetchall())
    if sum(map(len, waiting.values())) > MOST_WAITING_BYTES:
        raise ReplicaTooLate
    return waiting


def _waiting(project_id: int, key: str, targets: Sequence[Outbox.Target]) -> WaitingRows:
    with connection.cursor() as cursor:
        cursor.execute(_WAITING.format(key=key), [[target.value for target in targets], project_id])
        waiting = WaitingRows(*cursor.fetchone())
    if len(waiting.lines) > MOST_WAITING_BYTES:
        raise ReplicaTooLate
    return waiting


_PERSON_SHAPE = (
    "id UUID, created_at DateTime64(6, \\'UTC\\'), properties JSON, typed_keys Array(String), version UInt64, "
    "is_deleted UInt8"
)
_DISTINCT_ID_SHAPE = "distinct_id String, person_id UUID, is_deleted UInt8"


def persons(columns: Sql, conditions: Sql, waiting: WaitingRows) -> Sql:
    """``columns`` of the persons of the project that pass ``conditions``; both are of columns of ``person``. What is
    read of a person is what they name, for they stand with the table itself.
    """
    stored = sql(
        "SELECT {columns} FROM person FINAL WHERE project_id = {project_id:Int64} AND {conditions}",
        columns=columns,
        conditions=conditions,
    )
    if not waiting.keys:
        return stored
    return sql(
        "{stored} AND id NOT IN {keys} UNION ALL {waiting}",
        stored=stored,
        keys=uuids(waiting.keys),
        waiting=passing_waiting_persons(columns, conditions, waiting),
    )


def passing_waiting_persons(columns: Sql, conditions: Sql, waiting: WaitingRows) -> Sql:
    """``columns`` of those among the persons that wait who pass ``conditions``."""
    return sql(
        "SELECT {columns} FROM format(JSONEachRow, {shape}, {lines}) WHERE is_deleted = 0 AND {conditions}",
        columns=columns,
        shape=trusted(f"'{_PERSON_SHAPE}'"),
        lines=text(waiting.lines),
        conditions=conditions,
    )


def owners(condition: Sql, waiting: WaitingRows) -> Sql:
    """The persons who have a distinct id that passes ``condition``, of the column ``distinct_id``; some twice."""
    stored = sql(
        "SELECT person_id FROM person_distinct_id FINAL "
        "WHERE project_id = {project_id:Int64} AND is_deleted = 0 AND {condition}",
        condition=condition,
    )
    if not waiting.keys:
        return stored
    return sql(
        """{stored} AND distinct_id NOT IN {keys} UNION ALL
        SELECT person_id FROM format(JSONEachRow, {shape}, {lines}) WHERE is_deleted = 0 AND {condition}""",
        stored=stored,
        keys=texts(waiting.keys),
        shape=trusted(f"'{_DISTINCT_ID_SHAPE}'"),
        lines=text(waiting.lines),
        condition=condition,
    )
