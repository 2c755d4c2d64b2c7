"""Property filters as conditions on events.

Filters of persons and groups ask the current properties: they become a set of person ids or group keys.
"""

from dataclasses import dataclass

from core.filters.properties import PropertyFilter, Source
from core.sql.conditions import ON_PERSONS, stored_text, tested
from core.sql.text import Sql, sql, trusted
from insights.sql.person_of_event import group_column


@dataclass(frozen=True, slots=True)
class OnEvents:
    """Conditions on rows of ``events AS e``; ``person`` is the id of the person of a row."""

    person: Sql

    def condition(self, item: PropertyFilter) -> Sql:
        if item.source is Source.PERSON:
            return sql(
                "{person} IN (SELECT id FROM person FINAL WHERE project_id = {project_id:Int64} AND {condition})",
                person=self.person,
                condition=ON_PERSONS.condition(item),
            )
        if item.source is Source.GROUP:
            return _of_group(item)
        return tested(stored_text("e.properties", item.key), item)


#: What a key that does not exist has for a text.
_MISSING = sql("CAST(NULL AS Nullable(String))")


def _of_group(item: PropertyFilter) -> Sql:
    """A group that nobody has told of, and no group at all, have no properties. What is looked for are the groups that
    fare otherwise than these.
    """
    if item.group_type_index is None:
        raise ValueError(f"{item.attr} names no group type")
    return sql(
        """xor({column} IN (
            SELECT key FROM groups FINAL
            WHERE project_id = {project_id:Int64} AND type_index = {index} AND xor({condition}, {without})
        ), {without})""",
        column=group_column(item.group_type_index),
        index=trusted(str(item.group_type_index)),
        condition=tested(stored_text("properties", item.key), item),
        without=tested(_MISSING, item),
    )
