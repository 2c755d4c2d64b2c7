"""Who an event belongs to now, and who is counted by it: the person, or the group of a type.

An event keeps the person that it was captured with. Where its distinct id has since moved to another person
(a merge, a split), ``person_distinct_id_overrides`` knows; so it does when that person is deleted: the events
of its ids stay with it, and do not go back to a person from before. Distinct ids are compared by their hashes, which
takes half of the time (``docs/decisions/0018-hash-of-distinct-ids.md``). A project without overrides goes without
the join: that is one look-up by primary key. The groups of an event are columns of it and need no join.
"""

from dataclasses import dataclass, replace

from core.clickhouse import client
from core.clickhouse.group_columns import GROUP_COLUMNS
from core.sql.text import Sql, sql, trusted

_HAS_OVERRIDES = "SELECT 1 FROM person_distinct_id_overrides WHERE project_id = {project_id:Int64} LIMIT 1"


@dataclass(frozen=True, slots=True)
class Actors:
    """Events with who is counted by them: ``source`` is for FROM and names the events ``e``. For each of them ``id`` is
    who is counted and ``person`` is the person's id. Only events that pass ``condition`` (null: all) count somebody.
    """

    source: Sql
    id: Sql
    person: Sql
    condition: Sql | None = None


_EVENTS = sql("events AS e")
#: Without rows that are the same event sent again, which ClickHouse merges later. Five times as slow.
_EVENTS_ONCE = sql("events AS e FINAL")
_MOVED_IDS = sql("""
        LEFT ANY JOIN (
            SELECT cityHash64(distinct_id) AS distinct_id_hash, person_id FROM person_distinct_id_overrides FINAL
            WHERE project_id = {project_id:Int64}
        ) AS moved ON e.distinct_id_hash = moved.distinct_id_hash""")
_CAPTURED = sql("e.person_id")
#: No person has the id of zeros, which a row without a partner gets.
_MOVED = sql(
    "if(moved.person_id != toUUID('00000000-0000-0000-0000-000000000000'), moved.person_id, e.person_id)"
)


def persons_of_events(*, overridden: bool, once: bool = False) -> Actors:
    """``overridden``: whether any distinct id of the project has moved. ``once``: leave out what is stored twice."""
    events = _EVENTS_ONCE if once else _EVENTS
    if not overridden:
        return Actors(source=events, id=_CAPTURED, person=_CAPTURED)
    return Actors(source=sql("{events}{moved}", events=events, moved=_MOVED_IDS), id=_MOVED, person=_MOVED)


def events_of_person(person: Sql, *, overridden: bool) -> Sql:
    """The condition for ``events AS e`` that belong to ``person``. For one person it is much cheaper than the join,
    after which all columns of all events are read: 0.3 s against 8 s for 3 M events.
    """
    as_captured = sql("e.person_id = {person}", person=person)
    if not overridden:
        return as_captured
    return sql(
        """(e.distinct_id IN (
            SELECT distinct_id FROM person_distinct_id_overrides FINAL
            WHERE project_id = {project_id:Int64} AND person_id = {person}
        ) OR ({as_captured} AND e.distinct_id NOT IN (
            SELECT distinct_id FROM person_distinct_id_overrides FINAL WHERE project_id = {project_id:Int64}
        )))""",
        person=person,
        as_captured=as_captured,
    )


def groups_of_events(type_index: int, *, overridden: bool, once: bool = False) -> Actors:
    """The groups of a type. ``overridden`` matters only where persons are asked about."""
    column = group_column(type_index)
    return replace(
        persons_of_events(overridden=overridden, once=once),
        id=column,
        condition=sql("{column} != ''", column=column),
    )


def group_column(type_index: int) -> Sql:
    """The key of an event's group of a type; empty where it has none."""
    return trusted(f"e.{GROUP_COLUMNS[type_index]}")


def has_overrides(project_id: int) -> bool:
    return bool(client.query(_HAS_OVERRIDES, project_id=project_id))
