"""Property filters as conditions on events.

Filters of persons, groups and cohorts ask how things are now: they become a set of person ids or group keys.
"""

from dataclasses import dataclass

from core.filters.properties import MemberTest, PropertyFilter, Source
from core.sql.conditions import ON_PERSONS, of_members, stored_text, tested
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
            return sql(
                "{person} IN (SELECT id FROM person FINAL WHERE project_id = {project_id:Int64} AND {condition})",
                person=self.person,
                condition=ON_PERSONS.condition(item),
            )
        if item.source is Source.GROUP:
            return OnGroups(_column_of(item)).condition(item)
        return tested(stored_text("e.properties", item.key), item)


@dataclass(frozen=True, slots=True)
class OnGroups:
    """Conditions on rows with ``key``, an expression for the key of a group of the type that the filter names."""

    key: Sql

    def condition(self, item: PropertyFilter) -> Sql:
        """A group that nobody has told of, and no group at all, have no properties. What is looked for are the groups
        that fare otherwise than these.
        """
        return sql(
            """xor({key} IN (
                SELECT key FROM groups FINAL
                WHERE project_id = {project_id:Int64} AND type_index = {index} AND xor({condition}, {without})
            ), {without})""",
            key=self.key,
            index=trusted(str(item.group_type_index)),
            condition=tested(stored_text("properties", item.key), item),
            without=tested(_MISSING, item),
        )


#: What a key that does not exist has for a text.
_MISSING = sql("CAST(NULL AS Nullable(String))")


def _column_of(item: PropertyFilter) -> Sql:
    if item.group_type_index is None:
        raise ValueError(f"{item.attr} names no group type")
    return group_column(item.group_type_index)
