"""Which groups reached which step of an ordered funnel?

As ``insights.queries.funnel`` with groups of a type for persons: an event counts for the group whose key stands in
its column, and events without one are not there at all. So groups come from the events themselves, in the order of
their keys, and also those count that no ``$groupidentify`` has told of. ``groups`` is read for filters by properties
of groups and for the search.

Cost: one column of text more than a funnel of persons, and every group that is found is sorted for a page. Overrides
are joined only when something is asked about persons.
"""

from collections.abc import Iterator
from dataclasses import replace

from core.clickhouse import client
from core.filters.properties import PropertyFilter, Source, TextMatch, TextTest
from core.sql.patterns import check_patterns
from core.sql.text import Sql, any_of, integer, join, sql, text, trusted
from insights.filters.funnel import FunnelPersons
from insights.limits import Limits
from insights.queries.funnel import SEARCHED, events_between, steps_reached
from insights.sql.conditions import OnEvents
from insights.sql.person_of_event import Actors, groups_of_events, has_overrides

_SEARCHED_OF_GROUPS = ("name", "slug")


def find_groups(question: FunnelPersons, *, offset: int, rows: int, limits: Limits) -> list[str]:
    """Keys of at most ``rows`` groups, from ``offset`` on. Raises as ``insights.queries.funnel.find_persons``."""
    project_id = question.funnel.project_id
    check_patterns(question.funnel.filters())
    overridden = _asks_persons(question) and has_overrides(project_id)
    query = groups(replace(question, offset=offset, limit=rows), overridden=overridden)
    text_, parameters = query.rendered()
    found = client.query(
        text_, project_id=project_id, parameters=parameters, settings=limits.settings(purpose="funnel groups")
    )
    return [key for (key,) in found]


def _asks_persons(question: FunnelPersons) -> bool:
    return question.search is not None or any(
        item.source is Source.PERSON for item in question.funnel.filters()
    )


def groups(question: FunnelPersons, *, overridden: bool) -> Sql:
    """One page of keys of groups, by key. ``overridden``: whether any distinct id of the project has moved."""
    funnel = question.funnel
    if funnel.group_type_index is None:
        raise ValueError("the funnel counts persons")
    actors = groups_of_events(funnel.group_type_index, overridden=overridden)
    conditions = [sql("reached IN ({wanted})", wanted=trusted(", ".join(map(str, question.reached))))]
    if question.search is not None:
        conditions.append(_search(question, question.search, actors))
    return sql(
        "SELECT actor FROM ({reached}) WHERE {conditions} ORDER BY actor LIMIT {limit} OFFSET {offset}",
        reached=steps_reached(funnel, funnel.properties, actors),
        conditions=join(" AND ", conditions),
        limit=integer(question.limit),
        offset=integer(question.offset),
    )


def _search(question: FunnelPersons, wanted: str, actors: Actors) -> Sql:
    """Groups with an event whose group, person or distinct id bears the text."""
    on_events = OnEvents(actors.person)
    by_distinct_id = sql("positionCaseInsensitiveUTF8(e.distinct_id, {wanted}) > 0", wanted=text(wanted))
    return sql(
        "actor IN (SELECT {actor} FROM {source} WHERE {where} AND {found})",
        actor=actors.id,
        source=actors.source,
        where=events_between(question.funnel.dates, question.funnel.properties, actors, names=()),
        found=any_of([*map(on_events.condition, _searched(question, wanted)), by_distinct_id]),
    )


def _searched(question: FunnelPersons, wanted: str) -> Iterator[PropertyFilter]:
    test = TextTest(TextMatch.CONTAINS, (wanted,))
    for key in SEARCHED:
        yield PropertyFilter(Source.PERSON, key, test, negated=False, attr="search")
    for key in _SEARCHED_OF_GROUPS:
        yield PropertyFilter(
            Source.GROUP,
            key,
            test,
            negated=False,
            attr="search",
            group_type_index=question.funnel.group_type_index,
        )
