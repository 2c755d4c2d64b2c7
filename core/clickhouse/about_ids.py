"""How many rows are there about distinct ids of a project, in ClickHouse?

For a few ids at a time, as parameters; an erasure, which has many, does it otherwise (``core.clickhouse.erase``).
Cost: one look at the distinct ids and times of all events of the project.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import UUID

from django.conf import settings

from core.clickhouse import client
from core.clickhouse.erase import OF_PERSONS, Table, microseconds

#: Bytes of ids that go with one question.
_BYTES = 200_000
_LIMITS: dict[str, str | int] = {
    "max_execution_time": settings.INSIGHTS_WAIT,
    "log_comment": "rows about ids",
}

_EVENTS = """
SELECT count() FROM events
WHERE project_id = {project_id:Int64} AND distinct_id IN {ids:Array(String)} AND uuid NOT IN {others:Array(UUID)}
"""


def count_events(project_id: int, distinct_ids: Sequence[str], *, but: Sequence[UUID]) -> int:
    """Events of these ids, but for those with some uuids. Raises ``ClickHouseUnavailable`` or ``QueryTooHeavy``."""
    return sum(_count(_EVENTS, project_id, {"ids": ids, "others": but}) for ids in _parts(distinct_ids))


# Ids that are erased are known by their digest only: see core.models.deletion.DeletionId.
_DIGEST = "lower(hex(substring(SHA256(distinct_id), 1, 16))) IN {ids:Array(String)}"
_EVENTS_BY_DIGEST = f"""
SELECT count() FROM events WHERE project_id = {{project_id:Int64}}
AND toUnixTimestamp64Micro(received_at) <= {{moment:Int64}} AND {_DIGEST}
"""  # noqa: S608 - a constant
_ROWS_BY_DIGEST = f"""
SELECT count() FROM %s WHERE project_id = {{project_id:Int64}} AND version <= {{version:UInt64}} AND {_DIGEST}
"""  # noqa: S608 - a constant
_PERSON = """
SELECT count() FROM %s
WHERE project_id = {project_id:Int64} AND %s = {id:UUID} AND %s < {version:UInt64}
"""


def count_events_received(project_id: int, digests: Sequence[str], *, until: datetime) -> int:
    """Events of ids with these digests (hexadecimal) received up to a moment."""
    moment = microseconds(until)
    return sum(
        _count(_EVENTS_BY_DIGEST, project_id, {"ids": ids, "moment": moment}) for ids in _parts(digests)
    )


def count_mappings(table: str, project_id: int, digests: Sequence[str], *, version: int) -> int:
    """Rows of ``person_distinct_id`` or ``person_distinct_id_overrides`` up to a version."""
    return sum(
        _count(_ROWS_BY_DIGEST % table, project_id, {"ids": ids, "version": version})
        for ids in _parts(digests)
    )


def count_person(table: Table, project_id: int, uuid: str, *, version: int) -> int:
    """Rows of one of the tables ``OF_PERSONS`` about a person below a version."""
    return _count(_PERSON % (table, *OF_PERSONS[table]), project_id, {"id": uuid, "version": version})


def _count(sql: str, project_id: int, parameters: dict[str, object]) -> int:
    ((rows,),) = client.query(sql, project_id=project_id, parameters=parameters, settings=_LIMITS)
    return int(rows)


def _parts(ids: Sequence[str]) -> Iterator[list[str]]:
    part: list[str] = []
    size = 0
    for one in ids:
        if part and size + len(one) > _BYTES:
            yield part
            part, size = [], 0
        part.append(one)
        size += len(one)
    if part:
        yield part
