"""Takes events: persons, distinct ids and properties change, events and changes queue for ClickHouse, in one
transaction.

Why there is no query per event: the request's distinct ids are loaded at once, ``core.identity.resolve``
decides in memory, and what came out is written in a handful of statements whatever the number of events.

Why nothing is locked at first: most events change nobody. Persons that do change are locked in the order of
their ids and their version is compared with what was read; if another request was faster, everything is
rolled back and done again on fresh reads. New persons and ids rely on unique constraints in the same way.
From the third try on requests of a project queue up, so that the last try succeeds.
"""

import random
import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import orjson
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.utils import IntegrityError, OperationalError
from psycopg.errors import DeadlockDetected, SerializationFailure

from core.events.event import Event
from core.identity.ids import split_uuid
from core.identity.resolve import DEATH_STEP, Identities, Mapping, PersonState, Placed
from core.models import Outbox
from core.outbox.append import BufferRow, append_events, append_lines
from core.outbox.lines import event_line, override_line, person_line
from core.outbox.wake import wake_delivery

TRIES = 8
_QUEUE_FROM = 2


class Conflict(Exception):
    """Another request changed the same persons meanwhile; read again."""


def capture(*, project_id: int, events: Sequence[Event], received: datetime) -> None:
    """Store ``events`` and what they do to persons. When this returns they are durable; when it raises,
    nothing was stored.
    """
    for attempt in range(TRIES):
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                if attempt >= _QUEUE_FROM:
                    cursor.execute("SELECT pg_advisory_xact_lock(%s)", [project_id])
                _capture_once(cursor, project_id, events, received)
            break
        except (Conflict, IntegrityError) as error:
            _wait_or_give_up(attempt, error)
        except OperationalError as error:
            if not isinstance(error.__cause__, DeadlockDetected | SerializationFailure):
                raise
            _wait_or_give_up(attempt, error)
    wake_delivery()


def _wait_or_give_up(attempt: int, error: Exception) -> None:
    if attempt == TRIES - 1:
        raise error
    time.sleep(random.uniform(0, 0.01 * 2**attempt))  # noqa: S311 - spreads retries, keeps no secret


def _capture_once(
    cursor: CursorWrapper, project_id: int, events: Sequence[Event], received: datetime
) -> None:
    identities = load(cursor, project_id, _ids_of(events))
    identities.take(events)
    write(cursor, identities)
    append_events(cursor, (_buffer_row(project_id, placed, received) for placed in identities.placed))


def _buffer_row(project_id: int, placed: Placed, received: datetime) -> BufferRow:
    """The event with the person that it ended up with: one that merged away in the same request was never
    stored.
    """
    uuid = placed.person.now().uuid if placed.person else placed.person_uuid
    line = event_line(
        placed.event, project_id=project_id, person_uuid=uuid, mode=placed.mode, received=received
    )
    return project_id, placed.event.distinct_id, uuid, line


def _ids_of(events: Iterable[Event]) -> list[str]:
    ids = {event.distinct_id for event in events}
    ids |= {event.other_id for event in events if event.other_id is not None and "\0" not in event.other_id}
    return list(ids)


_LOAD = """
SELECT m.distinct_id, m.version,
    p.id, p.uuid, p.properties::text, p.created_at, p.is_identified, p.version, p.last_seen_at
FROM core_persondistinctid m JOIN core_person p ON p.id = m.person_id
WHERE m.project_id = %s AND m.distinct_id = ANY(%s)
"""


def load(cursor: CursorWrapper, project_id: int, distinct_ids: list[str]) -> Identities:
    """What PostgreSQL knows about ``distinct_ids``."""
    cursor.execute(_LOAD, [project_id, distinct_ids])
    persons: dict[int, PersonState] = {}
    identities = Identities(project_id)
    for distinct_id, mapping_version, person_id, *row in cursor.fetchall():
        if person_id not in persons:
            persons[person_id] = _person_state(person_id, row)
        identities.mappings[distinct_id] = Mapping(persons[person_id], mapping_version, stored=True)
    return identities


def _person_state(person_id: int, row: list[Any]) -> PersonState:
    uuid, properties, created_at, is_identified, version, last_seen_at = row
    return PersonState(
        uuid=uuid,
        properties=orjson.loads(properties),
        created_at=created_at,
        is_identified=is_identified,
        version=version,
        last_seen_at=last_seen_at,
        id=person_id,
        stored_version=version,
    )


def write(cursor: CursorWrapper, identities: Identities) -> None:
    """Make PostgreSQL agree with ``identities`` and queue the changes for ClickHouse. Raises ``Conflict``."""
    changed = [
        person
        for person in identities.stored_persons()
        if person.merged_into is None and (person.is_changed or person.is_seen_later)
    ]
    _lock(cursor, changed, [merge.loser for merge in identities.merges])
    born = [person for person in identities.born if person.merged_into is None]
    _insert_persons(cursor, identities, born)
    moved = _merge_persons(cursor, identities)
    _insert_mappings(cursor, identities)
    _update_persons(cursor, changed)
    _append_changes(cursor, identities, born, changed, moved)


_LOCK = "SELECT id, version FROM core_person WHERE id = ANY(%s) ORDER BY id FOR {strength}"


def _lock(cursor: CursorWrapper, changed: list[PersonState], losers: list[PersonState]) -> None:
    """Lock every stored person that will change, in the order of ids, and see that none was changed since it
    was read.
    """
    expected = {person.id: person.stored_version for person in (*changed, *losers)}
    if not expected:
        return
    # A person that disappears must not gain an id meanwhile: only the stronger lock conflicts with the check
    # of a foreign key.
    strength = "UPDATE" if losers else "NO KEY UPDATE"
    cursor.execute(_LOCK.format(strength=strength), [list(expected)])
    if dict(cursor.fetchall()) != expected:
        raise Conflict


_TAKEN_UUIDS = """
SELECT uuid, version, true FROM core_person WHERE project_id = %(project_id)s AND uuid = ANY(%(uuids)s)
UNION ALL
SELECT uuid, version, false FROM core_persontombstone
WHERE project_id = %(project_id)s AND uuid = ANY(%(uuids)s)
"""

# Rows travel as one JSON text: as arrays, every text in them would be quoted twice in Python, at several times
# the cost of everything else here.
_INSERT_PERSONS = """
INSERT INTO core_person (project_id, uuid, properties, is_identified, version, created_at, last_seen_at)
SELECT %s, uuid, properties, is_identified, version, created_at, last_seen_at
FROM json_to_recordset(%s) AS new (
    uuid uuid, properties jsonb, is_identified boolean, version bigint, created_at timestamptz, last_seen_at timestamptz
)
ON CONFLICT DO NOTHING
RETURNING uuid, id
"""


def _insert_persons(cursor: CursorWrapper, identities: Identities, born: list[PersonState]) -> None:
    if not born:
        return
    _settle_uuids(cursor, identities, born)
    # Two requests that make the same persons must meet them in the same order.
    born.sort(key=lambda person: person.uuid)
    rows = [
        {
            "uuid": person.uuid,
            "properties": person.properties,
            "is_identified": person.is_identified,
            "version": person.version,
            "created_at": person.created_at,
            "last_seen_at": person.last_seen_at,
        }
        for person in born
    ]
    cursor.execute(_INSERT_PERSONS, [identities.project_id, _json(rows)])
    ids: dict[UUID, int] = dict(cursor.fetchall())
    if len(ids) != len(born):
        raise Conflict
    for person in born:
        person.id = ids[person.uuid]


def _json(rows: list[dict[str, Any]]) -> str:
    return orjson.dumps(rows).decode()


def _settle_uuids(cursor: CursorWrapper, identities: Identities, born: list[PersonState]) -> None:
    """A uuid that died starts above its death; one that is alive without its first distinct id is left alone."""
    first_ids = {
        mapping.person.uuid: distinct_id
        for distinct_id, mapping in identities.mappings.items()
        if mapping.person.id is None and mapping.version == 0
    }
    candidates = [person.uuid for person in born]
    candidates += [split_uuid(identities.project_id, distinct_id) for distinct_id in first_ids.values()]
    cursor.execute(_TAKEN_UUIDS, {"project_id": identities.project_id, "uuids": candidates})
    rows = cursor.fetchall()
    alive = {uuid for uuid, _, is_alive in rows if is_alive}
    died_at = {uuid: version for uuid, version, is_alive in rows if not is_alive}
    for person in born:
        if person.uuid in alive:
            person.uuid = split_uuid(identities.project_id, first_ids[person.uuid])
            if person.uuid in alive:
                person.uuid = uuid4()
        if person.uuid in died_at:
            person.version = max(person.version, died_at[person.uuid] + 1)


_INSERT_MAPPINGS = """
INSERT INTO core_persondistinctid (project_id, distinct_id, person_id, version)
SELECT %s, distinct_id, person_id, version
FROM json_to_recordset(%s) AS new (distinct_id text, person_id bigint, version bigint)
ON CONFLICT DO NOTHING
"""


def _insert_mappings(cursor: CursorWrapper, identities: Identities) -> None:
    # In the order of attachment, which is the order in which ids are shown.
    rows = [
        {"distinct_id": distinct_id, "person_id": mapping.person.id, "version": mapping.version}
        for distinct_id, mapping in identities.mappings.items()
        if not mapping.stored
    ]
    if not rows:
        return
    cursor.execute(_INSERT_MAPPINGS, [identities.project_id, _json(rows)])
    if cursor.rowcount != len(rows):
        raise Conflict


_MOVE_MAPPINGS = """
UPDATE core_persondistinctid SET person_id = %s, version = version + 1
WHERE project_id = %s AND person_id = %s
RETURNING distinct_id, version
"""

_BURY = """
INSERT INTO core_persontombstone (project_id, uuid, version) VALUES (%s, %s, %s)
ON CONFLICT (project_id, uuid) DO UPDATE SET version = greatest(core_persontombstone.version, excluded.version)
"""

_DELETE_PERSON = "DELETE FROM core_person WHERE project_id = %s AND id = %s"


def _merge_persons(cursor: CursorWrapper, identities: Identities) -> dict[str, tuple[UUID, int]]:
    """Move the ids of each loser to its survivor and delete it; the ids moved, with their new person and
    version.
    """
    moved: dict[str, tuple[UUID, int]] = {}
    for merge in identities.merges:
        survivor, loser = merge.survivor.now(), merge.loser
        cursor.execute(_MOVE_MAPPINGS, [survivor.id, identities.project_id, loser.id])
        moved |= {distinct_id: (survivor.uuid, version) for distinct_id, version in cursor.fetchall()}
        cursor.execute(_BURY, [identities.project_id, loser.uuid, loser.version + DEATH_STEP])
        cursor.execute(_DELETE_PERSON, [identities.project_id, loser.id])
    return moved


_UPDATE_PERSONS = """
UPDATE core_person AS p
SET properties = coalesce(new.properties, p.properties),
    is_identified = new.is_identified, version = new.version,
    created_at = new.created_at,
    -- Being seen changes no version, so another request may have seen the person later.
    last_seen_at = greatest(p.last_seen_at, new.last_seen_at)
FROM json_to_recordset(%s) AS new (
    id bigint, properties jsonb, is_identified boolean, version bigint, created_at timestamptz, last_seen_at timestamptz
)
WHERE p.id = new.id
"""


def _update_persons(cursor: CursorWrapper, persons: list[PersonState]) -> None:
    if not persons:
        return
    rows = [
        {
            "id": person.id,
            "properties": person.properties if person.is_changed else None,
            "is_identified": person.is_identified,
            "version": person.version,
            "created_at": person.created_at,
            "last_seen_at": person.last_seen_at,
        }
        for person in persons
    ]
    cursor.execute(_UPDATE_PERSONS, [_json(rows)])


def _append_changes(
    cursor: CursorWrapper,
    identities: Identities,
    born: list[PersonState],
    changed: list[PersonState],
    moved: dict[str, tuple[UUID, int]],
) -> None:
    project_id = identities.project_id
    persons = [_line_of(project_id, person) for person in born]
    persons += [_line_of(project_id, person) for person in changed if person.is_changed]
    persons += [_line_of(project_id, merge.loser, is_deleted=True) for merge in identities.merges]
    attached = {
        distinct_id: (mapping.person.uuid, mapping.version)
        for distinct_id, mapping in identities.mappings.items()
        if not mapping.stored and mapping.version > 0
    }
    overrides = [
        override_line(project_id=project_id, distinct_id=distinct_id, person_uuid=uuid, version=version)
        for distinct_id, (uuid, version) in (attached | moved).items()
    ]
    append_lines(cursor, project_id, Outbox.Target.PERSON, persons)
    append_lines(cursor, project_id, Outbox.Target.OVERRIDE, overrides)


def _line_of(project_id: int, person: PersonState, *, is_deleted: bool = False) -> str:
    return person_line(
        project_id=project_id,
        uuid=person.uuid,
        created_at=person.created_at,
        properties=person.properties,
        is_identified=person.is_identified,
        version=person.version + (DEATH_STEP if is_deleted else 0),
        is_deleted=is_deleted,
    )
