"""Takes the filters of persons out of a tree: they can be asked once an actor instead of once an event."""

from core.filters.properties import Joiner, PropertyFilter, PropertyGroup, Source, filters_of


def split_sources(group: PropertyGroup, source: Source) -> tuple[PropertyGroup, PropertyGroup]:
    """``group`` as two trees that must both pass: one that asks nothing but ``source``, and the rest."""
    alone: list[PropertyFilter | PropertyGroup] = []
    rest: list[PropertyFilter | PropertyGroup] = []
    for member in conjuncts(group):
        (alone if _asks_only(member, source) else rest).append(member)
    return PropertyGroup(Joiner.AND, tuple(alone)), PropertyGroup(Joiner.AND, tuple(rest))


def conjuncts(group: PropertyGroup) -> list[PropertyFilter | PropertyGroup]:
    """The parts of ``group`` that must all pass."""
    if group.joiner is Joiner.OR and len(group.members) > 1:
        return [group]
    found: list[PropertyFilter | PropertyGroup] = []
    for member in group.members:
        found.extend([member] if isinstance(member, PropertyFilter) else conjuncts(member))
    return found


def _asks_only(member: PropertyFilter | PropertyGroup, source: Source) -> bool:
    items = [member] if isinstance(member, PropertyFilter) else filters_of(member)
    return all(item.source is source for item in items)
