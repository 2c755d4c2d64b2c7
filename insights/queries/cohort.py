"""Who belongs to a cohort?

Reads ``person`` for who exists, ``events`` once for each criterion about what people did (by the sorting key: project,
day, name; "for the first time" and "again" look at all days), ``person_distinct_id_overrides`` where the project has
any, and ``cohort_members`` for cohorts that the criteria refer to.

Each criterion is a condition on a row of ``person``: what people did as a set of ids, so that AND, OR and negation are
those of SQL, the complement is everybody else who exists, and events without a person count for nobody.

An event may be there twice until ClickHouse merges it. Where events are counted, its key is counted.

Cost, two cores, 10 M events, 1 M persons: see ``docs/howto/cohorts.md``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from core.clickhouse.escape import property_path, property_text
from core.filters.cohort_criteria import (
    Amount,
    Behavior,
    CreatedAt,
    Criteria,
    Criterion,
    FirstTime,
    FollowedBy,
    Multiple,
    Performed,
    Regularly,
    Restarted,
    Stopped,
    Window,
)
from core.filters.properties import Joiner, PresenceTest, PropertyFilter, PropertyGroup
from core.sql.conditions import OnPersons, group_condition, stored_text
from core.sql.members import WaitingMembers
from core.sql.text import (
    Sql,
    all_of,
    any_of,
    integer,
    join,
    moment,
    negated,
    sql,
    text,
    texts,
    trusted,
    unsigned,
)
from insights.sql.conditions import OnEvents
from insights.sql.person_of_event import Actors, persons_of_events

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
#: Microseconds since 1900, the first year of ClickHouse's times: never negative.
_MICROSECONDS = sql("toUInt64(toUnixTimestamp64Micro(e.timestamp) + 2208988800000000)")
#: How many different events rows are: what tells two events of a name apart.
_EVENTS = sql("uniqExact(toDate32(e.timestamp), e.distinct_id, e.uuid)")
#: Properties whose text is searched, besides the uuid and the distinct ids.
_SEARCHED = ("email", "name")


def members(criteria: Criteria, waiting: WaitingMembers, *, overridden: bool) -> Sql:
    """The ids of the persons who pass. ``overridden``: whether any distinct id of the project has moved; ``waiting``:
    changes of members of other cohorts that count although ClickHouse does not have them yet.
    """
    asked = _Asked(persons_of_events(overridden=overridden), OnPersons(waiting))
    return _persons(_criteria(criteria, asked))


def found(properties: PropertyGroup, search: str | None, waiting: WaitingMembers) -> Sql:
    """The ids of the persons who pass filters and have a text in e-mail, name, uuid or a distinct id."""
    conditions = [group_condition(properties, OnPersons(waiting))]
    if search:
        conditions.append(_contains(search))
    return _persons(all_of(conditions))


def listed(persons: Sql) -> Sql:
    """One row: how many ``persons`` there are, their ids as lines, and nothing."""
    return sql("SELECT count(), {ids}, '' FROM ({persons})", ids=_lines("groupArray(id)"), persons=persons)


def compared(persons: Sql, members: Sql) -> Sql:
    """One row: how many ``persons`` there are, as lines the ids of those who are no ``members``, and of members who are
    none of them. What both have need not travel.
    """
    return sql(
        """SELECT countIf(passes), {joining}, {leaving} FROM (
            SELECT id, max(side = 'passes') AS passes, max(side = 'member') AS belongs FROM (
                SELECT id, 'passes' AS side FROM ({persons})
                UNION ALL SELECT person_id AS id, 'member' AS side FROM ({members})
            ) GROUP BY id
        )""",
        joining=_lines("groupArrayIf(id, NOT belongs)"),
        leaving=_lines("groupArrayIf(id, NOT passes)"),
        persons=persons,
        members=members,
    )


def _lines(ids: str) -> Sql:
    return trusted(f"arrayStringConcat(arrayMap(one -> toString(one), {ids}), '\\n')")


def _persons(condition: Sql) -> Sql:
    return sql(
        "SELECT id FROM person FINAL WHERE project_id = {project_id:Int64} AND {condition}",
        condition=condition,
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """What criteria are put to: events with their persons, and rows of ``person``."""

    actors: Actors
    persons: OnPersons


def _criteria(criteria: Criteria, asked: _Asked) -> Sql:
    conditions = [
        _criteria(member, asked) if isinstance(member, Criteria) else _criterion(member, asked)
        for member in criteria.members
    ]
    if not conditions:
        return sql("false")
    return any_of(conditions) if criteria.joiner is Joiner.OR else all_of(conditions)


def _criterion(item: Criterion, asked: _Asked) -> Sql:
    match item:
        case Behavior():
            actors = _DOING[type(item.doing)](item, item.doing, asked.actors)
            condition = sql("id IN ({actors})", actors=actors)
        case CreatedAt():
            condition = _created_at(item)
        case PropertyFilter(test=PresenceTest()):
            condition = _has_value(item.key)
        case _:
            return asked.persons.condition(item)
    return negated(condition) if item.negated else condition


def _has_value(key: str) -> Sql:
    """The key exists and its value is not null: of cohorts, "is set" means this."""
    return sql(
        "(isNotNull({stored}) AND NOT ({stored} = 'null' AND has(typed_keys, {path})))",
        stored=stored_text("properties", key),
        path=text(property_path(key)),
    )


def _created_at(item: CreatedAt) -> Sql:
    at = sql("toUnixTimestamp64Second(created_at)")
    bounds = []
    if item.test.since is not None:
        bounds.append(sql("{at} >= {since}", at=at, since=integer(item.test.since)))
    if item.test.until is not None:
        bounds.append(sql("{at} < {until}", at=at, until=integer(item.test.until)))
    return all_of(bounds)


def _performed(item: Behavior, doing: Performed, actors: Actors) -> Sql:
    return sql(
        "SELECT DISTINCT {person} FROM {source} WHERE {events}",
        person=actors.person,
        source=actors.source,
        events=_events(item, actors, window=doing.window),
    )


def _first_time(item: Behavior, doing: FirstTime, actors: Actors) -> Sql:
    return _grouped(item, actors, _inside(sql("min(e.timestamp)"), doing.window))


def _multiple(item: Behavior, doing: Multiple, actors: Actors) -> Sql:
    return _grouped(item, actors, _compared(_EVENTS, doing.amount), window=doing.window)


def _stopped(item: Behavior, doing: Stopped, actors: Actors) -> Sql:
    having = sql(
        "countIf({before}) > 0 AND countIf({recently}) = 0",
        before=_inside(_TIME, doing.window),
        recently=_inside(_TIME, doing.recent),
    )
    first = min(doing.window.first, doing.recent.first)
    return _grouped(item, actors, having, window=Window(first, item.now))


def _restarted(item: Behavior, doing: Restarted, actors: Actors) -> Sql:
    if doing.window.first > doing.recent.first:
        # There is no time in which it was not done.
        return sql("SELECT toUUID('00000000-0000-0000-0000-000000000000') WHERE false")
    having = sql(
        """countIf({recently}) > 0 AND countIf(e.timestamp >= {since} AND e.timestamp < {until}) = 0
        AND min(e.timestamp) < {until}""",
        recently=_inside(_TIME, doing.recent),
        since=moment(doing.window.first),
        until=moment(doing.recent.first),
    )
    return _grouped(item, actors, having)


def _regularly(item: Behavior, doing: Regularly, actors: Actors) -> Sql:
    end, *begins = doing.bounds
    enough = _compared(sql("number"), doing.amount)
    idle = _compared(integer(0), doing.amount)
    return sql(
        """SELECT actor FROM (
            SELECT {person} AS actor,
                arrayFirstIndex(begin -> toUnixTimestamp64Micro(e.timestamp) >= begin,
                    arrayMap(begin -> toInt64(begin), {begins})) AS period,
                {number} AS number
            FROM {source} WHERE {events} GROUP BY actor, period
        ) GROUP BY actor
        HAVING countIf({enough}) + if({idle}, {periods} - toInt64(count()), 0) >= {minimum}""",
        person=actors.person,
        begins=texts(str((begin - _EPOCH) // _MICROSECOND) for begin in begins),
        number=_EVENTS,
        source=actors.source,
        events=_events(item, actors, window=Window(begins[-1], end - _MICROSECOND)),
        enough=enough,
        idle=idle,
        periods=integer(len(begins)),
        minimum=integer(doing.minimum),
    )


def _followed_by(item: Behavior, doing: FollowedBy, actors: Actors) -> Sql:
    """``windowFunnel`` would take one event for both, so events of one name are looked at pair by pair, in order of
    time; among those at one instant come first those that can be the first of a pair.
    """
    is_first = all_of([_inside(_TIME, doing.window), _filters(item, actors)])
    within = unsigned(doing.within // _MICROSECOND)
    window = Window(doing.window.first, item.now)
    if item.event == doing.event:
        return sql(
            """SELECT actor FROM (
                SELECT {person} AS actor,
                    arraySort(groupUniqArray(({at}, NOT ({is_first}), e.distinct_id, e.uuid))) AS happened
                FROM {source} WHERE {events} GROUP BY actor
            ) WHERE arrayExists((first, then) -> NOT first.2 AND then.1 - first.1 <= {within},
                arrayPopBack(happened), arrayPopFront(happened))""",
            person=actors.person,
            at=_MICROSECONDS,
            is_first=is_first,
            source=actors.source,
            events=_named([item.event], window),
            within=within,
        )
    return sql(
        """SELECT {person} AS actor FROM {source} WHERE {events} GROUP BY actor
        HAVING windowFunnel({within})({at}, e.event = {first} AND {is_first}, e.event = {then}) = 2""",
        person=actors.person,
        source=actors.source,
        events=_named([item.event, doing.event], window),
        within=within,
        at=_MICROSECONDS,
        first=text(item.event),
        is_first=is_first,
        then=text(doing.event),
    )


_DOING: dict[type[Any], Callable[[Behavior, Any, Actors], Sql]] = {
    Performed: _performed,
    FirstTime: _first_time,
    Multiple: _multiple,
    FollowedBy: _followed_by,
    Stopped: _stopped,
    Restarted: _restarted,
    Regularly: _regularly,
}

_TIME = sql("e.timestamp")


def _grouped(item: Behavior, actors: Actors, having: Sql, *, window: Window | None = None) -> Sql:
    """The persons whose events, in ``window`` or ever, have something in common."""
    return sql(
        "SELECT {person} AS actor FROM {source} WHERE {events} GROUP BY actor HAVING {having}",
        person=actors.person,
        source=actors.source,
        events=_events(item, actors, window=window),
        having=having,
    )


def _events(item: Behavior, actors: Actors, *, window: Window | None) -> Sql:
    """The condition for events of the criterion's kind; without a window: until now."""
    named = _named([item.event], window or Window(_CLICKHOUSE_FIRST, item.now))
    if not item.filters.members:
        return named
    return sql("{named} AND ({filters})", named=named, filters=_filters(item, actors))


#: No time of an event is before this one.
_CLICKHOUSE_FIRST = datetime(1900, 1, 1, tzinfo=UTC)


def _named(names: list[str], window: Window) -> Sql:
    conditions = [
        sql("e.project_id = {project_id:Int64}"),
        _inside(_TIME, window),
        sql("e.event IN {names}", names=texts(dict.fromkeys(names))),
    ]
    return join(" AND ", conditions)


def _filters(item: Behavior, actors: Actors) -> Sql:
    return group_condition(item.filters, OnEvents(actors.person))


def _inside(at: Sql, window: Window) -> Sql:
    return sql(
        "{at} >= {first} AND {at} <= {last}",
        at=at,
        first=moment(window.first),
        last=moment(window.last),
    )


def _compared(number: Sql, amount: Amount) -> Sql:
    return sql(
        "{number} {comparison} {wanted}",
        number=number,
        comparison=trusted(amount.comparison.value if amount.comparison else "="),
        wanted=integer(amount.number),
    )


def _contains(wanted: str) -> Sql:
    places = [
        sql("ifNull({stored}, '')", stored=trusted(property_text("properties", key))) for key in _SEARCHED
    ]
    by_id = sql(
        """id IN (SELECT person_id FROM person_distinct_id FINAL
        WHERE project_id = {project_id:Int64} AND is_deleted = 0 AND {contains})""",
        contains=_has_text(sql("distinct_id"), wanted),
    )
    return any_of([*(_has_text(place, wanted) for place in (*places, sql("toString(id)"))), by_id])


def _has_text(place: Sql, wanted: str) -> Sql:
    return sql("positionCaseInsensitiveUTF8({place}, {wanted}) > 0", place=place, wanted=text(wanted))
