"""Whom a text finds: actors with an event of someone whose e-mail or name contains it, or under such a distinct id;
groups also by their own name or slug.
"""

from core.filters.dates import DateRange
from core.filters.properties import PropertyFilter, PropertyGroup, Source, TextMatch, TextTest
from core.sql.conditions import ON_PERSONS
from core.sql.text import Sql, any_of, sql, text
from insights.sql.conditions import OnEvents
from insights.sql.events_between import events_between
from insights.sql.person_of_event import Actors

_OF_PERSONS = ("email", "name")
_OF_GROUPS = ("name", "slug")


def persons_with_text(wanted: str, dates: DateRange, properties: PropertyGroup, actors: Actors) -> Sql:
    """A condition on rows of ``person``; distinct ids are those of events in ``dates`` that pass ``properties``."""
    by_distinct_id = sql(
        "id IN (SELECT {actor} FROM {source} WHERE {where} AND {found})",
        actor=actors.id,
        source=actors.source,
        where=events_between(dates, properties, actors, names=()),
        found=_distinct_id_has(wanted),
    )
    fields = (_contains(Source.PERSON, key, wanted) for key in _OF_PERSONS)
    return any_of([*map(ON_PERSONS.condition, fields), by_distinct_id])


def groups_with_text(
    wanted: str, type_index: int, dates: DateRange, properties: PropertyGroup, actors: Actors
) -> Sql:
    """A condition on rows with the key of a group of the type as ``actor``."""
    fields = [
        *(_contains(Source.PERSON, key, wanted) for key in _OF_PERSONS),
        *(_contains(Source.GROUP, key, wanted, type_index) for key in _OF_GROUPS),
    ]
    return sql(
        "actor IN (SELECT {actor} FROM {source} WHERE {where} AND {found})",
        actor=actors.id,
        source=actors.source,
        where=events_between(dates, properties, actors, names=()),
        found=any_of([*map(OnEvents(actors.person).condition, fields), _distinct_id_has(wanted)]),
    )


def _distinct_id_has(wanted: str) -> Sql:
    return sql("positionCaseInsensitiveUTF8(e.distinct_id, {wanted}) > 0", wanted=text(wanted))


def _contains(source: Source, key: str, wanted: str, type_index: int | None = None) -> PropertyFilter:
    test = TextTest(TextMatch.CONTAINS, (wanted,))
    return PropertyFilter(source, key, test, negated=False, attr="search", group_type_index=type_index)
