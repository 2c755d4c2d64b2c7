"""Takes back the last merge into a person, or its last split, to exactly the state before it."""

from dataclasses import dataclass, replace
from typing import Any, NoReturn
from uuid import UUID

import orjson
from django.db.backends.utils import CursorWrapper

from core.exceptions import RequestError
from core.models import IdentityChange, Outbox
from core.outbox.append import append_lines
from core.outbox.lines import override_line, person_line
from core.services.bury import bury
from core.services.journal import MergeState, PersonBefore, SplitPart, forget_changes, read_merge, read_split
from core.services.memberships import end_memberships, give_back_memberships
from core.services.record_activity import Activity, person_change, record_activity
from core.services.stored_person import StoredPerson, lock_person
from core.services.transaction import change_persons
from core.services.webhooks.tell import merged, split, tell, updated


class CannotUndo(RequestError):
    """There is nothing to take back, or what happened since stands in the way."""

    status = 409
    type = "invalid_request"
    code = "cannot_undo"


@dataclass(frozen=True, slots=True)
class Undone:
    """What was taken back, and the persons who are there again (merge) or gone (split)."""

    kind: IdentityChange.Kind
    uuids: list[UUID]


def undo(*, project_id: int, key: UUID | int, user_id: int | None, dry_run: bool = False) -> Undone:
    """Take back the last merge or split of the person with this uuid or pk. With ``dry_run`` nothing changes.

    Raises ``PersonNotFound``, and ``CannotUndo`` with the reason.
    """
    return change_persons(project_id, lambda cursor: _undo(cursor, project_id, key, user_id), dry_run=dry_run)


_LAST = """
SELECT id, kind, version_before, version_after, state::text FROM core_identitychange
WHERE project_id = %s AND person_id = %s ORDER BY id DESC LIMIT 1
"""

_DONE = "DELETE FROM core_identitychange WHERE project_id = %s AND id = %s"

# What came before can be taken back next: the person is again what that left.
_REARM = """
UPDATE core_identitychange SET version_after = %(now)s
WHERE project_id = %(project_id)s AND person_id = %(person_id)s AND version_after = %(before)s
"""


def _undo(cursor: CursorWrapper, project_id: int, key: UUID | int, user_id: int | None) -> Undone:
    person = lock_person(cursor, project_id, key)
    cursor.execute(_LAST, [project_id, person.id])
    row = cursor.fetchone()
    if row is None:
        _refuse("Nothing was merged into this person or split from it that could be taken back.")
    change_id, kind, before, after, text = row
    if person.version != after:
        _refuse("The person has changed since.")
    state: dict[str, Any] = orjson.loads(text)
    if kind == IdentityChange.Kind.MERGE:
        uuids = _undo_merge(cursor, project_id, person, read_merge(state))
    else:
        uuids = _undo_split(cursor, project_id, person, read_split(state))
    cursor.execute(_DONE, [project_id, change_id])
    _rearm(cursor, project_id, person.id, before, person.version + 1)
    record_activity(
        project_id=project_id,
        user_id=user_id,
        activities=[
            Activity("Person", f"undo_{kind}", person.id, str(person.uuid), [person_change("changed")])
        ],
    )
    return Undone(IdentityChange.Kind(kind), uuids)


def _rearm(cursor: CursorWrapper, project_id: int, person_id: int, before: int, now: int) -> None:
    cursor.execute(_REARM, {"project_id": project_id, "person_id": person_id, "before": before, "now": now})


def _refuse(reason: str) -> NoReturn:
    raise CannotUndo(reason)


_TAKEN = "SELECT 1 FROM core_person WHERE project_id = %s AND (uuid = %s OR id = %s)"

_REVIVE = """
INSERT INTO core_person (id, project_id, uuid, properties, is_identified, version, created_at, last_seen_at)
SELECT %(id)s, %(project_id)s, %(uuid)s, %(properties)s, %(is_identified)s,
    (SELECT version + 1 FROM core_persontombstone WHERE project_id = %(project_id)s AND uuid = %(uuid)s),
    %(created_at)s, %(last_seen_at)s
RETURNING version
"""

_RETURN_IDS = """
UPDATE core_persondistinctid SET person_id = %(to)s, version = version + 1
WHERE project_id = %(project_id)s AND person_id = ANY(%(from)s)
    AND distinct_id IN (SELECT json_array_elements_text(%(distinct_ids)s))
RETURNING distinct_id, version
"""

_RESTORE = """
UPDATE core_person SET properties = %(properties)s, created_at = %(created_at)s, is_identified = %(is_identified)s,
    version = %(version)s
WHERE project_id = %(project_id)s AND id = %(id)s
"""

_GIVE_BACK_CHANGES = "UPDATE core_identitychange SET owner_id = %s WHERE project_id = %s AND id = ANY(%s)"


def _undo_merge(
    cursor: CursorWrapper, project_id: int, survivor: StoredPerson, state: MergeState
) -> list[UUID]:
    loser = state.loser
    cursor.execute(_TAKEN, [project_id, loser.uuid, loser.id])
    if cursor.fetchone():
        _refuse("The person that was merged into this one has come into being again.")
    version = _revive(cursor, project_id, loser)
    _rearm(cursor, project_id, loser.id, loser.version, version)
    _move_ids(cursor, project_id, state.distinct_ids, [survivor.id], loser.id, loser.uuid)
    give_back_memberships(cursor, project_id, loser.id, survivor.id, state.memberships)
    cursor.execute(_GIVE_BACK_CHANGES, [loser.id, project_id, state.inherited])
    _write(cursor, project_id, replace(state.survivor, id=survivor.id), survivor.version + 1)
    append_lines(cursor, project_id, Outbox.Target.PERSON, [_line(project_id, loser, version)])
    happened = split(survivor.uuid, [(loser.uuid, state.distinct_ids)])
    tell(cursor, project_id, [happened, updated(survivor.uuid), updated(loser.uuid)])
    return [loser.uuid]


def _revive(cursor: CursorWrapper, project_id: int, person: PersonBefore) -> int:
    cursor.execute(
        _REVIVE,
        {
            "project_id": project_id,
            "id": person.id,
            "uuid": person.uuid,
            "properties": orjson.dumps(person.properties).decode(),
            "is_identified": person.is_identified,
            "created_at": person.created_at,
            "last_seen_at": person.last_seen_at,
        },
    )
    return int(cursor.fetchone()[0])


def _line(project_id: int, person: PersonBefore | StoredPerson, version: int) -> str:
    return person_line(
        project_id=project_id,
        uuid=person.uuid,
        created_at=person.created_at,
        properties=person.properties,
        is_identified=person.is_identified,
        version=version,
    )


def _move_ids(
    cursor: CursorWrapper,
    project_id: int,
    distinct_ids: list[str],
    sources: list[int],
    target: int,
    uuid: UUID,
) -> None:
    """Move ``distinct_ids`` from the persons with the pks ``sources`` to the one with pk ``target`` and ``uuid``."""
    cursor.execute(
        _RETURN_IDS,
        {
            "project_id": project_id,
            "from": sources,
            "to": target,
            "distinct_ids": orjson.dumps(distinct_ids).decode(),
        },
    )
    moved = cursor.fetchall()
    missing = sorted(set(distinct_ids).difference(distinct_id for distinct_id, _ in moved))
    if missing:
        _refuse(f"These distinct ids have moved on since: {', '.join(missing)}.")
    lines = [
        override_line(project_id=project_id, distinct_id=distinct_id, person_uuid=uuid, version=version)
        for distinct_id, version in moved
    ]
    append_lines(cursor, project_id, Outbox.Target.OVERRIDE, lines)


def _write(cursor: CursorWrapper, project_id: int, person: PersonBefore | StoredPerson, version: int) -> None:
    """Make a locked person what it was before."""
    cursor.execute(
        _RESTORE,
        {
            "project_id": project_id,
            "id": person.id,
            "properties": orjson.dumps(person.properties).decode(),
            "created_at": person.created_at,
            "is_identified": person.is_identified,
            "version": version,
        },
    )
    append_lines(cursor, project_id, Outbox.Target.PERSON, [_line(project_id, person, version)])


_LOCK_PARTS = """
SELECT id, version FROM core_person WHERE project_id = %s AND id = ANY(%s) ORDER BY id FOR UPDATE
"""
_STRAYS = "SELECT distinct_id FROM core_persondistinctid WHERE project_id = %s AND person_id = ANY(%s)"


def _undo_split(
    cursor: CursorWrapper, project_id: int, person: StoredPerson, parts: list[SplitPart]
) -> list[UUID]:
    ids = [part.id for part in parts]
    cursor.execute(_LOCK_PARTS, [project_id, ids])
    versions: dict[int, int] = dict(cursor.fetchall())
    for part in parts:
        if versions.get(part.id) != part.version:
            _refuse(f"The person that got the distinct id {part.distinct_id} has changed since.")
    _move_ids(cursor, project_id, [part.distinct_id for part in parts], ids, person.id, person.uuid)
    cursor.execute(_STRAYS, [project_id, ids])
    strays = sorted(distinct_id for (distinct_id,) in cursor.fetchall())
    if strays:
        _refuse(f"Persons that the split made have new distinct ids: {', '.join(strays)}.")
    end_memberships(cursor, project_id, ids)
    forget_changes(cursor, project_id, ids)
    bury(cursor, project_id, ids)
    _write(cursor, project_id, person, person.version + 1)
    happened = [merged(person.uuid, part.uuid, [part.distinct_id]) for part in parts]
    tell(cursor, project_id, [*happened, updated(person.uuid)])
    return [part.uuid for part in parts]
