"""Reads persons. A person's distinct ids come in the order in which they were attached."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.db import connection, transaction
from django.utils import timezone

from core.database import fetch_prepared
from core.filters.properties import PropertyGroup, both, members_filter
from core.identity.display_name import chosen_first, display_name
from core.models import Project
from core.models.person import EMAIL_START
from core.selectors.full_page import full_page
from core.selectors.person_search import PersonSearch, count_found, find_persons
from core.selectors.place import Place

#: Distinct ids that a row of a list shows.
ROW_IDS = 1000
#: Distinct ids that a minimal person shows.
MINIMAL_IDS = 10
#: Persons whose creation lies further ahead are not listed: a client's clock was wrong.
FUTURE = timedelta(days=1)
#: Persons that are in memory at once while a whole list is read.
_BATCH = 500


class PersonRow(NamedTuple):
    """A person as stored, with its distinct ids."""

    id: int
    uuid: str
    #: JSON.
    properties: str
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
    #: Members of this cohort of the project.
    cohort_id: int | None = None
    properties: PropertyGroup = field(default_factory=PropertyGroup)
    #: Part of the e-mail, the name, the uuid or a distinct id.
    search: str | None = None

    @property
    def asks_replica(self) -> bool:
        """Whether the ClickHouse replica has to find the persons."""
        return bool(self.properties.members) or self.search is not None


_COLUMNS = "p.id, p.uuid::text, p.properties::text, p.is_identified, p.created_at, p.last_seen_at"

# The ids of each person by its own index, so that a page costs the same whatever the size of the project.
_IDS = """
    ARRAY(
        SELECT m.distinct_id FROM core_persondistinctid m
        WHERE m.person_id = p.id AND m.project_id = p.project_id ORDER BY m.id LIMIT %(ids)s
    )
"""

_MATCHING = """
    FROM core_person p
    WHERE p.project_id = %(project_id)s AND p.created_at <= %(newest)s {conditions}
"""
# Persons that are only skipped are not looked at: the index alone (person_newest_first) knows who they are. LIMIT 1
# keeps the planner from joining in any other way than one look-up a row of the page, in the order of the page.
_LIST = f"""
SELECT {_COLUMNS}, {_IDS} FROM (
    SELECT p.uuid {_MATCHING}
    ORDER BY p.created_at DESC, p.uuid DESC
    LIMIT %(limit)s OFFSET %(offset)s
) page CROSS JOIN LATERAL (
    SELECT * FROM core_person p WHERE p.project_id = %(project_id)s AND p.uuid = page.uuid LIMIT 1
) p
"""  # noqa: S608 - put together from the constants above and below
_COUNT = f"SELECT count(*) {_MATCHING}"

_BY_DISTINCT_ID = """
AND p.id = (
    SELECT m.person_id FROM core_persondistinctid m
    WHERE m.project_id = %(project_id)s AND m.distinct_id = %(distinct_id)s
)
"""
# The indexed start of the address finds the candidates, the whole address decides.
_BY_EMAIL = f"AND p.email_start = left(%(email)s, {EMAIL_START}) AND p.properties->>'email' = %(email)s"


_BY_COHORT = """
AND p.id IN (
    SELECT m.person_id FROM core_cohortmember m
    WHERE m.cohort_id = %(cohort_id)s AND m.project_id = %(project_id)s
)
"""


_AFTER = "AND (p.created_at, p.uuid) < (%(after_created_at)s, %(after_uuid)s)"


def list_persons(
    project: Project, *, where: PersonFilter, limit: int, offset: int, after: Place | None = None
) -> PersonPage:
    """List rows, newest first; ties by uuid. They begin ``after`` a row if one is given, else at ``offset``."""
    offset = 0 if after else offset
    if where.asks_replica:
        search = _search(project, where, after)
        people = full_page(
            lambda offset, rows: find_persons(project.pk, search, limit=rows, offset=offset),
            lambda uuids: list_rows(project, uuids),
            limit=limit,
            offset=offset,
        )
        return PersonPage(people.rows, people.has_more)
    statement, parameters = _narrowed(_LIST, project, where, after)
    found = fetch_prepared(statement, {**parameters, "limit": limit + 1, "offset": offset, "ids": ROW_IDS})
    rows = [list_row(project, PersonRow._make(columns)) for columns in found[:limit]]
    return PersonPage(rows, has_more=len(found) > limit)


def count_persons(project: Project, *, where: PersonFilter) -> int:
    """How many persons the whole list has."""
    if where.asks_replica:
        return count_found(project.pk, _search(project, where))
    ((count,),) = fetch_prepared(*_narrowed(_COUNT, project, where))
    return int(count)


def all_list_rows(project: Project, *, where: PersonFilter, most: int) -> Iterator[Sequence[dict[str, Any]]]:
    """The first ``most`` list rows, in batches of one snapshot. The transaction lasts until the last batch is taken."""
    if where.asks_replica:
        found = find_persons(project.pk, _search(project, where), limit=most, offset=0)
        for start in range(0, len(found), _BATCH):
            yield list_rows(project, found[start : start + _BATCH])
        return
    statement, parameters = _narrowed(_LIST, project, where)
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute(statement, {**parameters, "limit": most, "offset": 0, "ids": ROW_IDS})
        while persons := cursor.fetchmany(_BATCH):
            yield [list_row(project, PersonRow._make(columns)) for columns in persons]


_UUIDS = f"SELECT p.uuid {_MATCHING}"


def _search(project: Project, where: PersonFilter, after: Place | None = None) -> PersonSearch:
    """The question to the replica; what only PostgreSQL knows narrows it to few persons."""
    among: list[UUID] | None = None
    properties = where.properties
    if (where.distinct_id, where.email) != (None, None):
        among = [uuid for (uuid,) in fetch_prepared(*_narrowed(_UUIDS, project, where))]
    elif where.cohort_id is not None:
        properties = both(properties, members_filter(where.cohort_id, attr="cohort"))
    return PersonSearch(
        properties,
        where.search,
        until=timezone.now() + FUTURE,
        among=among,
        after=after,
    )


def _narrowed(
    sql: str, project: Project, where: PersonFilter, after: Place | None = None
) -> tuple[str, dict[str, Any]]:
    """The statement with the conditions of ``where``, and their parameters."""
    conditions = (
        (_BY_DISTINCT_ID if where.distinct_id is not None else "")
        + (_BY_EMAIL if where.email is not None else "")
        + (_BY_COHORT if where.cohort_id is not None else "")
        + (_AFTER if after else "")
    )
    return sql.format(conditions=conditions), {
        "project_id": project.pk,
        "newest": timezone.now() + FUTURE,
        "distinct_id": where.distinct_id,
        "email": where.email,
        "cohort_id": where.cohort_id,
        "after_created_at": after.created_at if after else None,
        "after_uuid": after.uuid if after else None,
    }


_BY_UUIDS = f"""
SELECT {_COLUMNS}, {_IDS} FROM core_person p WHERE p.project_id = %(project_id)s AND p.uuid = ANY(%(uuids)s)
"""  # noqa: S608


def list_rows(project: Project, uuids: Sequence[UUID]) -> list[dict[str, Any]]:
    """The list rows of ``uuids`` in their order; persons that do not exist are left out."""
    persons = _fetch(_BY_UUIDS, {"project_id": project.pk, "uuids": list(uuids), "ids": ROW_IDS})
    rows = {person.uuid: list_row(project, person) for person in persons}
    return [rows[uuid] for uuid in map(str, uuids) if uuid in rows]


_ONE = f"""
SELECT {_COLUMNS}, {_IDS} FROM core_person p WHERE p.project_id = %(project_id)s AND p.{{column}} = %(key)s
"""  # noqa: S608


def get_person(project: Project, key: UUID | int) -> dict[str, Any] | None:
    """The full person with this uuid or pk, all distinct ids included; null when the project has none."""
    column = "uuid" if isinstance(key, UUID) else "id"
    rows = fetch_prepared(_ONE.format(column=column), {"project_id": project.pk, "key": key, "ids": None})
    return full_person(project, PersonRow._make(rows[0])) if rows else None


_ID_OF = "SELECT person_id FROM core_persondistinctid WHERE project_id = %s AND distinct_id = %s"


def get_person_by_distinct_id(project: Project, distinct_id: str) -> dict[str, Any] | None:
    """The full person that this distinct id leads to; null when the project has none."""
    with connection.cursor() as cursor:
        cursor.execute(_ID_OF, [project.pk, distinct_id])
        row = cursor.fetchone()
    return get_person(project, row[0]) if row else None


_BY_DISTINCT_IDS = f"""
SELECT {_COLUMNS}, {_IDS}, found.distinct_ids FROM (
    SELECT m.person_id, array_agg(m.distinct_id) AS distinct_ids FROM core_persondistinctid m
    WHERE m.project_id = %(project_id)s AND m.distinct_id = ANY(%(distinct_ids)s)
    GROUP BY m.person_id
) found JOIN core_person p ON p.id = found.person_id AND p.project_id = %(project_id)s
"""  # noqa: S608


def minimal_persons_by_distinct_id(
    project: Project, distinct_ids: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """The persons with these distinct ids, by the id that was asked for; ids that nobody has are left out."""
    with connection.cursor() as cursor:
        cursor.execute(
            _BY_DISTINCT_IDS, {"project_id": project.pk, "distinct_ids": list(distinct_ids), "ids": ROW_IDS}
        )
        found = [(PersonRow._make(columns), asked) for *columns, asked in cursor.fetchall()]
    persons = {distinct_id: person for person, asked in found for distinct_id in asked}
    return {one: minimal_person(project, persons[one]) for one in distinct_ids if one in persons}


def minimal_persons(project: Project, uuids: Sequence[UUID]) -> dict[str, dict[str, Any]]:
    """The persons with these uuids, by uuid; uuids that nobody has are left out."""
    found = _fetch(_BY_UUIDS, {"project_id": project.pk, "uuids": list(uuids), "ids": ROW_IDS})
    persons = {person.uuid: person for person in found}
    return {uuid: minimal_person(project, persons[uuid]) for uuid in map(str, uuids) if uuid in persons}


@dataclass(frozen=True, slots=True)
class PersonKeys:
    """Both ids of a person."""

    id: int
    uuid: UUID


_KEYS = "SELECT id, uuid FROM core_person WHERE project_id = %s AND {column} = %s"


def find_person(project: Project, key: UUID | int) -> PersonKeys | None:
    """Who has this uuid or pk; null when the project has none."""
    column = "uuid" if isinstance(key, UUID) else "id"
    with connection.cursor() as cursor:
        cursor.execute(_KEYS.format(column=column), [project.pk, key])
        row = cursor.fetchone()
    return PersonKeys(*row) if row else None


def full_person(project: Project, person: PersonRow) -> dict[str, Any]:
    """The shape of a single person: ``id`` is the pk, made-up distinct ids come last."""
    return {
        "id": person.id,
        "uuid": person.uuid,
        "name": _name(project, person),
        "distinct_ids": chosen_first(person.distinct_ids),
        "properties": orjson.Fragment(person.properties),
        "created_at": person.created_at,
        "last_seen_at": person.last_seen_at,
    }


def minimal_person(project: Project, person: PersonRow) -> dict[str, Any]:
    """The shape of a single person with at most ``MINIMAL_IDS`` distinct ids."""
    full = full_person(project, person)
    return {**full, "distinct_ids": full["distinct_ids"][:MINIMAL_IDS]}


def list_row(project: Project, person: PersonRow) -> dict[str, Any]:
    """The shape of a person in lists: ``id`` is the uuid."""
    return {
        "type": "person",
        "id": person.uuid,
        "uuid": person.uuid,
        "name": _name(project, person),
        "distinct_ids": person.distinct_ids,
        "properties": orjson.Fragment(person.properties),
        "created_at": person.created_at,
        "last_seen_at": person.last_seen_at,
        "is_identified": person.is_identified,
        "matched_recordings": [],
        "value_at_data_point": None,
    }


def _name(project: Project, person: PersonRow) -> str:
    return display_name(
        person.properties,
        person.distinct_ids,
        name_properties=project.person_display_name_properties,
        fallback=person.id,
    )


def _fetch(sql: str, parameters: Mapping[str, Any]) -> list[PersonRow]:
    return [PersonRow._make(columns) for columns in fetch_prepared(sql, parameters)]
