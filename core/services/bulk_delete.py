"""Deletes persons by the hundred, or erases their events only: bounded work, and one that fails stops no other.

Persons go a few at a time, each group in one transaction. When a group fails its persons are tried one by one, so that
none suffers for another.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import Error as AnyDatabaseError
from django.db import connection
from django.db.backends.utils import CursorWrapper

from core.clickhouse import about_ids
from core.exceptions import ServiceUnavailable
from core.services.delete_persons import DeletedPerson, delete_locked, lock_persons
from core.services.request_erasure import ErasedId, Erasure, request_erasure
from core.services.transaction import Conflict, TooMuchContention, change_persons

logger = logging.getLogger(__name__)

#: Persons of one transaction, as many as a request names: a second one would wait for the erasure of the first. And
#: distinct ids after which it takes no further person.
GROUP_PERSONS = 1_000
GROUP_IDS = 20_000
#: Milliseconds that a transaction waits for a person that somebody else has locked.
LOCK_WAIT = 3_000
#: Seconds after which nothing more is begun: who is left is reported as not deleted, before whoever asked gives up.
PATIENCE = 20.0
_FAILURES = (TooMuchContention, AnyDatabaseError)


class PersonDeletionFailed(ServiceUnavailable):
    """The person could not be deleted, and nothing of it was; try again shortly. Failed step: delete_postgres."""

    code = "person_deletion_failed"
    retry_after = 1


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to go. ``delete_events`` covers what was received up to now; ``keep_person`` leaves the rest alone."""

    delete_events: bool
    keep_person: bool


@dataclass(frozen=True, slots=True)
class Names:
    """Who is meant: persons by uuids and pks, or by distinct ids. One of the two is empty."""

    keys: Sequence[UUID | int] = ()
    distinct_ids: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Person:
    """Someone who was named, how often and by what."""

    uuid: UUID
    ids: int
    names: Names


@dataclass(slots=True)
class BulkResult:
    """``found`` persons were there and ``deleted`` went; of each of ``failed`` nothing was changed. ``matched`` are the
    names that somebody had.
    """

    found: int = 0
    deleted: int = 0
    failed: list[UUID] = field(default_factory=list)
    matched: set[UUID | int | str] = field(default_factory=set)


def bulk_delete(*, project_id: int, names: Names, wanted: Wanted, user_id: int | None) -> BulkResult:
    """Do what is wanted with everybody who is named. Raises when PostgreSQL is away before anything was done."""
    result = BulkResult()
    deadline = time.monotonic() + PATIENCE
    for group in _groups(find_named(project_id, names)):
        if result.found and time.monotonic() >= deadline:
            for person in group:
                _note_failure(result, person, "others took too long")
            continue
        try:
            _do(result, project_id, group, wanted, user_id)
        except _FAILURES as error:
            if len(group) == 1:
                _note_failure(result, group[0], error)
                continue
            logger.warning("persons are deleted one by one: %s", error)
            for person in group:
                _try_one(result, project_id, person, wanted, user_id, is_late=time.monotonic() >= deadline)
    return result


_COUNT_IDS = "(SELECT count(*) FROM core_persondistinctid m WHERE m.person_id = p.id)"
_BY_KEY = f"""
SELECT p.uuid, {_COUNT_IDS}, p.id, p.uuid FROM core_person p
WHERE p.project_id = %s AND (p.uuid = ANY(%s) OR p.id = ANY(%s)) ORDER BY p.id
"""  # noqa: S608 - constants
_BY_ID = f"""
SELECT p.uuid, {_COUNT_IDS}, i.distinct_id
FROM core_persondistinctid i JOIN core_person p ON p.id = i.person_id
WHERE i.project_id = %s AND i.distinct_id = ANY(%s) ORDER BY p.id
"""  # noqa: S608 - constants


def find_named(project_id: int, names: Names) -> list[Person]:
    """The persons whom ``names`` name, each once."""
    uuids = [key for key in names.keys if isinstance(key, UUID)]
    pks = [key for key in names.keys if isinstance(key, int)]
    ids: dict[UUID, int] = {}
    matched: dict[UUID, list[Any]] = defaultdict(list)
    with connection.cursor() as cursor:
        if names.distinct_ids:
            cursor.execute(_BY_ID, [project_id, list(names.distinct_ids)])
        else:
            cursor.execute(_BY_KEY, [project_id, uuids, pks])
        for uuid, count, *found in cursor.fetchall():
            ids[uuid] = count
            matched[uuid] += found
    if names.distinct_ids:
        return [Person(uuid, ids[uuid], Names(distinct_ids=found)) for uuid, found in matched.items()]
    asked = set(names.keys)
    return [
        Person(uuid, ids[uuid], Names(keys=[key for key in found if key in asked]))
        for uuid, found in matched.items()
    ]


def _groups(persons: Sequence[Person]) -> Iterator[list[Person]]:
    group: list[Person] = []
    ids = 0
    for person in persons:
        if group and (len(group) == GROUP_PERSONS or ids + person.ids > GROUP_IDS):
            yield group
            group, ids = [], 0
        group.append(person)
        ids += person.ids
    if group:
        yield group


def _try_one(
    result: BulkResult, project_id: int, person: Person, wanted: Wanted, user_id: int | None, *, is_late: bool
) -> None:
    try:
        if is_late:
            raise TooMuchContention
        _do(result, project_id, [person], wanted, user_id)
    except _FAILURES as error:
        _note_failure(result, person, error)


def _note_failure(result: BulkResult, person: Person, error: object) -> None:
    logger.warning("person %s could not be deleted: %s", person.uuid, error)
    result.found += 1
    result.failed.append(person.uuid)
    result.matched.update(person.names.keys, person.names.distinct_ids)


def _do(
    result: BulkResult, project_id: int, group: Sequence[Person], wanted: Wanted, user_id: int | None
) -> None:
    """One transaction; nothing is added to ``result`` unless it is committed."""
    keys = [key for person in group for key in person.names.keys]
    distinct_ids = [one for person in group for one in person.names.distinct_ids]

    def work(cursor: CursorWrapper) -> tuple[list[DeletedPerson], list[Any]]:
        cursor.execute(_LOCK_WAIT)
        if not distinct_ids:
            persons = lock_persons(cursor, project_id, [person.uuid for person in group])
            there = {name for person in persons for name in (person.id, person.uuid)}
            matched: list[Any] = [key for key in keys if key in there]
        else:
            owners = _owners(cursor, project_id, distinct_ids)
            persons = lock_persons(cursor, project_id, list(set(owners.values())))
            # Until they were locked, a merge or a split may have moved an id.
            if owners != _owners(cursor, project_id, distinct_ids):
                raise Conflict
            matched = list(owners)
        if wanted.keep_person:
            if wanted.delete_events:
                _erase_events(cursor, project_id, persons, user_id)
        else:
            delete_locked(cursor, project_id, persons, user_id, delete_events=wanted.delete_events)
        return persons, matched

    persons, matched = change_persons(project_id, work)
    result.found += len(persons)
    result.deleted += 0 if wanted.keep_person else len(persons)
    result.matched.update(matched)


_LOCK_WAIT = f"SET LOCAL lock_timeout = {LOCK_WAIT}"
_OWNERS = """
SELECT i.distinct_id, p.uuid FROM core_persondistinctid i JOIN core_person p ON p.id = i.person_id
WHERE i.project_id = %s AND i.distinct_id = ANY(%s)
"""


def _owners(cursor: CursorWrapper, project_id: int, distinct_ids: Sequence[str]) -> dict[str, UUID]:
    cursor.execute(_OWNERS, [project_id, list(distinct_ids)])
    return dict(cursor.fetchall())


_IDS = """
SELECT person_id, distinct_id FROM core_persondistinctid WHERE project_id = %s AND person_id = ANY(%s)
"""


def _erase_events(
    cursor: CursorWrapper, project_id: int, persons: Sequence[DeletedPerson], user_id: int | None
) -> None:
    """Have the events erased of persons who stay and are locked."""
    if not persons:
        return
    ids: dict[int, list[ErasedId]] = defaultdict(list)
    cursor.execute(_IDS, [project_id, [person.id for person in persons]])
    for person_id, distinct_id in cursor.fetchall():
        ids[person_id].append(ErasedId(distinct_id, None))
    request_erasure(
        cursor,
        project_id,
        [Erasure(person.uuid, ids[person.id], []) for person in persons],
        erases_person=False,
        erases_events=True,
        user_id=user_id,
    )


@dataclass(frozen=True, slots=True)
class Preview:
    """What would go: ``events`` is null when events would stay."""

    persons: int
    distinct_ids: int
    events: int | None
    matched: set[UUID | int | str]


def preview(*, project_id: int, names: Names, wanted: Wanted) -> Preview:
    """What ``bulk_delete`` would do. Nothing changes. Raises ``ClickHouseUnavailable`` or ``QueryTooHeavy``."""
    persons = find_named(project_id, names)
    matched = {name for person in persons for name in (*person.names.keys, *person.names.distinct_ids)}
    events = _count_events(project_id, persons) if wanted.delete_events else None
    stays = wanted.keep_person
    return Preview(
        persons=0 if stays else len(persons),
        distinct_ids=0 if stays else sum(person.ids for person in persons),
        events=events,
        matched=matched,
    )


_IDS_OF = """
SELECT m.distinct_id FROM core_persondistinctid m JOIN core_person p ON p.id = m.person_id
WHERE p.project_id = %s AND p.uuid = ANY(%s)
"""
_WAITING = """
SELECT (SELECT count(*) FROM core_eventbuffer WHERE project_id = %(project)s AND distinct_id = ANY(%(ids)s)), ARRAY(
    SELECT (line::json ->> 'uuid')::uuid FROM core_eventbuffer
    WHERE project_id = %(project)s AND distinct_id = ANY(%(ids)s) ORDER BY id LIMIT %(most)s
)
"""
#: Waiting events of the persons that are looked for in ClickHouse, too: the oldest, for these are being sent.
_MOST_SENT = 4_000


def _count_events(project_id: int, persons: Sequence[Person]) -> int:
    """Also those that are on their way to ClickHouse; one that has just arrived there may still wait here."""
    with connection.cursor() as cursor:
        cursor.execute(_IDS_OF, [project_id, [person.uuid for person in persons]])
        distinct_ids = [distinct_id for (distinct_id,) in cursor.fetchall()]
        cursor.execute(_WAITING, {"project": project_id, "ids": distinct_ids, "most": _MOST_SENT})
        waiting, oldest = cursor.fetchone()
        return int(waiting) + about_ids.count_events(project_id, distinct_ids, but=oldest)
