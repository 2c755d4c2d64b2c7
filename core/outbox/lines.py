"""Rows of ClickHouse tables as lines of JSON: one function a table, beside the schema in
``core/clickhouse/schema``.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

from core.clickhouse.group_columns import GROUP_COLUMNS
from core.events.event import Event
from core.events.text_form import text_forms

#: ClickHouse's DateTime64 knows these years; events outside are moved to the edge.
_FIRST_YEAR, _LAST_YEAR = 1900, 2299

_NO_GROUPS: Mapping[int, str] = {}


def event_line(
    event: Event,
    *,
    project_id: int,
    person_uuid: UUID,
    mode: str,
    group_keys: Mapping[int, str] = _NO_GROUPS,
) -> str:
    """A row of ``events``, but for the time of its receipt. ``group_keys`` go by the index of their group type."""
    texts, typed = text_forms(event.properties)
    return _line(
        {
            "project_id": project_id,
            "uuid": event.uuid,
            "event": event.name,
            "distinct_id": event.distinct_id,
            "person_id": person_uuid,
            "person_mode": mode,
            "timestamp": _moment(event.timestamp),
            "properties": texts,
            "typed_keys": typed,
            **{GROUP_COLUMNS[index]: key for index, key in group_keys.items()},
        }
    )


def received_event_line(line: str, at: datetime) -> str:
    """The line with the time at which PostgreSQL took the event: by its clock, which also says when an erasure was
    asked for.
    """
    return f'{line[:-1]},"received_at":"{_moment(at.astimezone(UTC))}"}}'


def person_line(
    *,
    project_id: int,
    uuid: UUID,
    created_at: datetime,
    properties: Mapping[str, Any],
    is_identified: bool,
    version: int,
    is_deleted: bool = False,
) -> str:
    """A row of ``person``. A deleted person keeps nothing but its id and version."""
    texts, typed = ({}, []) if is_deleted else text_forms(properties)
    return _line(
        {
            "project_id": project_id,
            "id": uuid,
            "created_at": _moment(created_at),
            "properties": texts,
            "typed_keys": typed,
            "is_identified": is_identified,
            "version": version,
            "is_deleted": int(is_deleted),
        }
    )


def delivered_person_line(line: str, at: datetime) -> str:
    """The line with the time of its delivery, by which changes of persons are told in order."""
    return f'{line[:-1]},"delivered_at":"{_moment(at)}"}}'


def override_line(
    *, project_id: int, distinct_id: str, person_uuid: UUID, version: int, is_deleted: bool = False
) -> str:
    """A row of ``person_distinct_id`` and, above version 0, of ``person_distinct_id_overrides``. A deleted one says
    that the id points nowhere now.
    """
    return _line(
        {
            "project_id": project_id,
            "distinct_id": distinct_id,
            "person_id": person_uuid,
            "version": version,
            "is_deleted": int(is_deleted),
        }
    )


def group_line(
    *,
    project_id: int,
    type_index: int,
    key: str,
    created_at: datetime,
    properties: Mapping[str, Any],
    version: int,
) -> str:
    """A row of ``groups``."""
    texts, typed = text_forms(properties)
    return _line(
        {
            "project_id": project_id,
            "type_index": type_index,
            "key": key,
            "created_at": _moment(created_at),
            "properties": texts,
            "typed_keys": typed,
            "version": version,
        }
    )


def members_line(*, project_id: int, cohort_id: int, version: int, gone: Sequence[UUID]) -> str:
    """A row of ``cohort_member_changes``: persons who are ``gone`` are no members. All other such lines are made by
    triggers (``core/migrations/0009_cohort_member_changes.py``), in this form.
    """
    return _line(
        {
            "project_id": project_id,
            "cohort_id": cohort_id,
            "version": version,
            "is_deleted": 1,
            "person_ids": gone,
            # Below every version of a death.
            "person_versions": [0] * len(gone),
        }
    )


def _moment(moment: datetime) -> str:
    year = min(max(moment.year, _FIRST_YEAR), _LAST_YEAR)
    if year != moment.year:
        moment = moment.replace(year=year, day=min(moment.day, 28))
    return moment.isoformat(" ", "microseconds")[:26]


def _line(row: dict[str, Any]) -> str:
    return orjson.dumps(row).decode()
