"""Which persons reached which step of an ordered funnel?

Reads ``events`` of the date range and of the steps' names (by the sorting key: project, day, name),
resolves persons through ``person_distinct_id_overrides`` where the project has any, and ``person`` for who
exists and passes person filters.

How many steps an actor reached is the largest k for which there are k different events e0 … e(k-1), each
matching its step, in order of time (equal times in any order), the last one within the window from the
first. Two forms compute it:

* No event can fill two steps (``FunnelFilter.shared`` is empty, the common case): ``windowFunnel`` on the
  rows. It keeps the latest start that leads to each step, in order of time and, at the same instant, in
  order of the steps. That is exact then; a row that is there twice until ClickHouse merges it changes
  nothing. It takes no DateTime64, hence microseconds.
* Otherwise it would let one event fill two steps. (Its mode ``strict_once`` does not, but keeps every
  possible sequence: they grow as the events of an actor to the power of steps.) So the events of an actor
  are gathered first and brought into an order in which that cannot happen, and ``windowFunnel`` runs over
  the array (``_arranged``).

Cost on two cores, 10 M events, three steps, 14 days (``benchmarks/funnel.py``): 2 to 2.5 times
``uniqExact(person_id)`` over the same rows for the first form, 5 to 6.5 times for the second, which also
reads a property. The overrides add one join.

Persons are selected from ``person`` by the set of actors, not the other way round: who has no profile is
never found, pages come in the order of the table (person id) and the table stops being read when the page
is full.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from core.clickhouse import client
from core.filters.dates import DateRange
from core.filters.properties import PropertyFilter, PropertyGroup, Source, TextMatch, TextTest
from core.sql.conditions import ON_PERSONS, group_condition
from core.sql.patterns import check_patterns
from core.sql.text import Sql, all_of, any_of, integer, join, moment, sql, text, texts, trusted, unsigned
from insights.filters.entities import Entity
from insights.filters.funnel import FunnelFilter, FunnelPersons
from insights.filters.split_sources import split_sources
from insights.limits import Limits
from insights.sql.conditions import OnEvents
from insights.sql.person_of_event import Actors, has_overrides, persons_of_events

#: Microseconds since 1900, the first year of ClickHouse's times: never negative.
_MICROSECONDS = sql("toUInt64(toUnixTimestamp64Micro(e.timestamp) + 2208988800000000)")
_MICROSECOND = timedelta(microseconds=1)
#: What the search looks for of a person, besides distinct ids.
SEARCHED = ("email", "name")


def find_persons(question: FunnelPersons, *, offset: int, rows: int, limits: Limits) -> list[str]:
    """Ids of at most ``rows`` persons, from ``offset`` on.

    Raises ``InvalidInput`` for a bad pattern, ``ClickHouseUnavailable`` or ``QueryTooHeavy``.
    """
    project_id = question.funnel.project_id
    check_patterns(question.funnel.filters())
    query = persons(replace(question, offset=offset, limit=rows), overridden=has_overrides(project_id))
    text, parameters = query.rendered()
    found = client.query(
        text, project_id=project_id, parameters=parameters, settings=limits.settings(purpose="funnel persons")
    )
    return [str(row[0]) for row in found]


def persons(question: FunnelPersons, *, overridden: bool) -> Sql:
    """One page of ids of persons, by id. ``overridden``: whether any distinct id of the project has moved."""
    funnel = question.funnel
    actors = persons_of_events(overridden=overridden)
    of_persons, of_events = split_sources(funnel.properties, Source.PERSON)
    conditions = [sql("project_id = {project_id:Int64}")]
    if of_persons.members:
        conditions.append(group_condition(of_persons, ON_PERSONS))
    if question.search is not None:
        conditions.append(_search(question.search, funnel.dates, of_events, actors))
    reached = steps_reached(funnel, of_events, actors)
    conditions.append(
        sql(
            "id IN (SELECT actor FROM ({reached}) WHERE reached IN ({wanted}))",
            reached=reached,
            wanted=trusted(", ".join(map(str, question.reached))),
        )
    )
    return sql(
        "SELECT id FROM person FINAL WHERE {conditions} ORDER BY project_id, id LIMIT {limit} OFFSET {offset}",
        conditions=join(" AND ", conditions),
        limit=integer(question.limit),
        offset=integer(question.offset),
    )


def steps_reached(funnel: FunnelFilter, properties: PropertyGroup, actors: Actors) -> Sql:
    """Rows ``actor, reached`` of everyone with an event of a step; ``properties`` limits which events count."""
    steps = [_matches(step, actors) for step in funnel.steps]
    form = _arranged if funnel.shared else _window_funnel
    return form(funnel, steps, events_between(funnel.dates, properties, actors, _names(funnel.steps)), actors)


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


def _names(steps: Sequence[Entity]) -> Sequence[str]:
    """The names that events of the steps have; none when a step takes any event."""
    names = [step.id for step in steps if step.id is not None]
    return list(dict.fromkeys(names)) if len(names) == len(steps) else []


def _matches(step: Entity, actors: Actors) -> Sql:
    conditions = [] if step.id is None else [sql("e.event = {name}", name=text(step.id))]
    if step.properties.members:
        conditions.append(group_condition(step.properties, OnEvents(actors.person)))
    return all_of(conditions)


def _window_funnel(funnel: FunnelFilter, steps: Sequence[Sql], where: Sql, actors: Actors) -> Sql:
    return sql(
        """SELECT {actor} AS actor, windowFunnel({window})({time}, {steps}) AS reached
        FROM {source} WHERE {where} GROUP BY actor""",
        actor=actors.id,
        window=unsigned(funnel.window // _MICROSECOND),
        time=_MICROSECONDS,
        steps=join(", ", steps),
        source=actors.source,
        where=where,
    )


def _arranged(funnel: FunnelFilter, steps: Sequence[Sql], where: Sql, actors: Actors) -> Sql:
    """``windowFunnel`` over the events of each actor, arranged so that no event fills two steps.

    At an instant, the steps l … h can be filled when there is another event for each. For each h, from the
    last step to the first, the instant contributes its longest such run that ends in h, as moments l, …, h:
    a run continues what was reached before the instant, for runs that end later begin no earlier. The
    moments of an instant are told apart by making time finer; the window is made finer likewise, with room
    for the moments of its last instant. Rows that are there twice are one event: what is gathered is unique
    with its uuid.
    """
    moments = len(steps) * (len(steps) + 1) // 2
    fineness = 2 * moments + 1
    window = funnel.window // _MICROSECOND * fineness + moments
    return sql(
        """SELECT actor, {reached} AS reached FROM (
            SELECT actor, arrayFlatten(arrayMap(
                instant -> arrayMap(
                    (step, position) -> (instant[1].1 * {fineness} + position, step),
                    if(length(instant) = 1, {one}, {several}) AS filled,
                    arrayEnumerate(filled)),
                arraySplit((event, pause) -> pause != 0, gathered, arrayDifference(gathered.1)))) AS moments
            FROM (
                SELECT {actor} AS actor, arraySort(groupUniqArray(({time}, e.uuid, {mask} AS mask))) AS
                gathered FROM {source} WHERE {where} AND mask != 0 GROUP BY actor )
        )""",
        reached=_reduced(len(steps), window),
        fineness=trusted(str(fineness)),
        one=_filled_by_one(len(steps)),
        several=_filled_by_several(len(steps), funnel.shared),
        actor=actors.id,
        time=_MICROSECONDS,
        mask=_mask(steps),
        source=actors.source,
        where=where,
    )


def _reduced(count: int, window: int) -> Sql:
    """``windowFunnel`` over the array ``moments`` of (time, step)."""
    matches = (
        sql("arrayMap(step -> step = {step}, moments.2)", step=trusted(str(step))) for step in range(count)
    )
    return sql(
        "arrayReduce('windowFunnel({window})', moments.1, {matches})",
        window=trusted(str(window)),
        matches=join(", ", matches),
    )


def _mask(steps: Sequence[Sql]) -> Sql:
    """The steps that an event matches, as bits."""
    bits = (
        sql("bitShiftLeft(toUInt32({step}), {position})", step=step, position=trusted(str(position)))
        for position, step in enumerate(steps)
    )
    return sql("({bits})", bits=join(" + ", bits))


def _filled_by_one(count: int) -> Sql:
    """The runs of an instant with one event: each step that it matches, by itself."""
    steps = ", ".join(str(step) for step in reversed(range(count)))
    return trusted(f"arrayFilter(step -> bitTest(instant[1].3, step), [{steps}])")


def _filled_by_several(count: int, shared: Sequence[tuple[int, ...]]) -> Sql:
    """The runs of an instant with several events.

    By Hall's theorem the steps l … h can be filled unless some set of these steps has fewer events than
    steps. Only sets that hang together need to be looked at: another set lacks events only if a part of it
    that hangs together does.
    """
    sets = [(step,) for step in range(count)] + list(shared)
    columns = (
        [sum(1 << step for step in members) for members in sets],
        [len(members) for members in sets],
        [members[0] + 1 for members in sets],
        [members[-1] for members in sets],
    )
    return trusted(
        f"""arrayFlatten(arrayMap(last -> range(
            toUInt8(arrayMax(arrayMap((members, size, after, highest) ->
                if(highest <= last AND arrayCount(event -> bitAnd(event.3, members) != 0, instant) < size,
                after, 0), {", ".join(map(str, columns))}))),
            toUInt8(last + 1)), {list(reversed(range(count)))}))"""
    )


def _search(wanted: str, dates: DateRange, properties: PropertyGroup, actors: Actors) -> Sql:
    """Persons whose e-mail or name contains the text, or who have an event under such a distinct id."""
    fields = [
        PropertyFilter(
            Source.PERSON, key, TextTest(TextMatch.CONTAINS, (wanted,)), negated=False, attr="search"
        )
        for key in SEARCHED
    ]
    by_distinct_id = sql(
        """id IN (
            SELECT {actor} FROM {source}
            WHERE {where} AND positionCaseInsensitiveUTF8(e.distinct_id, {wanted}) > 0
        )""",
        actor=actors.id,
        source=actors.source,
        where=events_between(dates, properties, actors, names=()),
        wanted=text(wanted),
    )
    return sql("({found})", found=any_of([*map(ON_PERSONS.condition, fields), by_distinct_id]))
