"""Which persons of a project pass property filters, and contain a text?

Asks ClickHouse's replica, which keeps each property by itself, in one of two ways.

*A page near the start of the list* is looked for in ``person_newest_first``: it has the order of the list, so what many
pass is found among the first rows, and indexes for texts and for properties that are equal to a value, so what few pass
is found there. Either way the cost does not grow with the project. Of a person it may have older rows than the present
one, so the versions of what is found are compared with PostgreSQL's; who differs is asked about again in ``person``.
A text is also looked for in distinct ids: ClickHouse says which ones contain it, PostgreSQL who has them. Who is in a
cohort PostgreSQL knows, too: so a page from a large cohort costs the same, however large. Where few of those who
pass are members, it gives up.

*Everybody who passes* (a count, a table, a page far down, persons among some that PostgreSQL knows, members who are
rare) is found by one pass over the columns of ``person`` that are asked for; cohorts are sets then, from
``cohort_members``.

What was written must be found at once, and the replica is late: rows that wait go along
(``core.selectors.waiting_rows``). Who begins or ceases to pass while a question is answered may be found or not; who
passes all the time is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from core.clickhouse import client
from core.database import fetch_prepared
from core.filters.properties import MemberTest, PropertyFilter, PropertyGroup, cohorts_of, conjuncts
from core.selectors.place import Place
from core.selectors.waiting_rows import (
    WAITING_SETTINGS,
    WaitingRows,
    owners,
    passing_waiting_persons,
    persons,
    waiting_distinct_ids,
    waiting_members,
    waiting_persons,
)
from core.sql.conditions import OnPersons, group_condition
from core.sql.members import WaitingMembers
from core.sql.newest_first import SEARCHED, SEARCHED_OF_PERSON, OnNewestFirst, contains
from core.sql.text import Sql, all_of, any_of, moment, sql, text, texts, trusted, unsigned, uuids

#: Persons up to which a page is looked for from the start of the list.
MOST_WALKED = 12_000
#: Persons among whom members of a cohort are looked for, unless more are wanted; where these fill no page, members are
#: rare.
MOST_TRIED = 2_000
#: Distinct ids that contain a text, up to which their persons are looked up.
MOST_IDS = 10_000
#: How many times as many rows are read next, where those before did not fill a page.
_GROWTH = 4
#: Limits of one question to ClickHouse.
_SETTINGS: dict[str, str | int] = {
    **WAITING_SETTINGS,
    "max_execution_time": 20,
    # Makes a pass over all rows twice as long, and others no shorter: rows come in the order that is wanted.
    "use_top_k_dynamic_filtering": 0,
    "log_comment": "person search",
}


@dataclass(frozen=True, slots=True)
class PersonSearch:
    """What is asked. ``among`` narrows it to these persons; null means everybody. ``until`` is the latest time of
    creation; what comes ``after`` a place is wanted, and nobody beyond the place ``down_to``. ``cohorts`` are ids for
    PostgreSQL, each with whether its members are wanted or everybody else.
    """

    properties: PropertyGroup
    text: str | None
    until: datetime
    among: Sequence[UUID] | None = None
    after: Place | None = None
    down_to: Place | None = None
    cohorts: Sequence[tuple[int, bool]] = ()


def find_persons(project_id: int, search: PersonSearch, *, limit: int, offset: int) -> list[UUID]:
    """The persons found, newest first, in the order of the list of persons.

    Raises ``ReplicaTooLate``, ``ClickHouseUnavailable`` or ``QueryTooHeavy``.
    """
    found = None
    if search.among is None and offset + limit <= MOST_WALKED:
        found = _from_the_start(project_id, search, offset + limit)
    if found is None:
        query = sql(
            "{found} {order} LIMIT {limit} OFFSET {offset}",
            found=_places(_everybody(project_id, search)),
            order=_NEWEST_FIRST,
            limit=unsigned(limit),
            offset=unsigned(offset),
        )
        return [place.uuid for place in _ask_places(project_id, query)]
    return [place.uuid for place in found[offset:]]


def count_found(project_id: int, search: PersonSearch) -> int:
    """How many persons there are in all. Raises as ``find_persons`` does."""
    ((count,),) = _ask(project_id, sql("SELECT count() FROM ({found})", found=_everybody(project_id, search)))
    return int(count)


_NEWEST_FIRST = trusted("ORDER BY created_at DESC, UUIDToNum(id) DESC")
_PLACE = trusted("created_at, id")


def _places(found: Sql) -> Sql:
    return sql("SELECT {place} FROM ({found})", place=_PLACE, found=found)


def _ask(project_id: int, query: Sql) -> Sequence[Sequence[Any]]:
    rendered, parameters = query.rendered()
    return client.query(rendered, project_id=project_id, parameters=parameters, settings=_SETTINGS)


def _ask_places(project_id: int, query: Sql) -> list[Place]:
    return [Place(created_at, uuid) for created_at, uuid in _ask(project_id, query)]


def _newest_first(places: Iterable[Place]) -> list[Place]:
    return sorted(places, key=lambda place: (place.created_at, place.uuid), reverse=True)


# --- Everybody who passes


def _everybody(project_id: int, search: PersonSearch) -> Sql:
    """The place of everybody who passes, from ``person``."""
    conditions = [*_bounds(search), _of_properties(project_id, search)]
    # Before the persons, so that whoever has an id that waited is seen with it.
    if search.text is not None:
        by_id = owners(_id_contains(search.text), waiting_distinct_ids(project_id))
        conditions.append(
            any_of(
                [contains(SEARCHED_OF_PERSON, search.text), sql("id IN (SELECT * FROM ({ids}))", ids=by_id)]
            )
        )
    return persons(_PLACE, all_of(conditions), waiting_persons(project_id))


def _bounds(search: PersonSearch) -> list[Sql]:
    conditions = [sql("created_at <= {until}", until=moment(search.until))]
    if search.among is not None:
        conditions.append(sql("id IN {among}", among=uuids(map(str, search.among))))
    # The times by themselves are what the order of ``person_newest_first`` understands.
    if (after := search.after) is not None:
        conditions.append(sql("created_at <= {time}", time=moment(after.created_at)))
        conditions.append(sql("(created_at, UUIDToNum(id)) < {place}", place=_in_order(after)))
    if (end := search.down_to) is not None:
        conditions.append(sql("created_at >= {time}", time=moment(end.created_at)))
        conditions.append(sql("(created_at, UUIDToNum(id)) >= {place}", place=_in_order(end)))
    return conditions


def _in_order(place: Place) -> Sql:
    return sql(
        "({time}, UUIDToNum(toUUID({uuid})))", time=moment(place.created_at), uuid=text(str(place.uuid))
    )


def _of_properties(project_id: int, search: PersonSearch) -> Sql:
    return group_condition(search.properties, OnPersons(_waiting_members(project_id, search.properties)))


def _waiting_members(project_id: int, properties: PropertyGroup) -> WaitingMembers:
    return waiting_members(project_id, cohorts_of(properties))


def _id_contains(wanted: str) -> Sql:
    return contains(sql("lowerUTF8(distinct_id)"), wanted)


# --- The first of them


def _from_the_start(project_id: int, search: PersonSearch, wanted: int) -> list[Place] | None:
    """The first ``wanted`` persons; null when it takes everybody to tell."""
    search = _cohorts_apart(search)
    found = _walk(project_id, search, wanted)
    wanted_text = search.text
    if found is None or wanted_text is None:
        return found
    if len(found) == wanted:
        search = replace(search, down_to=found[-1])
    by_id = _by_distinct_id(project_id, search, wanted_text, wanted)
    return None if by_id is None else _newest_first({*found, *by_id})[:wanted]


def _cohorts_apart(search: PersonSearch) -> PersonSearch:
    """With the cohorts that everybody must be in, or not be in, as ``cohorts``."""
    cohorts: list[tuple[int, bool]] = []
    properties: list[PropertyFilter | PropertyGroup] = []
    for part in conjuncts(search.properties):
        if isinstance(part, PropertyFilter) and isinstance(part.test, MemberTest):
            cohorts.append((part.test.cohort_id, not part.negated))
        else:
            properties.append(part)
    return replace(search, properties=PropertyGroup(members=tuple(properties)), cohorts=cohorts)


def _walk(project_id: int, search: PersonSearch, wanted: int) -> list[Place] | None:
    """The first ``wanted`` persons by what ``person_newest_first`` says of them: not by distinct ids. Null when too few
    of them are in the cohorts.
    """
    waiting = waiting_persons(project_id)
    members = _waiting_members(project_id, search.properties)
    found: list[Place] = []
    tried = 0
    rows = wanted
    while True:
        page = _ask(project_id, _page(search, members, waiting, rows))
        end = Place(*page[-1][:2]) if len(page) == rows else None
        found += _present(project_id, replace(search, down_to=end), page)
        if end is None or len(found) >= wanted:
            return found[:wanted]
        tried += rows
        if search.cohorts and tried >= max(MOST_TRIED, wanted * _GROWTH):
            return None
        search = replace(search, after=end)
        rows = min(rows * _GROWTH, MOST_WALKED)


_COLUMNS = trusted("created_at, id, version")


def _page(search: PersonSearch, members: WaitingMembers, waiting: WaitingRows, rows: int) -> Sql:
    """The first ``rows`` rows that pass. What waits comes in place of what is there."""
    bounds = _bounds(search)
    stored = [
        sql("project_id = {project_id:Int64} AND is_deleted = 0"),
        *bounds,
        group_condition(search.properties, OnNewestFirst(members)),
    ]
    waits = [*bounds, group_condition(search.properties, OnPersons(members))]
    if search.text is not None:
        stored.append(contains(SEARCHED, search.text))
        waits.append(contains(SEARCHED_OF_PERSON, search.text))
    if waiting.keys:
        stored.append(sql("id NOT IN {keys}", keys=uuids(waiting.keys)))
    page = sql(
        "SELECT {columns} FROM person_newest_first WHERE {conditions} {order} LIMIT {rows}",
        columns=_COLUMNS,
        conditions=all_of(stored),
        order=_NEWEST_FIRST,
        rows=unsigned(rows),
    )
    if not waiting.keys:
        return page
    return sql(
        "SELECT * FROM (SELECT * FROM ({page}) UNION ALL {waiting}) {order} LIMIT {rows}",
        page=page,
        waiting=passing_waiting_persons(_COLUMNS, all_of(waits), waiting),
        order=_NEWEST_FIRST,
        rows=unsigned(rows),
    )


_VERSIONS = (
    "SELECT uuid, version FROM core_person WHERE project_id = %(project_id)s AND uuid = ANY(%(uuids)s)"
)


def _present(project_id: int, search: PersonSearch, page: Sequence[Sequence[Any]]) -> list[Place]:
    """Whom the rows of a page stand for. A row tells the truth when its version is PostgreSQL's; of whom there is an
    older one only, another row has replaced it or will, so it takes a look at ``person`` to know whether it passes and
    belongs on this page.
    """
    newest: dict[UUID, tuple[int, Place]] = {}
    for created_at, uuid, version in page:
        if uuid not in newest or newest[uuid][0] < version:
            newest[uuid] = (version, Place(created_at, uuid))
    if not newest:
        return []
    parameters = {"project_id": project_id, "uuids": list(newest)}
    versions = {UUID(str(uuid)): version for uuid, version in fetch_prepared(_VERSIONS, parameters)}
    present = [place for uuid, (version, place) in newest.items() if versions.get(uuid) == version]
    changed = [uuid for uuid, (version, _) in newest.items() if versions.get(uuid, version) != version]
    if changed:
        present += _passing(project_id, replace(search, among=changed))
    return _members(project_id, search, _newest_first(present))


# By the unique index of the table.
_COHORTS = """
SELECT p.uuid::text, ARRAY(
    SELECT m.cohort_id FROM core_cohortmember m
    WHERE m.cohort_id = ANY(%(cohorts)s) AND m.person_id = p.id AND m.project_id = p.project_id
)
FROM core_person p WHERE p.project_id = %(project_id)s AND p.uuid = ANY(%(uuids)s)
"""


def _members(project_id: int, search: PersonSearch, places: list[Place]) -> list[Place]:
    """Those who pass the filters by cohorts, too."""
    if not search.cohorts or not places:
        return places
    parameters = {
        "project_id": project_id,
        "cohorts": [cohort_id for cohort_id, _ in search.cohorts],
        "uuids": [place.uuid for place in places],
    }
    in_cohorts = {UUID(uuid): set(cohorts) for uuid, cohorts in fetch_prepared(_COHORTS, parameters)}
    return [
        place
        for place in places
        if place.uuid in in_cohorts
        and all((cohort_id in in_cohorts[place.uuid]) == is_wanted for cohort_id, is_wanted in search.cohorts)
    ]


def _passing(project_id: int, search: PersonSearch) -> list[Place]:
    """Who passes by what ``person`` says of them: not by distinct ids."""
    conditions = [*_bounds(search), _of_properties(project_id, search)]
    if search.text is not None:
        conditions.append(contains(SEARCHED_OF_PERSON, search.text))
    return _ask_places(project_id, persons(_PLACE, all_of(conditions), waiting_persons(project_id)))


# --- By distinct ids


def _by_distinct_id(
    project_id: int, search: PersonSearch, wanted_text: str, wanted: int
) -> list[Place] | None:
    """The first ``wanted`` persons who have a distinct id with the text; null when it takes everybody to tell."""
    if search.down_to is not None:
        # Then it is a frequent text, and few persons are left to look at.
        found = _walk_distinct_ids(project_id, search, wanted_text, wanted, most=wanted * _GROWTH)
        if found is not None:
            return found
    ids = _ids_containing(project_id, wanted_text)
    if len(ids) <= MOST_IDS:
        rows = _fetch(_OWNERS, project_id, search, ids=list(ids)) if ids else []
        return _passing_filters(project_id, search, [Place(*row) for row in rows])[:wanted]
    # The newest persons are likely to be among the owners of so many.
    return _walk_distinct_ids(project_id, search, wanted_text, wanted, most=MOST_WALKED)


def _ids_containing(project_id: int, wanted: str) -> set[str]:
    """Distinct ids that contain the text, more than ``MOST_IDS`` when there are; also some that nobody has any more."""
    waiting = waiting_distinct_ids(project_id)
    query = sql(
        """SELECT DISTINCT distinct_id FROM person_distinct_id
        WHERE project_id = {project_id:Int64} AND {contains} LIMIT {most}""",
        contains=_id_contains(wanted),
        most=unsigned(MOST_IDS + 1),
    )
    if waiting.keys:
        query = sql(
            """SELECT * FROM ({query}) UNION ALL
            SELECT distinct_id FROM (SELECT arrayJoin({keys}) AS distinct_id) WHERE {contains}""",
            query=query,
            keys=texts(waiting.keys),
            contains=_id_contains(wanted),
        )
    return {distinct_id for (distinct_id,) in _ask(project_id, query)}


_AFTER = "AND (p.created_at, p.uuid) < (%(after_created_at)s, %(after_uuid)s)"
_DOWN_TO = "AND (p.created_at, p.uuid) >= (%(end_created_at)s, %(end_uuid)s)"
_OWNERS = """
SELECT DISTINCT p.created_at, p.uuid FROM core_persondistinctid m
JOIN core_person p ON p.id = m.person_id AND p.project_id = m.project_id
WHERE m.project_id = %(project_id)s AND m.distinct_id = ANY(%(ids)s) AND p.created_at <= %(until)s {bounds}
ORDER BY p.created_at DESC, p.uuid DESC
"""
_NEWEST_WITH_IDS = """
SELECT p.created_at, p.uuid, ARRAY(
    SELECT m.distinct_id FROM core_persondistinctid m WHERE m.person_id = p.id AND m.project_id = p.project_id
)
FROM core_person p WHERE p.project_id = %(project_id)s AND p.created_at <= %(until)s {bounds}
ORDER BY p.created_at DESC, p.uuid DESC LIMIT %(rows)s
"""


def _fetch(statement: str, project_id: int, search: PersonSearch, **parameters: Any) -> list[tuple[Any, ...]]:
    """Rows of one of the statements above, within the bounds of the search."""
    given = {"project_id": project_id, "until": search.until, **parameters}
    bounds = ""
    if (after := search.after) is not None:
        bounds += _AFTER
        given |= {"after_created_at": after.created_at, "after_uuid": after.uuid}
    if (end := search.down_to) is not None:
        bounds += _DOWN_TO
        given |= {"end_created_at": end.created_at, "end_uuid": end.uuid}
    with connection.cursor() as cursor:
        cursor.execute(statement.format(bounds=bounds), given)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _passing_filters(project_id: int, search: PersonSearch, places: list[Place]) -> list[Place]:
    """Those who pass the property filters, too; newest first, as they were."""
    places = _members(project_id, search, places)
    if not search.properties.members or not places:
        return places
    among = [place.uuid for place in places]
    passing = {place.uuid for place in _passing(project_id, replace(search, text=None, among=among))}
    return [place for place in places if place.uuid in passing]


def _walk_distinct_ids(
    project_id: int, search: PersonSearch, wanted_text: str, wanted: int, *, most: int
) -> list[Place] | None:
    """The same by the ids of one person after the other; null when as many as ``most`` at once do not tell."""
    found: list[Place] = []
    rows = wanted * _GROWTH
    while rows <= most:
        newest = _fetch(_NEWEST_WITH_IDS, project_id, search, rows=rows)
        owning = _owning(newest, wanted_text)
        places = [Place(created_at, uuid) for created_at, uuid, _ in newest if uuid in owning]
        found += _passing_filters(project_id, search, places)
        if len(found) >= wanted or len(newest) < rows:
            return found[:wanted]
        search = replace(search, after=Place(*newest[-1][:2]))
        rows *= _GROWTH
    return None


def _owning(persons_with_ids: Sequence[tuple[Any, ...]], wanted_text: str) -> set[UUID]:
    """Who has an id with the text. ClickHouse says so, for what is the same letter is for it to decide everywhere."""
    pairs = [(str(uuid), distinct_id) for _, uuid, ids in persons_with_ids for distinct_id in ids]
    query = sql(
        "SELECT DISTINCT uuid FROM (SELECT (arrayJoin(arrayZip({uuids}, {ids})) AS pair).1 AS uuid, "
        "pair.2 AS distinct_id) WHERE {contains}",
        uuids=uuids(uuid for uuid, _ in pairs),
        ids=texts(distinct_id for _, distinct_id in pairs),
        contains=_id_contains(wanted_text),
    )
    rendered, parameters = query.rendered()
    return {uuid for (uuid,) in client.inspect(rendered, parameters=parameters)}
