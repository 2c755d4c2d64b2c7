"""The values of a breakdown, of single events."""

from core.filters.properties import Source
from core.sql.conditions import stored_text
from core.sql.text import Sql, join, sql, texts, trusted
from insights.filters.breakdown import Breakdown
from insights.sql.person_of_event import Actors, group_column


def event_value(breakdown: Breakdown, actors: Actors) -> Sql:
    """The value of an event ``e``, as an array of texts; ``joined_owners`` must stand in FROM."""
    if breakdown.source is Source.EVENT:
        found = [
            _normalized(sql("ifNull({stored}, '')", stored=stored_text("e.properties", key)), breakdown)
            for key in breakdown.keys
        ]
        return sql("[{found}]", found=join(", ", found))
    nothing = texts([""] * len(breakdown.keys))
    return sql("if(empty(owner.value), {nothing}, owner.value)", nothing=nothing)


def joined_owners(breakdown: Breakdown, actors: Actors) -> Sql:
    """For FROM: the values of persons or groups, as they are now, by the ``owner`` of an event."""
    if breakdown.source is Source.EVENT:
        return sql("")
    found = [
        _normalized(sql("ifNull({stored}, '')", stored=stored_text("properties", key)), breakdown)
        for key in breakdown.keys
    ]
    if breakdown.source is Source.PERSON:
        return sql(
            """ LEFT ANY JOIN (
                SELECT id, [{found}] AS value FROM person FINAL WHERE project_id = {project_id:Int64}
            ) AS owner ON {person} = owner.id""",
            found=join(", ", found),
            person=actors.person,
        )
    if breakdown.group_type_index is None:
        raise ValueError("the breakdown names no group type")
    return sql(
        """ LEFT ANY JOIN (
            SELECT key, [{found}] AS value FROM groups FINAL
            WHERE project_id = {project_id:Int64} AND type_index = {index}
        ) AS owner ON {column} = owner.key""",
        found=join(", ", found),
        index=trusted(str(breakdown.group_type_index)),
        column=group_column(breakdown.group_type_index),
    )


def _normalized(found: Sql, breakdown: Breakdown) -> Sql:
    """Addresses that differ only in what stands at their end are one."""
    if not breakdown.normalize_url:
        return found
    return sql("replaceRegexpOne(replaceRegexpOne({found}, '[/?#]+$', ''), '^$', '/')", found=found)
