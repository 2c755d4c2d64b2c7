"""Group types and groups become what the events of a request say.

A group type is known by its index among the group columns of events. That never changes once it is committed,
so a process remembers the types that it has met: events in groups of known types cost no statement.

Groups are read without a lock, for most ``$groupidentify`` say nothing new. Those that change are locked in the order
of their ids and compared with what was read; ``Conflict`` says that somebody was faster, and
``core.services.transaction.change_persons`` tries again.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from django.db import transaction
from django.db.backends.utils import CursorWrapper

from core.clickhouse.group_columns import GROUP_TYPES
from core.events.event import Event
from core.events.groups import GroupChange, group_change, groups_of
from core.identity.property_rules import PropertyChange, apply_change
from core.models import Outbox
from core.outbox.append import append_lines
from core.outbox.lines import group_line
from core.services.transaction import Conflict

#: Project to its group types with their indexes. It may lack what is new, and never holds what is not committed.
_known_types: dict[int, dict[str, int]] = {}


@dataclass(slots=True)
class _Group:
    """A group as it will be. ``id`` is null until PostgreSQL has it; ``version`` is what was read."""

    type_index: int
    key: str
    created_at: datetime
    properties: dict[str, Any] = field(default_factory=dict)
    version: int = 0
    id: int | None = None
    is_changed: bool = False

    def take(self, change: GroupChange) -> None:
        # As for a person's $set: whatever differs is written, and what would grow too large is not.
        properties = apply_change(self.properties, PropertyChange(set=change.set), event="$set")
        if properties is not None:
            self.properties, self.is_changed = properties, True


def write_groups(
    cursor: CursorWrapper, project_id: int, events: Sequence[Event]
) -> Sequence[Mapping[int, str]]:
    """Store the group types and groups that ``events`` name, and queue changed groups for ClickHouse; the group keys of
    each event by the index of their type.

    A type beyond the last column is ignored. Raises ``Conflict``.
    """
    groups = [groups_of(event) for event in events]
    changes = [group_change(event) for event in events]
    names = dict.fromkeys(_type_names(groups, changes))
    types = _type_indexes(cursor, project_id, names) if names else {}
    told = [change for change in changes if change is not None and change.type in types]
    if told:
        _write_changes(cursor, project_id, types, told)
    return [{types[name]: key for name, key in one.items() if name in types} for one in groups]


def _type_names(groups: Iterable[Mapping[str, str]], changes: Iterable[GroupChange | None]) -> Iterator[str]:
    """In the order of the events, which is the order of the indexes of new types."""
    for named, change in zip(groups, changes, strict=True):
        yield from named
        if change is not None:
            yield change.type


_TYPES = "SELECT name, index FROM core_grouptype WHERE project_id = %s"
_INSERT_TYPES = """
INSERT INTO core_grouptype (project_id, index, name, created_at)
SELECT %s, index, name, now() FROM json_to_recordset(%s) AS new (index smallint, name text)
ORDER BY index
ON CONFLICT DO NOTHING
"""


def _type_indexes(cursor: CursorWrapper, project_id: int, names: Iterable[str]) -> Mapping[str, int]:
    """The group types of the project; those of ``names`` are among them as far as there are free indexes."""
    types = _known_types.get(project_id, {})
    if len(types) == GROUP_TYPES or all(name in types for name in names):
        return types
    cursor.execute(_TYPES, [project_id])
    types = dict(cursor.fetchall())
    free = [index for index in range(GROUP_TYPES) if index not in types.values()]
    new = dict(zip((name for name in names if name not in types), free, strict=False))
    if new:
        cursor.execute(
            _INSERT_TYPES, [project_id, _json({"index": index, "name": name} for name, index in new.items())]
        )
        if cursor.rowcount != len(new):
            raise Conflict
        types |= new
    transaction.on_commit(lambda: _known_types.update({project_id: types}))
    return types


_LOAD = """
SELECT g.type_index, g.key, g.created_at, g.properties::text, g.version, g.id
FROM json_to_recordset(%s) AS wanted (type_index smallint, key text)
JOIN core_group g ON g.project_id = %s AND g.type_index = wanted.type_index AND g.key = wanted.key
"""


def _write_changes(
    cursor: CursorWrapper, project_id: int, types: Mapping[str, int], changes: Iterable[GroupChange]
) -> None:
    told = [(types[change.type], change) for change in changes]
    wanted = {(index, change.key) for index, change in told}
    rows = ({"type_index": index, "key": key} for index, key in wanted)
    cursor.execute(_LOAD, [_json(rows), project_id])
    groups = {
        (index, key): _Group(index, key, created_at, orjson.loads(properties), version, group_id)
        for index, key, created_at, properties, version, group_id in cursor.fetchall()
    }
    for index, change in told:
        groups.setdefault((index, change.key), _Group(index, change.key, change.at)).take(change)
    changed = [group for group in groups.values() if group.id is not None and group.is_changed]
    born = [group for group in groups.values() if group.id is None]
    _update(cursor, changed)
    _insert(cursor, project_id, born)
    lines = [
        group_line(
            project_id=project_id,
            type_index=group.type_index,
            key=group.key,
            created_at=group.created_at,
            properties=group.properties,
            version=group.version,
        )
        for group in (*changed, *born)
    ]
    append_lines(cursor, project_id, Outbox.Target.GROUP, lines)


_LOCK = "SELECT id, version FROM core_group WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"
_UPDATE = """
UPDATE core_group AS g SET properties = new.properties, version = new.version
FROM json_to_recordset(%s) AS new (id bigint, properties jsonb, version bigint)
WHERE g.id = new.id
"""


def _update(cursor: CursorWrapper, groups: Sequence[_Group]) -> None:
    if not groups:
        return
    expected = {group.id: group.version for group in groups}
    cursor.execute(_LOCK, [list(expected)])
    if dict(cursor.fetchall()) != expected:
        raise Conflict
    for group in groups:
        group.version += 1
    rows = ({"id": one.id, "properties": one.properties, "version": one.version} for one in groups)
    cursor.execute(_UPDATE, [_json(rows)])


# Two requests that make the same groups must meet them in the same order.
_INSERT = """
INSERT INTO core_group (project_id, type_index, key, properties, version, created_at)
SELECT %s, type_index, key, properties, 0, created_at
FROM json_to_recordset(%s) AS new (type_index smallint, key text, properties jsonb, created_at timestamptz)
ORDER BY type_index, key
ON CONFLICT DO NOTHING
"""


def _insert(cursor: CursorWrapper, project_id: int, groups: Sequence[_Group]) -> None:
    if not groups:
        return
    rows = (
        {
            "type_index": group.type_index,
            "key": group.key,
            "properties": group.properties,
            "created_at": group.created_at,
        }
        for group in groups
    )
    cursor.execute(_INSERT, [project_id, _json(rows)])
    if cursor.rowcount != len(groups):
        raise Conflict


def _json(rows: Iterable[dict[str, Any]]) -> str:
    return orjson.dumps(list(rows)).decode()
