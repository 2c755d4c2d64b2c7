"""Splits a person: distinct ids move away, each to a new person of its own.

The one who is split keeps uuid, properties and creation time. Events are not touched: an override says where
the ids that moved point now.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

import orjson
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from core.exceptions import InvalidInput
from core.identity.ids import person_uuid, split_uuid
from core.models import Outbox
from core.outbox.append import append_lines
from core.outbox.lines import override_line, person_line
from core.services.journal import SplitPart, note_split
from core.services.record_activity import Activity, person_change, record_activity
from core.services.stored_person import line_of, lock_person
from core.services.transaction import change_persons
from core.services.webhooks.tell import split, tell, updated

#: How far the versions of what a split makes lie above those of what was split: above any deletion of the same version.
SPLIT_STEP = 101


@dataclass(frozen=True, slots=True)
class Keep:
    """Every distinct id but this one moves away; null: but the oldest one."""

    distinct_id: str | None


@dataclass(frozen=True, slots=True)
class Move:
    """These distinct ids move away."""

    distinct_ids: Sequence[str]


def split_person(
    *, project_id: int, key: UUID | int, choice: Keep | Move, user_id: int | None, dry_run: bool = False
) -> list[SplitPart]:
    """Split the person with this uuid or pk; the new persons. With ``dry_run`` nothing changes.

    Raises ``PersonNotFound``, and ``InvalidInput`` for ids that the person does not have or when none would
    stay.
    """
    return change_persons(
        project_id, lambda cursor: _split(cursor, project_id, key, choice, user_id), dry_run=dry_run
    )


_BUMP = "UPDATE core_person SET version = version + 1 WHERE project_id = %s AND id = %s"


def _split(
    cursor: CursorWrapper, project_id: int, key: UUID | int, choice: Keep | Move, user_id: int | None
) -> list[SplitPart]:
    person = lock_person(cursor, project_id, key, with_ids=True)
    moved = _chosen(person.distinct_ids, choice)
    if not moved:
        return []
    parts = _new_persons(cursor, project_id, moved, person.version + SPLIT_STEP)
    _move_ids(cursor, project_id, parts)
    # Who has read the ids of this person meanwhile must read again.
    cursor.execute(_BUMP, [project_id, person.id])
    rest = line_of(project_id, replace(person, version=person.version + 1))
    append_lines(cursor, project_id, Outbox.Target.PERSON, [rest])
    note_split(cursor, project_id, person.id, person.version, parts)
    _tell(cursor, project_id, person.uuid, parts)
    record_activity(
        project_id=project_id,
        user_id=user_id,
        activities=[
            Activity(
                "Person", "split_person", person.id, str(person.uuid), [_change(person.distinct_ids, choice)]
            )
        ],
    )
    return parts


def _tell(cursor: CursorWrapper, project_id: int, person: UUID, parts: Sequence[SplitPart]) -> None:
    uuids = [person, *(part.uuid for part in parts)]
    happened = split(person, [(part.uuid, [part.distinct_id]) for part in parts])
    tell(cursor, project_id, [happened, *(updated(uuid) for uuid in uuids)])


def _chosen(distinct_ids: list[str], choice: Keep | Move) -> list[str]:
    """The ids that move away, in the order of their attachment."""
    if isinstance(choice, Keep):
        stays = distinct_ids[0] if choice.distinct_id is None and distinct_ids else choice.distinct_id
        if stays not in distinct_ids:
            raise InvalidInput(f"The person has no distinct id {stays!r}.", attr="main_distinct_id")
        return [distinct_id for distinct_id in distinct_ids if distinct_id != stays]
    wanted = set(choice.distinct_ids)
    unknown = sorted(wanted.difference(distinct_ids))
    if unknown:
        raise InvalidInput(
            f"The person does not have these distinct ids: {', '.join(unknown)}.",
            attr="distinct_ids_to_split",
        )
    if len(wanted) == len(distinct_ids):
        raise InvalidInput("One distinct id has to stay with the person.", attr="distinct_ids_to_split")
    return [distinct_id for distinct_id in distinct_ids if distinct_id in wanted]


def _change(before: list[str], choice: Keep | Move) -> dict[str, Any]:
    after: dict[str, Any] = {"distinct_ids": before}
    if isinstance(choice, Move):
        after["distinct_ids_to_split"] = list(dict.fromkeys(choice.distinct_ids))
    return person_change("split", after=after)


_TAKEN = """
SELECT uuid, NULL FROM core_person WHERE project_id = %(project_id)s AND uuid = ANY(%(uuids)s)
UNION ALL
SELECT uuid, version FROM core_persontombstone WHERE project_id = %(project_id)s AND uuid = ANY(%(uuids)s)
"""


def _new_persons(
    cursor: CursorWrapper, project_id: int, distinct_ids: list[str], version: int
) -> list[SplitPart]:
    """A new person for each id: under the uuid that follows from the id, else under the id's uuid for splits.

    A uuid that died is used again, above its death.
    """
    names: list[Callable[[int, str], UUID]] = [person_uuid, split_uuid]
    candidates = {
        distinct_id: [name(project_id, distinct_id) for name in names] for distinct_id in distinct_ids
    }
    every = [uuid for uuids in candidates.values() for uuid in uuids]
    cursor.execute(_TAKEN, {"project_id": project_id, "uuids": every})
    taken = cursor.fetchall()
    alive = {uuid for uuid, died_at in taken if died_at is None}
    died_at = {uuid: died_at for uuid, died_at in taken if died_at is not None}
    planned: dict[UUID, tuple[str, int]] = {}
    for distinct_id, uuids in candidates.items():
        uuid = next((uuid for uuid in uuids if uuid not in alive), None) or uuid4()
        # One id can look like the split of another one.
        alive.add(uuid)
        planned[uuid] = distinct_id, max(version, died_at.get(uuid, 0) + 1)
    return _insert(cursor, project_id, planned)


_INSERT = """
INSERT INTO core_person (project_id, uuid, properties, is_identified, version, created_at)
SELECT %s, uuid, '{}', false, version, %s FROM json_to_recordset(%s) AS new (uuid uuid, version bigint)
ORDER BY uuid
RETURNING id, uuid
"""


def _insert(cursor: CursorWrapper, project_id: int, planned: dict[UUID, tuple[str, int]]) -> list[SplitPart]:
    now = timezone.now()
    rows = [{"uuid": uuid, "version": version} for uuid, (_, version) in planned.items()]
    cursor.execute(_INSERT, [project_id, now, orjson.dumps(rows).decode()])
    pks = {uuid: pk for pk, uuid in cursor.fetchall()}
    parts = [
        SplitPart(distinct_id, pks[uuid], uuid, version) for uuid, (distinct_id, version) in planned.items()
    ]
    lines = [
        person_line(
            project_id=project_id,
            uuid=part.uuid,
            created_at=now,
            properties={},
            is_identified=False,
            version=part.version,
        )
        for part in parts
    ]
    append_lines(cursor, project_id, Outbox.Target.PERSON, lines)
    return parts


_MOVE = f"""
UPDATE core_persondistinctid AS m SET person_id = p.id, version = m.version + {SPLIT_STEP}
FROM json_to_recordset(%(parts)s) AS new (distinct_id text, uuid uuid)
JOIN core_person p ON p.project_id = %(project_id)s AND p.uuid = new.uuid
WHERE m.project_id = %(project_id)s AND m.distinct_id = new.distinct_id
RETURNING m.distinct_id, p.uuid, m.version
"""  # noqa: S608 - the step is a constant


def _move_ids(cursor: CursorWrapper, project_id: int, parts: list[SplitPart]) -> None:
    cursor.execute(_MOVE, {"project_id": project_id, "parts": orjson.dumps(parts).decode()})
    lines = [
        override_line(project_id=project_id, distinct_id=distinct_id, person_uuid=uuid, version=version)
        for distinct_id, uuid, version in cursor.fetchall()
    ]
    append_lines(cursor, project_id, Outbox.Target.OVERRIDE, lines)
