"""PostgreSQL's side of ``core.identity.resolve``: what is known about distinct ids, and what became of them.

Nothing is locked at first, for most events change nobody. Persons that do change are locked in the order of
their ids and their version is compared with what was read; ``Conflict`` says that somebody was faster. New
persons and ids rely on unique constraints in the same way. Callers run inside
``core.services.transaction.change_persons``, which tries again on fresh reads.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import orjson
from django.db.backends.utils import CursorWrapper

from core.exceptions import ProjectNotFound
from core.identity.ids import split_uuid
from core.identity.resolve import Identities, Mapping, PersonState
from core.insert_rows import insert_rows
from core.models import Outbox
from core.outbox.append import append_changes
from core.outbox.lines import override_line, person_line
from core.services.bury import bury
from core.services.journal import note_merge
from core.services.memberships import move_memberships
from core.services.transaction import Conflict
from core.services.webhooks.tell import merged, tell, updated

# No row at all says that there is no such project: who deleted it while somebody still had its token must be seen here,
# in the transaction that would store something (``core.services.purge_project``). The lock lets a request pass that
# others were faster than (``core.services.transaction``): a large one about new persons would never come to its end.
_LOAD = """
SELECT found.* FROM core_project known LEFT JOIN (
    SELECT m.distinct_id, m.version AS mapping_version,
        p.id, p.uuid, p.properties::text, p.created_at, p.is_identified, p.version, p.last_seen_at
    FROM core_persondistinctid m JOIN core_person p ON p.id = m.person_id
    WHERE m.project_id = %(project_id)s
      AND m.distinct_id = ANY(ARRAY(SELECT json_array_elements_text(%(distinct_ids)s)))
) found ON true
WHERE known.id = %(project_id)s AND known.deleted_at IS NULL
    AND (SELECT pg_advisory_xact_lock_shared(%(project_id)s)) IS NOT NULL
"""


def load(cursor: CursorWrapper, project_id: int, distinct_ids: list[str]) -> Identities:
    """What PostgreSQL knows about ``distinct_ids``. Raises ``ProjectNotFound``."""
    cursor.execute(_LOAD, {"project_id": project_id, "distinct_ids": _json(distinct_ids)})
    rows = cursor.fetchall()
    if not rows:
        raise ProjectNotFound
    persons: dict[int, PersonState] = {}
    identities = Identities(project_id)
    for distinct_id, mapping_version, person_id, *row in rows:
        if distinct_id is None:
            continue
        if person_id not in persons:
            persons[person_id] = person_state(person_id, row)
        identities.mappings[distinct_id] = Mapping(persons[person_id], mapping_version, stored=True)
    return identities


def person_state(person_id: int, row: Sequence[Any]) -> PersonState:
    """A stored person. ``row``: uuid, properties, created_at, is_identified, version, last_seen_at."""
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
    project_id = identities.project_id
    is_watched = _lock(cursor, project_id, changed, [merge.loser for merge in identities.merges])
    born = [person for person in identities.born if person.merged_into is None]
    is_watched = _insert_persons(cursor, identities, born) or is_watched
    moved = _merge_persons(cursor, identities)
    _insert_mappings(cursor, identities)
    _update_persons(cursor, changed)
    _append_changes(cursor, identities, born, changed, _flat(moved))
    if is_watched:
        _tell(cursor, identities, born, changed, moved)


# Whether webhooks are told: asked along with what is asked anyhow when something changes. What changes nothing pays
# nothing.
_IS_WATCHED = "EXISTS (SELECT 1 FROM core_webhook w WHERE w.project_id = %s AND w.enabled)"
_LOCK = f"SELECT {_IS_WATCHED}, id, version FROM core_person WHERE id = ANY(%s) ORDER BY id FOR {{strength}}"  # noqa: S608


def _lock(
    cursor: CursorWrapper, project_id: int, changed: list[PersonState], losers: list[PersonState]
) -> bool:
    """Lock every stored person that will change, in the order of their numbers, and see that none was changed since it
    was read. Whether webhooks are told of it.
    """
    expected = {person.id: person.stored_version for person in (*changed, *losers)}
    if not expected:
        return False
    # A person that disappears must not gain an id meanwhile: only the stronger lock conflicts with the check
    # of a foreign key.
    strength = "UPDATE" if losers else "NO KEY UPDATE"
    cursor.execute(_LOCK.format(strength=strength), [project_id, list(expected)])
    rows = cursor.fetchall()
    if {person_id: version for _, person_id, version in rows} != expected:
        raise Conflict
    return bool(rows[0][0])


_NEW_IDS = f"SELECT {_IS_WATCHED}, nextval('core_person_id_seq') FROM generate_series(1, %s)"  # noqa: S608 - a constant
_PERSON_COLUMNS = (
    "id",
    "project_id",
    "uuid",
    "properties",
    "is_identified",
    "version",
    "created_at",
    "last_seen_at",
)


def _insert_persons(cursor: CursorWrapper, identities: Identities, born: list[PersonState]) -> bool:
    """Store new persons; whether webhooks are told of them."""
    if not born:
        return False
    _settle_uuids(cursor, identities, born)
    # Two requests that make the same persons must meet them in the same order.
    born.sort(key=lambda person: person.uuid)
    cursor.execute(_NEW_IDS, [identities.project_id, len(born)])
    new_ids = cursor.fetchall()
    for person, (_, new_id) in zip(born, new_ids, strict=True):
        person.id = new_id
    rows = (
        (
            person.id,
            identities.project_id,
            person.uuid,
            orjson.dumps(person.properties).decode(),
            person.is_identified,
            person.version,
            person.created_at,
            person.last_seen_at,
        )
        for person in born
    )
    insert_rows(cursor, "core_person", _PERSON_COLUMNS, rows)
    return bool(new_ids[0][0])


def _json(values: list[Any]) -> str:
    """A list as one parameter: as an array, every text in it would be quoted in Python, at many times the cost."""
    return orjson.dumps(values).decode()


# Where nobody has died yet, which is asked once, nobody is looked for among the dead.
_TAKEN_UUIDS = """
SELECT uuid, version, true FROM core_person
WHERE project_id = %(project_id)s AND uuid = ANY(ARRAY(SELECT json_array_elements_text(%(uuids)s)::uuid))
UNION ALL
SELECT uuid, version, false FROM core_persontombstone
WHERE project_id = %(project_id)s AND uuid = ANY(ARRAY(SELECT json_array_elements_text(%(uuids)s)::uuid))
    AND EXISTS (SELECT 1 FROM core_persontombstone WHERE project_id = %(project_id)s)
"""


def _taken(cursor: CursorWrapper, project_id: int, uuids: list[UUID]) -> tuple[set[UUID], dict[UUID, int]]:
    """Those of ``uuids`` that are alive, and the versions at which others died."""
    cursor.execute(_TAKEN_UUIDS, {"project_id": project_id, "uuids": _json(uuids)})
    rows = cursor.fetchall()
    alive = {uuid for uuid, _, is_alive in rows if is_alive}
    return alive, {uuid: version for uuid, version, is_alive in rows if not is_alive}


def _settle_uuids(cursor: CursorWrapper, identities: Identities, born: list[PersonState]) -> None:
    """A uuid that died starts above its death; one that is alive without its first distinct id is left alone. Raises
    ``Conflict``.
    """
    alive, died_at = _taken(cursor, identities.project_id, [person.uuid for person in born])
    if alive:
        first_ids = {
            mapping.person.uuid: (distinct_id, mapping)
            for distinct_id, mapping in identities.mappings.items()
            if mapping.person.id is None and mapping.version == 0
        }
        homeless = [person for person in born if person.uuid in alive]
        # One id can look like the split of another one.
        given = {person.uuid for person in born} - alive
        for person in homeless:
            if person.uuid not in first_ids:  # it was brought along from elsewhere, and is here by now
                raise Conflict
            distinct_id, mapping = first_ids[person.uuid]
            person.uuid = split_uuid(identities.project_id, distinct_id)
            # Events of the id without a profile carry the uuid that is somebody else's.
            mapping.version = 1
        alive, died_too = _taken(cursor, identities.project_id, [person.uuid for person in homeless])
        died_at |= died_too
        for person in homeless:
            if person.uuid in alive | given:
                person.uuid = uuid4()
    for person in born:
        if person.uuid in died_at:
            person.version = max(person.version, died_at[person.uuid] + 1)


# An id that died starts above its death. (Who loads an id that is about to die sees it alive, and learns at the lock
# that its person has changed: so this sees every death that matters.)
_DIED_AT = """
SELECT new.distinct_id, dead.version FROM json_array_elements_text(%(distinct_ids)s) AS new (distinct_id)
JOIN core_distinctidtombstone dead
    ON dead.project_id = %(project_id)s AND dead.digest = substr(sha256(convert_to(new.distinct_id, 'UTF8')), 1, 16)
WHERE EXISTS (SELECT 1 FROM core_distinctidtombstone WHERE project_id = %(project_id)s)
"""


def _insert_mappings(cursor: CursorWrapper, identities: Identities) -> None:
    new = {distinct_id: mapping for distinct_id, mapping in identities.mappings.items() if not mapping.stored}
    if not new:
        return
    cursor.execute(_DIED_AT, {"distinct_ids": _json(list(new)), "project_id": identities.project_id})
    for distinct_id, version in cursor.fetchall():
        new[distinct_id].version = max(new[distinct_id].version, version + 1)
    # In the order of attachment, which is the order in which ids are shown. One that somebody else has attached
    # meanwhile is an ``IntegrityError``, after which everything is read again.
    rows = (
        (identities.project_id, distinct_id, mapping.person.id, mapping.version)
        for distinct_id, mapping in new.items()
    )
    insert_rows(cursor, "core_persondistinctid", ("project_id", "distinct_id", "person_id", "version"), rows)


_MOVE_MAPPINGS = """
UPDATE core_persondistinctid SET person_id = %s, version = version + 1
WHERE project_id = %s AND person_id = %s
RETURNING distinct_id, version
"""


def _merge_persons(cursor: CursorWrapper, identities: Identities) -> dict[UUID, dict[str, tuple[UUID, int]]]:
    """Move the ids of each loser to its survivor and delete it; the ids moved, by loser, with their new person and
    version.
    """
    moved: dict[UUID, dict[str, tuple[UUID, int]]] = {}
    for merge in identities.merges:
        survivor, loser = merge.survivor.now(), merge.loser
        cursor.execute(_MOVE_MAPPINGS, [survivor.id, identities.project_id, loser.id])
        now_theirs = {distinct_id: (survivor.uuid, version) for distinct_id, version in cursor.fetchall()}
        memberships = move_memberships(cursor, identities.project_id, loser.id, survivor.id)
        bury(cursor, identities.project_id, [loser.id])
        note_merge(cursor, identities.project_id, merge, list(now_theirs), memberships)
        moved[loser.uuid] = now_theirs
    return moved


def _flat(moved: dict[UUID, dict[str, tuple[UUID, int]]]) -> dict[str, tuple[UUID, int]]:
    return {distinct_id: where for ids in moved.values() for distinct_id, where in ids.items()}


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
    new = {
        distinct_id: (mapping.person.uuid, mapping.version)
        for distinct_id, mapping in identities.mappings.items()
        if not mapping.stored
    }
    ids: dict[bool, list[str]] = {False: [], True: []}
    for distinct_id, (uuid, version) in (new | moved).items():
        ids[version > 0].append(
            override_line(project_id=project_id, distinct_id=distinct_id, person_uuid=uuid, version=version)
        )
    append_changes(
        cursor,
        project_id,
        {
            Outbox.Target.PERSON: persons,
            Outbox.Target.FIRST_ID: ids[False],
            Outbox.Target.OVERRIDE: ids[True],
        },
    )


def _tell(
    cursor: CursorWrapper,
    identities: Identities,
    born: list[PersonState],
    changed: list[PersonState],
    moved: dict[UUID, dict[str, tuple[UUID, int]]],
) -> None:
    merges = [
        merged(merge.survivor.now().uuid, merge.loser.uuid, list(moved[merge.loser.uuid]))
        for merge in identities.merges
    ]
    updates = [updated(person.uuid) for person in (*born, *(one for one in changed if one.is_changed))]
    tell(cursor, identities.project_id, [*merges, *updates])


def _line_of(project_id: int, person: PersonState) -> str:
    return person_line(
        project_id=project_id,
        uuid=person.uuid,
        created_at=person.created_at,
        properties=person.properties,
        is_identified=person.is_identified,
        version=person.version,
    )
