"""Which persons of a project pass property filters, and contain a text?

Asks ClickHouse's replica, which keeps each property by itself: a filter on one of a million persons reads one
column, where PostgreSQL would read every person. The replica is late by what still waits in the outbox, and what was
written must be found at once; so the rows that wait go along with the question and stand in for the older ones. A row
leaves the outbox only when ClickHouse has it, so nobody is missed. Then PostgreSQL says what the persons are now.

Reads ``person`` and, for a text, ``person_distinct_id``. Cost: one pass over the columns asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from core.clickhouse import client
from core.clickhouse.escape import property_text
from core.exceptions import ReplicaTooLate
from core.filters.properties import MemberTest, PropertyGroup, filters_of
from core.models import Outbox
from core.selectors.place import Place
from core.sql.conditions import OnPersons, group_condition
from core.sql.text import Sql, all_of, any_of, moment, sql, text, trusted, unsigned, uuids

#: Bytes of waiting rows that go along with a question. More wait only while a very large import is under way or
#: ClickHouse has been away.
MOST_WAITING_BYTES = 20_000_000
#: Limits of one question to ClickHouse.
_SETTINGS: dict[str, str | int] = {
    "max_execution_time": 20,
    "input_format_try_infer_dates": 0,
    "input_format_try_infer_datetimes": 0,
    "log_comment": "person search",
}
#: Properties whose text is searched, besides the uuid and the distinct ids.
_SEARCHED = ("email", "name")


@dataclass(frozen=True, slots=True)
class PersonSearch:
    """What is asked. ``among`` narrows it to these persons; null means everybody. ``until`` is the latest time of
    creation; what comes ``after`` a place is wanted.
    """

    properties: PropertyGroup
    text: str | None
    until: datetime
    among: Sequence[UUID] | None = None
    after: Place | None = None


def find_persons(project_id: int, search: PersonSearch, *, limit: int, offset: int) -> list[UUID]:
    """The persons found, newest first, in the order of the list of persons.

    Raises ``ReplicaTooLate``, ``ClickHouseUnavailable`` or ``QueryTooHeavy``.
    """
    query = sql(
        "SELECT id FROM ({found}) ORDER BY created_at DESC, UUIDToNum(id) DESC LIMIT {limit} OFFSET {offset}",
        found=_found(project_id, search),
        limit=unsigned(limit),
        offset=unsigned(offset),
    )
    return [UUID(str(uuid)) for (uuid,) in _rows(project_id, query)]


def count_found(project_id: int, search: PersonSearch) -> int:
    """How many persons there are in all. Raises as ``find_persons`` does."""
    query = sql("SELECT count() FROM ({found})", found=_found(project_id, search))
    ((count,),) = _rows(project_id, query)
    return int(count)


def _rows(project_id: int, query: Sql) -> Sequence[Sequence[Any]]:
    rendered, parameters = query.rendered()
    return client.query(rendered, project_id=project_id, parameters=parameters, settings=_SETTINGS)


def _found(project_id: int, search: PersonSearch) -> Sql:
    """The id and time of creation of everybody who passes."""
    persons = _with_waiting(
        "id, created_at, properties, is_deleted", "person", "id", _waiting(project_id, [Outbox.Target.PERSON])
    )
    conditions = [
        sql("is_deleted = 0"),
        sql("created_at <= {until}", until=moment(search.until)),
        group_condition(search.properties, OnPersons(_members(project_id, search.properties))),
    ]
    if search.text is not None:
        conditions.append(_contains(project_id, search.text))
    if search.among is not None:
        conditions.append(sql("id IN {among}", among=uuids(map(str, search.among))))
    if search.after is not None:
        conditions.append(
            sql(
                "(created_at, UUIDToNum(id)) < ({created_at}, UUIDToNum(toUUID({uuid})))",
                created_at=moment(search.after.created_at),
                uuid=text(str(search.after.uuid)),
            )
        )
    return sql(
        "SELECT id, created_at FROM ({persons}) WHERE {conditions}",
        persons=persons,
        conditions=all_of(conditions),
    )


_MEMBERS = """
SELECT p.uuid::text FROM core_cohortmember m JOIN core_person p ON p.id = m.person_id
WHERE m.project_id = %s AND m.cohort_id = %s
"""


def _members(project_id: int, properties: PropertyGroup) -> dict[int, list[str]]:
    """The members of each cohort that the filters name."""
    tests = (item.test for item in filters_of(properties))
    members: dict[int, list[str]] = {test.cohort_id: [] for test in tests if isinstance(test, MemberTest)}
    with connection.cursor() as cursor:
        for cohort_id, found in members.items():
            cursor.execute(_MEMBERS, [project_id, cohort_id])
            found.extend(uuid for (uuid,) in cursor.fetchall())
    return members


def _contains(project_id: int, wanted: str) -> Sql:
    """Whether e-mail, name, uuid or a distinct id contains the text, whatever the case."""
    fields = [
        sql("ifNull({property}, '')", property=trusted(property_text("properties", key))) for key in _SEARCHED
    ]
    ids = _with_waiting(
        "distinct_id, person_id, is_deleted",
        "person_distinct_id",
        "distinct_id",
        _waiting(project_id, [Outbox.Target.FIRST_ID, Outbox.Target.OVERRIDE]),
    )
    by_id = sql(
        "id IN (SELECT person_id FROM ({ids}) WHERE is_deleted = 0 AND {contains})",
        ids=ids,
        contains=_has_text(sql("distinct_id"), wanted),
    )
    return any_of([*(_has_text(field, wanted) for field in (*fields, sql("toString(id)"))), by_id])


def _has_text(place: Sql, wanted: str) -> Sql:
    return sql("positionCaseInsensitiveUTF8({place}, {wanted}) > 0", place=place, wanted=text(wanted))


# The last row of each person or id counts, and waiting rows are younger than all that are there.
_WAITING = """
SELECT string_agg(line, ' ') FROM (
    SELECT DISTINCT ON (coalesce(line::json->>'distinct_id', line::json->>'id')) line FROM core_outbox
    WHERE target = ANY(%(targets)s) AND project_id = %(project_id)s
    ORDER BY coalesce(line::json->>'distinct_id', line::json->>'id'), (line::json->>'version')::bigint DESC
) AS latest
"""


def _waiting(project_id: int, targets: Sequence[Outbox.Target]) -> str:
    """The rows that ClickHouse may not have, as it would get them. Raises ``ReplicaTooLate``."""
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, {"targets": [target.value for target in targets], "project_id": project_id})
        lines: str = cursor.fetchone()[0] or ""
    if len(lines) > MOST_WAITING_BYTES:
        raise ReplicaTooLate
    return lines


#: The shape of waiting rows, for both tables: what a row does not have stays empty.
_SHAPE = (
    "id UUID, created_at DateTime64(6, \\'UTC\\'), properties JSON, is_deleted UInt8, "
    "distinct_id String, person_id UUID"
)


def _with_waiting(columns: str, table: str, key: str, waiting: str) -> Sql:
    """The rows of the project in ``table``, each key once, with those that wait in place of the older ones."""
    stored = sql(
        "SELECT {columns} FROM {table} FINAL WHERE project_id = {project_id:Int64}",
        columns=trusted(columns),
        table=trusted(table),
    )
    if not waiting:
        return stored
    return sql(
        """WITH waiting AS (SELECT {columns} FROM format(JSONEachRow, {shape}, {waiting}))
        {stored} AND {key} NOT IN (SELECT {key} FROM waiting) UNION ALL SELECT * FROM waiting""",
        columns=trusted(columns),
        shape=trusted(f"'{_SHAPE}'"),
        waiting=text(waiting),
        stored=stored,
        key=trusted(key),
    )
