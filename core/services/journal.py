"""What merges and splits did, kept so that it can be taken back (``core.services.undo``)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.db.backends.utils import CursorWrapper

from core.identity.resolve import Merge, PersonState
from core.models import IdentityChange
from core.services.memberships import MovedMemberships


@dataclass(frozen=True, slots=True)
class PersonBefore:
    """A person as it was."""

    id: int
    uuid: UUID
    properties: dict[str, Any]
    created_at: datetime
    is_identified: bool
    version: int
    last_seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class MergeState:
    """What a merge took: who is gone, with which distinct ids, and who the survivor was."""

    loser: PersonBefore
    survivor: PersonBefore
    distinct_ids: list[str]
    memberships: MovedMemberships
    #: Ids of the changes that were the loser's.
    inherited: list[int]


@dataclass(frozen=True, slots=True)
class SplitPart:
    """A person that a split made."""

    distinct_id: str
    id: int
    uuid: UUID
    version: int


_APPEND = """
INSERT INTO core_identitychange
    (project_id, person_id, owner_id, kind, version_before, version_after, state, created_at)
VALUES (%(project_id)s, %(person_id)s, %(person_id)s, %(kind)s, %(before)s, %(after)s, %(state)s, now())
"""

# What the loser went through is the survivor's from now on.
_APPEND_MERGE = """
WITH inherited AS (
    UPDATE core_identitychange SET owner_id = %(person_id)s
    WHERE project_id = %(project_id)s AND owner_id = %(loser_id)s
    RETURNING id
)
INSERT INTO core_identitychange
    (project_id, person_id, owner_id, kind, version_before, version_after, state, created_at)
SELECT %(project_id)s, %(person_id)s, %(person_id)s, %(kind)s, %(before)s, %(after)s,
    %(state)s::jsonb || jsonb_build_object('inherited', ARRAY(SELECT id FROM inherited)), now()
"""


def note_merge(
    cursor: CursorWrapper,
    project_id: int,
    merge: Merge,
    distinct_ids: list[str],
    memberships: MovedMemberships,
) -> None:
    """Note a merge that has just been written."""
    survivor, loser = merge.survivor, merge.loser
    state = {
        "loser": _before(loser, loser.id),
        "survivor": _before(merge.before, survivor.id),
        "distinct_ids": distinct_ids,
        "memberships": memberships,
    }
    cursor.execute(
        _APPEND_MERGE,
        {
            "project_id": project_id,
            "person_id": survivor.id,
            "loser_id": loser.id,
            "kind": IdentityChange.Kind.MERGE,
            "before": merge.before.version,
            "after": merge.version_after,
            "state": orjson.dumps(state).decode(),
        },
    )


def _before(person: PersonState, person_id: int | None) -> dict[str, Any]:
    return {
        "id": person_id,
        "uuid": person.uuid,
        "properties": person.properties,
        "created_at": person.created_at,
        "is_identified": person.is_identified,
        "version": person.version,
        "last_seen_at": person.last_seen_at,
    }


def note_split(
    cursor: CursorWrapper, project_id: int, person_id: int, version: int, parts: Sequence[SplitPart]
) -> None:
    """Note a split of the person, whose version was ``version`` and has grown by one."""
    cursor.execute(
        _APPEND,
        {
            "project_id": project_id,
            "person_id": person_id,
            "kind": IdentityChange.Kind.SPLIT,
            "before": version,
            "after": version + 1,
            "state": orjson.dumps({"parts": parts}).decode(),
        },
    )


_FORGET = "DELETE FROM core_identitychange WHERE project_id = %s AND owner_id = ANY(%s)"


def forget_changes(cursor: CursorWrapper, project_id: int, person_ids: Sequence[int]) -> None:
    """Persons are deleted: nothing about them can be taken back, and nothing of theirs stays here."""
    cursor.execute(_FORGET, [project_id, list(person_ids)])


# Whom the persons had taken in died at a version that its tombstone keeps.
_FORGET_PERSONS = """
WITH gone AS (
    DELETE FROM core_identitychange WHERE project_id = %(project_id)s AND owner_id = ANY(%(ids)s)
    RETURNING owner_id, kind, state
)
SELECT DISTINCT gone.owner_id, dead.uuid, dead.version
FROM gone JOIN core_persontombstone dead
    ON dead.project_id = %(project_id)s AND dead.uuid = (gone.state->'loser'->>'uuid')::uuid
WHERE gone.kind = 'merge'
"""


def forget_persons(
    cursor: CursorWrapper, project_id: int, person_ids: Sequence[int]
) -> dict[int, list[tuple[UUID, int]]]:
    """The same, and by person who had merged into it: uuids, with the versions at which they died."""
    cursor.execute(_FORGET_PERSONS, {"project_id": project_id, "ids": list(person_ids)})
    losers: dict[int, list[tuple[UUID, int]]] = {}
    for owner_id, uuid, version in cursor.fetchall():
        losers.setdefault(owner_id, []).append((uuid, version))
    return losers


# By the index identity_changes_by_name, which holds who and which ids a change is about: additions of nothing keep
# PostgreSQL from walking the whole project instead.
_NAMES = """
project_id + 0 = %(project_id)s AND created_at <= %(until)s AND (jsonb_path_query_array(state, '$.*.uuid')
    || jsonb_path_query_array(state, '$.*.distinct_id')
    || jsonb_path_query_array(state, '$.distinct_ids[*]')) ?| %(names)s
"""
_FORGET_NAMED = f"DELETE FROM core_identitychange WHERE {_NAMES}"  # noqa: S608 - a constant
_COUNT_NAMED = f"SELECT count(*) FROM core_identitychange WHERE {_NAMES}"  # noqa: S608 - a constant


def forget_changes_naming(
    cursor: CursorWrapper, project_id: int, names: Sequence[str], *, until: datetime
) -> None:
    """Forget changes of whomever, made up to ``until``, that tell of these uuids or distinct ids. They could not be
    taken back any more, for a part of it is gone.
    """
    cursor.execute(_FORGET_NAMED, {"project_id": project_id, "names": list(names), "until": until})


def count_changes_naming(
    cursor: CursorWrapper, project_id: int, names: Sequence[str], *, until: datetime
) -> int:
    """How many there are."""
    cursor.execute(_COUNT_NAMED, {"project_id": project_id, "names": list(names), "until": until})
    return int(cursor.fetchone()[0])


def read_merge(state: dict[str, Any]) -> MergeState:
    """The state as ``note_merge`` wrote it."""
    return MergeState(
        loser=_read_person(state["loser"]),
        survivor=_read_person(state["survivor"]),
        distinct_ids=state["distinct_ids"],
        memberships=MovedMemberships(**state["memberships"]),
        inherited=state["inherited"],
    )


def _read_person(row: dict[str, Any]) -> PersonBefore:
    seen = row["last_seen_at"]
    return PersonBefore(
        id=row["id"],
        uuid=UUID(row["uuid"]),
        properties=row["properties"],
        created_at=datetime.fromisoformat(row["created_at"]),
        is_identified=row["is_identified"],
        version=row["version"],
        last_seen_at=seen and datetime.fromisoformat(seen),
    )


def read_split(state: dict[str, Any]) -> list[SplitPart]:
    """The state as ``note_split`` wrote it."""
    return [
        SplitPart(part["distinct_id"], part["id"], UUID(part["uuid"]), part["version"])
        for part in state["parts"]
    ]
