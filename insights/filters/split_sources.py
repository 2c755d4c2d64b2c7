"""Takes the filters of persons out of a tree: they can be asked once an actor instead of once an event."""

from core.filters.properties import (
    OF_PERSONS,
    Joiner,
    PropertyFilter,
    PropertyGroup,
    Source,
    conjuncts,
    filters_of,
)


def split_sources(group: PropertyGroup, source: Source) -> tuple[PropertyGroup, PropertyGroup]:
    """``group`` as two trees that must both pass: one that asks nothing but ``source``, and the rest. Who is in a
    cohort is asked of persons.
    """
    alone: list[PropertyFilter | PropertyGroup] = []
    rest: list[PropertyFilter | PropertyGroup] = []
    for member in conjuncts(group):
        (alone if _asks_only(member, source) else rest).append(member)
    return PropertyGroup(Joiner.AND, tuple(alone)), PropertyGroup(Joiner.AND, tuple(rest))


def _asks_only(member: PropertyFilter | PropertyGroup, source: Source) -> bool:
    items = [member] if isinstance(member, PropertyFilter) else filters_of(member)
    wanted = OF_PERSONS if source is Source.PERSON else {source}
    return all(item.source in wanted for item in items)
