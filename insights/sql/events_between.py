"""Which events a question looks at."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from core.filters.dates import DateRange
from core.filters.properties import PropertyGroup
from core.sql.conditions import group_condition
from core.sql.text import Sql, all_of, join, moment, sql, text, texts
from insights.filters.entities import Entity
from insights.sql.conditions import OnEvents
from insights.sql.person_of_event import Actors

#: When an event ``e`` happened, in microseconds since 1900, the first year of ClickHouse's times: never negative.
MICROSECONDS = sql("toUInt64(toUnixTimestamp64Micro(e.timestamp) + 2208988800000000)")
_FIRST = datetime(1900, 1, 1, tzinfo=UTC)


def microseconds(moment: datetime) -> int:
    """``moment`` in the unit of ``MICROSECONDS``."""
    return (moment - _FIRST) // timedelta(microseconds=1)


def events_between(dates: DateRange, properties: PropertyGroup, actors: Actors, names: Sequence[str]) -> Sql:
    """The condition for events in ``dates`` with one of ``names`` (none: any) that pass ``properties``."""
    conditions = [
        sql("e.project_id = {project_id:Int64}"),
        sql("e.timestamp >= {first}", first=moment(dates.first)),
        sql("e.timestamp < {end}", end=moment(dates.last + timedelta(seconds=1))),
    ]
    if names:
        conditions.append(sql("e.event IN {names}", names=texts(names)))
    if actors.condition is not None:
        conditions.append(actors.condition)
    if properties.members:
        conditions.append(sql("({filters})", filters=group_condition(properties, OnEvents(actors.person))))
    return join(" AND ", conditions)


def names_of(entities: Sequence[Entity]) -> Sequence[str]:
    """The names that events of ``entities`` have; none when one takes any event."""
    names = [entity.id for entity in entities if entity.id is not None]
    return list(dict.fromkeys(names)) if len(names) == len(entities) else []


def matches(entity: Entity, actors: Actors) -> Sql:
    """Whether an event is one of ``entity``."""
    conditions = [] if entity.id is None else [sql("e.event = {name}", name=text(entity.id))]
    if entity.properties.members:
        conditions.append(group_condition(entity.properties, OnEvents(actors.person)))
    return all_of(conditions)
