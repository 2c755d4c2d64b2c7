"""The values of a breakdown, of single events: as texts, or as their places among those that are kept."""

from collections.abc import Sequence

from core.filters.properties import Source
from core.sql.conditions import stored_text
from core.sql.text import Sql, join, sql, texts, trusted
from insights.filters.breakdown import OTHER, Breakdown, Value
from insights.sql.person_of_event import Actors, group_column


def event_value(breakdown: Breakdown, actors: Actors) -> Sql:
    """The value of an event ``e``, as an array of texts; ``joined_owners`` must stand in FROM."""
    if breakdown.source is Source.EVENT:
        return _listed(_found(breakdown, "e.properties"))
    nothing = texts([""] * len(breakdown.keys))
    return sql("if(empty(owner.value), {nothing}, owner.value)", nothing=nothing)


def joined_owners(breakdown: Breakdown, actors: Actors) -> Sql:
    """For FROM: the values of persons or groups, as they are now, by the ``owner`` of an event."""
    return _joined(breakdown, actors, _listed(_found(breakdown, "properties")))


def event_place(breakdown: Breakdown, kept: Sequence[Value]) -> Sql:
    """The place of the value of an event ``e`` among ``kept``, from 1 on, and after them for all other values; 0 when
    it is empty. ``joined_places`` must stand in FROM.
    """
    if breakdown.source is Source.EVENT:
        return _place(_found(breakdown, "e.properties"), kept)
    return sql("owner.value")


def joined_places(breakdown: Breakdown, actors: Actors, kept: Sequence[Value]) -> Sql:
    """As ``joined_owners``, with places."""
    return _joined(breakdown, actors, _place(_found(breakdown, "properties"), kept))


def place_of(value: Value, kept: Sequence[Value]) -> int:
    """The place of a value of the answer among those that are ``kept``; 0, which nothing has, when it is not there."""
    if value == OTHER:
        return len(kept) + 1
    return list(kept).index(value) + 1 if value in kept else 0


def value_at(place: int, kept: Sequence[Value]) -> Value:
    """The value with a place."""
    return kept[place - 1] if place <= len(kept) else OTHER


def _found(breakdown: Breakdown, column: str) -> list[Sql]:
    """The texts of the properties."""
    return [
        _normalized(sql("ifNull({stored}, '')", stored=stored_text(column, key)), breakdown)
        for key in breakdown.keys
    ]


def _listed(found: Sequence[Sql]) -> Sql:
    return sql("[{found}]", found=join(", ", found))


def _place(found: Sequence[Sql], kept: Sequence[Value]) -> Sql:
    """Texts are looked up in a hash table; several at once are compared with each that is kept."""
    places = {value: place for place, value in enumerate(kept, 1) if any(value)}
    others = trusted(str(len(kept) + 1))
    if len(found) == 1:
        return sql(
            "transform({text}, {values}, {places}, toUInt16({others}))",
            text=found[0],
            values=texts(["", *(value[0] for value in places)]),
            places=trusted(f"CAST({[0, *places.values()]} AS Array(UInt16))"),
            others=others,
        )
    return sql(
        "if(empty(arrayStringConcat({listed})), toUInt16(0), "
        "transform(toUInt16(indexOf([{values}], {listed})), {numbers}, {places}, toUInt16({others})))",
        listed=_listed(found),
        values=join(", ", [texts(value) for value in places] or [texts([""] * len(found))]),
        numbers=trusted(f"CAST({list(range(1, len(places) + 1)) or [0]} AS Array(UInt16))"),
        places=trusted(f"CAST({list(places.values()) or [len(kept) + 1]} AS Array(UInt16))"),
        others=others,
    )


def _joined(breakdown: Breakdown, actors: Actors, value: Sql) -> Sql:
    if breakdown.source is Source.EVENT:
        return sql("")
    if breakdown.source is Source.PERSON:
        return sql(
            """ LEFT ANY JOIN (
                SELECT id, {value} AS value FROM person FINAL WHERE project_id = {project_id:Int64}
            ) AS owner ON {person} = owner.id""",
            value=value,
            person=actors.person,
        )
    if breakdown.group_type_index is None:
        raise ValueError("the breakdown names no group type")
    return sql(
        """ LEFT ANY JOIN (
            SELECT key, {value} AS value FROM groups FINAL
            WHERE project_id = {project_id:Int64} AND type_index = {index}
        ) AS owner ON {column} = owner.key""",
        value=value,
        index=trusted(str(breakdown.group_type_index)),
        column=group_column(breakdown.group_type_index),
    )


def _normalized(found: Sql, breakdown: Breakdown) -> Sql:
    """Addresses that differ only in what stands at their end are one."""
    if not breakdown.normalize_url:
        return found
    return sql("replaceRegexpOne(replaceRegexpOne({found}, '[/?#]+$', ''), '^$', '/')", found=found)
