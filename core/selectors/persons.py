"""Reads persons. A person's distinct ids come in the order in which they were attached."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from core.identity.display_name import chosen_first, display_name
from core.json import iso
from core.models import Project
from core.models.person import EMAIL_START

#: Distinct ids that a row of a list shows.
ROW_IDS = 1000
#: Persons whose creation lies further ahead are not listed: a client's clock was wrong.
FUTURE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class PersonRow:
    """A person as stored, with its distinct ids."""

    id: int
    uuid: UUID
    properties: dict[str, Any]
    is_identified: bool
    created_at: datetime
    last_seen_at: datetime | None
    distinct_ids: list[str]


@dataclass(frozen=True, slots=True)
class PersonPage:
    """``has_more`` is true exactly when a further row exists."""

    rows: list[dict[str, Any]]
    has_more: bool


@dataclass(frozen=True, slots=True)
class PersonFilter:
    """What a list is narrowed to; null means: not by this."""

    distinct_id: str | None = None
    email: str | None = None


_COLUMNS = "p.id, p.uuid, p.properties::text, p.is_identified, p.created_at, p.last_seen_at"

# The ids of each person by its own index, so that a page costs the same whatever the size of the project.
_IDS = """
    ARRAY(
        SELECT m.distinct_id FROM core_persondistinctid m
        WHERE m.person_id = p.id AND m.project_id = p.project_id ORDER BY m.id LIMIT %(ids)s
    )
"""

_LIST = f"""
SELECT {_COLUMNS}, {_IDS} FROM (
    SELECT * FROM core_person p
    WHERE p.project_id = %(project_id)s AND p.created_at <= %(newest)s {{conditions}}
    ORDER BY p.created_at DESC, p.uuid DESC
    LIMIT %(limit)s OFFSET %(offset)s
) p ORDER BY p.created_at DESC, p.uuid DESC
"""  # noqa: S608 - put together from the constants above and below

_BY_DISTINCT_ID = """
AND p.id = (
    SELECT m.person_id FROM core_persondistinctid m
    WHERE m.project_id = %(project_id)s AND m.distinct_id = %(distinct_id)s
)
"""
# The indexed start of the address finds the candidates, the whole address decides.
_BY_EMAIL = f"AND p.email_start = left(%(email)s, {EMAIL_START}) AND p.properties->>'email' = %(email)s"


def list_persons(project: Project, *, where: PersonFilter, limit: int, offset: int) -> PersonPage:
    """List rows, newest first; ties by uuid, so that pages fit together."""
    conditions = (_BY_DISTINCT_ID if where.distinct_id is not None else "") + (
        _BY_EMAIL if where.email is not None else ""
    )
    persons = _fetch(
        _LIST.format(conditions=conditions),
        {
            "project_id": project.pk,
            "newest": timezone.now() + FUTURE,
            "distinct_id": where.distinct_id,
            "email": where.email,
            "limit": limit + 1,
            "offset": offset,
            "ids": ROW_IDS,
        },
    )
    rows = [list_row(project, person) for person in persons[:limit]]
    return PersonPage(rows, has_more=len(persons) > limit)


_BY_UUIDS = f"""
SELECT {_COLUMNS}, {_IDS} FROM core_person p WHERE p.project_id = %(project_id)s AND p.uuid = ANY(%(uuids)s)
"""  # noqa: S608


def list_rows(project: Project, uuids: Sequence[UUID]) -> list[dict[str, Any]]:
    """The list rows of ``uuids`` in their order; persons that do not exist are left out."""
    persons = _fetch(_BY_UUIDS, {"project_id": project.pk, "uuids": list(uuids), "ids": ROW_IDS})
    rows = {person.uuid: list_row(project, person) for person in persons}
    return [rows[uuid] for uuid in uuids if uuid in rows]


_ONE = f"""
SELECT {_COLUMNS}, {_IDS} FROM core_person p WHERE p.project_id = %(project_id)s AND p.{{column}} = %(key)s
"""  # noqa: S608


def get_person(project: Project, key: UUID | int) -> dict[str, Any] | None:
    """The full person with this uuid or pk, all distinct ids included; null when the project has none."""
    column = "uuid" if isinstance(key, UUID) else "id"
    persons = _fetch(_ONE.format(column=column), {"project_id": project.pk, "key": key, "ids": None})
    return full_person(project, persons[0]) if persons else None


_UUID = "SELECT uuid FROM core_person WHERE project_id = %s AND {column} = %s"


def person_uuid_of(project: Project, key: UUID | int) -> UUID | None:
    """The uuid of the person with this uuid or pk; null when the project has none."""
    column = "uuid" if isinstance(key, UUID) else "id"
    with connection.cursor() as cursor:
        cursor.execute(_UUID.format(column=column), [project.pk, key])
        row = cursor.fetchone()
    return row[0] if row else None


def full_person(project: Project, person: PersonRow) -> dict[str, Any]:
    """The shape of a single person: ``id`` is the pk, made-up distinct ids come last."""
    return {
        "id": person.id,
        "uuid": str(person.uuid),
        "name": _name(project, person),
        "distinct_ids": chosen_first(person.distinct_ids),
        "properties": person.properties,
        "created_at": iso(person.created_at),
        "last_seen_at": iso(person.last_seen_at),
    }


def list_row(project: Project, person: PersonRow) -> dict[str, Any]:
    """The shape of a person in lists: ``id`` is the uuid."""
    return {
        "type": "person",
        "id": str(person.uuid),
        "uuid": str(person.uuid),
        "name": _name(project, person),
        "distinct_ids": person.distinct_ids,
        "properties": person.properties,
        "created_at": iso(person.created_at),
        "last_seen_at": iso(person.last_seen_at),
        "is_identified": person.is_identified,
        "matched_recordings": [],
        "value_at_data_point": None,
    }


def _name(project: Project, person: PersonRow) -> str:
    return display_name(
        person.properties,
        person.distinct_ids,
        name_properties=project.person_display_name_properties,
        fallback=str(person.id),
    )


def _fetch(sql: str, parameters: Mapping[str, Any]) -> list[PersonRow]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return _rows(cursor)


def _rows(cursor: CursorWrapper) -> list[PersonRow]:
    return [
        PersonRow(pk, uuid, orjson.loads(properties), is_identified, created_at, last_seen_at, distinct_ids)
        for pk, uuid, properties, is_identified, created_at, last_seen_at, distinct_ids in cursor.fetchall()
    ]
