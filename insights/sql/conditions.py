"""Property filters as conditions on events.

Filters of persons, groups and cohorts ask how things are now: they become a set of person ids or group keys.
"""

from dataclasses import dataclass

from core.filters.properties import MemberTest, PropertyFilter, Source
from core.sql.conditions import of_members, stored_text, tested
from core.sql.text import Sql, sql, trusted
from insights.sql.person_of_event import group_column


@dataclass(frozen=True, slots=True)
class OnEvents:
    """Conditions on rows of ``events AS e``; ``person`` is the id of the person of a row."""

    person: Sql

    def condition(self, item: PropertyFilter) -> Sql:
        if isinstance(item.test, MemberTest):
            return of_members(self.person, item, item.test)
        if item.source is Source.PERSON:
            return _of_owner(self.person, _PERSONS, item)
        if item.source is Source.GROUP:
            return OnGroups(_column_of(item)).condition(item)
        return tested(stored_text("e.properties", item.key), item)


@dataclass(frozen=True, slots=True)
class OnGroups:
    """Conditions on rows with ``key``, an expression for the key of a group of the type that the filter names."""

    key: Sql

    def condition(self, item: PropertyFilter) -> Sql:
        groups = sql(
            "SELECT key FROM groups FINAL WHERE project_id = {project_id:Int64} AND type_index = {index}",
            index=trusted(str(item.group_type_index)),
        )
        return _of_owner(self.key, groups, item)


_PERSONS = sql("SELECT id FROM person FINAL WHERE project_id = {project_id:Int64}")
#: What a key that does not exist has for a text.
_MISSING = sql("CAST(NULL AS Nullable(String))")


def _of_owner(key: Sql, owners: Sql, item: PropertyFilter) -> Sql:
    """Whether who has ``key`` passes. A group that nobody has told of, no group at all, and a person without a profile
    have no properties. What is looked for among ``owners`` are those that fare otherwise than these.
    """
    return sql(
        "xor({key} IN ({owners} AND xor({condition}, {without})), {without})",
        key=key,
        owners=owners,
        condition=tested(stored_text("properties", item.key), item),
        without=tested(_MISSING, item),
    )


def _column_of(item: PropertyFilter) -> Sql:
    if item.group_type_index is None:
        raise ValueError(f"{item.attr} names no group type")
    return group_column(item.group_type_index)
