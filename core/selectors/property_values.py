"""Which properties the persons of a project have, and which values.

PostgreSQL would read every person for it: 1 to 3 s for a million of them, against 0.2 to 0.9 s for ClickHouse's
replica, which keeps each property by itself. But the replica is late by what still waits in the outbox, and what was
written must be seen at once. So: first the persons with waiting rows are read from PostgreSQL, then ClickHouse counts
everybody else and adds them. A row leaves the outbox only when ClickHouse has it, so nobody is counted twice or with
an old value. When ClickHouse is away, or too much waits to be sent along, PostgreSQL counts everybody.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

from core.clickhouse import client
from core.clickhouse.escape import property_key, property_path, property_text
from core.events.text_form import text_forms
from core.exceptions import ServiceUnavailable

#: Values that are offered.
MOST_VALUES = 20
#: Waiting rows, and bytes of what they hold, that go along with a question to ClickHouse.
MOST_WAITING = 1000
MOST_WAITING_BYTES = 1_000_000
#: Limits of one question to ClickHouse.
_SETTINGS: dict[str, str | int] = {"max_execution_time": 15, "log_comment": "property values"}


@dataclass(frozen=True, slots=True)
class Counted:
    """A value or the name of a property, and how many persons have it."""

    name: str
    count: int


class _TooMuchWaits(Exception):
    """The replica is so late that asking it would cost more than doing without."""


_WAITING = """
SELECT (line::json->>'id')::uuid FROM core_outbox WHERE target = 'person' AND project_id = %s LIMIT %s
"""


def _waiting(project_id: int) -> list[UUID]:
    """The persons whose last change ClickHouse may not have. Raises ``_TooMuchWaits``."""
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, [project_id, MOST_WAITING + 1])
        uuids = [uuid for (uuid,) in cursor.fetchall()]
    if len(uuids) > MOST_WAITING:
        raise _TooMuchWaits
    return list(set(uuids))


# Neither JSON null nor an empty text is a value.
_VALUES = """
SELECT (p.properties->%(key)s)::text, count(*) FROM core_person p
WHERE p.project_id = %(project_id)s {among} AND p.properties->%(key)s NOT IN ('null', '""')
GROUP BY 1
"""
_NAMES = """
SELECT name, count(*) FROM core_person p, jsonb_object_keys(p.properties) AS name
WHERE p.project_id = %(project_id)s {among}
GROUP BY 1
"""
_AMONG = "AND p.uuid = ANY(%(uuids)s)"


def property_values(project_id: int, *, key: str, wanted: str) -> list[Counted]:
    """The values of the property ``key`` that contain ``wanted``, whatever the case, most frequent first.

    Values are in their text form (``core.events.text_form``); at most ``MOST_VALUES``.
    """
    parameters = {"path": property_path(key), "wanted": wanted}
    try:
        waiting = _waiting(project_id)
        return _ask_replica(
            _values_sql(key), project_id, _stored_values(project_id, key, waiting), waiting, parameters
        )
    except (_TooMuchWaits, ServiceUnavailable):
        counts = _stored_values(project_id, key, None)
        found = {name: count for name, count in counts.items() if wanted.lower() in name.lower()}
        return _most_first(found)[:MOST_VALUES]


def property_names(project_id: int) -> list[Counted]:
    """Every property of the project's persons, most frequent first."""
    try:
        waiting = _waiting(project_id)
        stored = {property_path(name): count for name, count in _stored_names(project_id, waiting).items()}
        paths = _ask_replica(_names_sql(), project_id, stored, waiting, {})
        return _most_first({property_key(path.name): path.count for path in paths})
    except (_TooMuchWaits, ServiceUnavailable):
        return _most_first(_stored_names(project_id, None))


def _most_first(counts: Mapping[str, int]) -> list[Counted]:
    return [Counted(*pair) for pair in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0].encode()))]


def _values_sql(key: str) -> str:
    return f"""
{
        _with_waiting(f'''
    SELECT ifNull({property_text("properties", key)}, '') AS name, count() AS persons FROM person FINAL
    WHERE project_id = {{project_id:Int64}} AND NOT has({{waiting:Array(UUID)}}, id)
        AND name != '' AND NOT (name = 'null' AND has(typed_keys, {{path:String}}))
    GROUP BY name
''')
    }
WHERE positionCaseInsensitiveUTF8(name, {{wanted:String}}) > 0
GROUP BY name ORDER BY total DESC, name LIMIT {MOST_VALUES}
"""  # noqa: S608 - the key is escaped, the rest are constants


def _names_sql() -> str:
    return f"""
{
        _with_waiting('''
    SELECT arrayJoin(JSONAllPaths(properties)) AS name, count() AS persons FROM person FINAL
    WHERE project_id = {project_id:Int64} AND NOT has({waiting:Array(UUID)}, id)
    GROUP BY name
''')
    }
GROUP BY name
"""  # noqa: S608 - constants


def _with_waiting(counts: str) -> str:
    """The counts of ClickHouse together with those that go along."""
    return f"""
SELECT name, sum(persons) AS total FROM (
    {counts}
    UNION ALL
    SELECT pair.1, pair.2 FROM (
        SELECT arrayJoin(arrayZip({{names:Array(String)}}, {{counts:Array(UInt64)}})) AS pair
    )
)
"""  # noqa: S608 - constants


def _ask_replica(
    sql: str,
    project_id: int,
    stored: Mapping[str, int],
    waiting: Sequence[UUID],
    parameters: Mapping[str, Any],
) -> list[Counted]:
    if sum(map(len, stored)) > MOST_WAITING_BYTES:
        raise _TooMuchWaits
    given = {**parameters, "waiting": waiting, "names": list(stored), "counts": list(stored.values())}
    rows = client.query(sql, project_id=project_id, parameters=given, settings=_SETTINGS)
    return [Counted(name, count) for name, count in rows]


def _stored_values(project_id: int, key: str, among: Sequence[UUID] | None) -> Counter[str]:
    counts: Counter[str] = Counter()
    for value, count in _fetch(_VALUES, project_id, among, {"key": key}):
        (text,) = text_forms({key: orjson.loads(value)})[0].values()
        counts[text] += count
    return counts


def _stored_names(project_id: int, among: Sequence[UUID] | None) -> dict[str, int]:
    return dict(_fetch(_NAMES, project_id, among, {}))


def _fetch(
    sql: str, project_id: int, among: Sequence[UUID] | None, parameters: Mapping[str, Any]
) -> list[tuple[Any, ...]]:
    """Rows of ``sql`` about these persons of the project; null: about all of them."""
    if among is not None and not among:
        return []
    given = {**parameters, "project_id": project_id, "uuids": list(among or ())}
    with connection.cursor() as cursor:
        cursor.execute(sql.format(among="" if among is None else _AMONG), given)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


_DISTINCT_IDS = """
SELECT distinct_id FROM core_persondistinctid
WHERE project_id = %s AND distinct_id ILIKE %s ORDER BY distinct_id LIMIT %s
"""
_LIKE_ESCAPES = str.maketrans({sign: f"\\{sign}" for sign in "\\%_"})


def distinct_ids_containing(project_id: int, wanted: str) -> list[Counted]:
    """Distinct ids that contain ``wanted``, whatever the case, in alphabetical order; at most ``MOST_VALUES``."""
    with connection.cursor() as cursor:
        pattern = f"%{wanted.translate(_LIKE_ESCAPES)}%"
        cursor.execute(_DISTINCT_IDS, [project_id, pattern, MOST_VALUES])
        return [Counted(distinct_id, 1) for (distinct_id,) in cursor.fetchall()]
