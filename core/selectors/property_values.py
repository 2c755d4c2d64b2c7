"""Which properties the persons of a project have, and which values.

PostgreSQL would read every person for it: 1 to 3 s for a million of them, against 0.2 to 0.9 s for ClickHouse's
replica, which keeps each property by itself. The replica is late, and what was written must be seen at once; so the
persons that wait go along with the question (``core.selectors.waiting_rows``). When ClickHouse is away, or too much
waits to be sent along, PostgreSQL counts.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from django.db import connection

from core.clickhouse import client
from core.clickhouse.escape import property_key, property_path
from core.events.text_form import text_forms
from core.exceptions import ServiceUnavailable
from core.selectors.waiting_rows import WAITING_SETTINGS, persons, waiting_persons
from core.sql.conditions import stored_text
from core.sql.text import Sql, sql, text, unsigned

#: Values that are offered.
MOST_VALUES = 20
#: Limits of one question to ClickHouse.
_SETTINGS: dict[str, str | int] = {
    **WAITING_SETTINGS,
    "max_execution_time": 15,
    "log_comment": "property values",
}


@dataclass(frozen=True, slots=True)
class Counted:
    """A value or the name of a property, and how many persons have it."""

    name: str
    count: int


def property_values(project_id: int, *, key: str, wanted: str) -> list[Counted]:
    """The values of the property ``key`` that contain ``wanted``, whatever the case, most frequent first.

    Values are in their text form (``core.events.text_form``); at most ``MOST_VALUES``.
    """
    try:
        return _ask_replica(project_id, _values(project_id, key, wanted))
    except ServiceUnavailable:
        counts = _stored_values(project_id, key)
        found = {name: count for name, count in counts.items() if wanted.lower() in name.lower()}
        return _most_first(found)[:MOST_VALUES]


def property_names(project_id: int) -> list[Counted]:
    """Every property of the project's persons, most frequent first."""
    try:
        paths = _ask_replica(project_id, _names(project_id))
        return _most_first({property_key(path.name): path.count for path in paths})
    except ServiceUnavailable:
        return _most_first(_stored_names(project_id))


def _most_first(counts: Mapping[str, int]) -> list[Counted]:
    return [Counted(*pair) for pair in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0].encode()))]


def _values(project_id: int, key: str, wanted: str) -> Sql:
    """Neither JSON null nor an empty text is a value."""
    values = persons(
        sql("ifNull({stored}, '') AS name", stored=stored_text("properties", key)),
        sql(
            "name != '' AND NOT (name = 'null' AND has(typed_keys, {path}))",
            path=text(property_path(key)),
        ),
        waiting_persons(project_id),
    )
    return sql(
        """SELECT name, count() AS total FROM ({values})
        WHERE positionCaseInsensitiveUTF8(name, {wanted}) > 0
        GROUP BY name ORDER BY total DESC, name LIMIT {most}""",
        values=values,
        wanted=text(wanted),
        most=unsigned(MOST_VALUES),
    )


def _names(project_id: int) -> Sql:
    names = persons(
        sql("arrayJoin(JSONAllPaths(properties)) AS name"), sql("true"), waiting_persons(project_id)
    )
    return sql("SELECT name, count() FROM ({names}) GROUP BY name", names=names)


def _ask_replica(project_id: int, query: Sql) -> list[Counted]:
    rendered, parameters = query.rendered()
    rows = client.query(rendered, project_id=project_id, parameters=parameters, settings=_SETTINGS)
    return [Counted(name, count) for name, count in rows]


_STORED_VALUES = """
SELECT (p.properties->%(key)s)::text, count(*) FROM core_person p
WHERE p.project_id = %(project_id)s AND p.properties->%(key)s NOT IN ('null', '""')
GROUP BY 1
"""
_STORED_NAMES = """
SELECT name, count(*) FROM core_person p, jsonb_object_keys(p.properties) AS name
WHERE p.project_id = %(project_id)s
GROUP BY name
"""


def _stored_values(project_id: int, key: str) -> Counter[str]:
    counts: Counter[str] = Counter()
    for value, count in _fetch(_STORED_VALUES, {"project_id": project_id, "key": key}):
        (form,) = text_forms({key: orjson.loads(value)})[0].values()
        counts[form] += count
    return counts


def _stored_names(project_id: int) -> dict[str, int]:
    return dict(_fetch(_STORED_NAMES, {"project_id": project_id}))


def _fetch(statement: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
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
