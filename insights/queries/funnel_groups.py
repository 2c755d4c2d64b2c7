"""Which groups reached which step of a funnel?

As ``insights.queries.funnel`` with groups of a type for persons: an event counts for the group whose key stands in
its column, and events without one are not there at all. So groups come from the events themselves, in the order of
their keys, and also those count that no ``$groupidentify`` has told of. ``groups`` is read for filters by properties
of groups and for the search.

Cost: one column of text more than a funnel of persons, and every group that is found is sorted for a page. Overrides
are joined only when something is asked about persons.
"""

from collections.abc import Sequence
from dataclasses import replace

from core.clickhouse import client
from core.filters.properties import OF_PERSONS
from core.sql.patterns import check_patterns
from core.sql.text import Sql, integer, join, sql
from insights.filters.breakdown import Value
from insights.filters.funnel import FunnelFilter, FunnelPersons
from insights.limits import Limits
from insights.queries.funnel import kept_values, wanted_actors
from insights.sql.person_of_event import groups_of_events, has_overrides
from insights.sql.search import groups_with_text

_SEARCHED_OF_GROUPS = ("name", "slug")


def find_groups(question: FunnelPersons, *, offset: int, rows: int, limits: Limits) -> list[str]:
    """Keys of at most ``rows`` groups, from ``offset`` on. Raises as ``insights.queries.funnel.find_persons``."""
    project_id = question.funnel.project_id
    check_patterns(question.funnel.filters())
    overridden = (question.page.search is not None or asks_persons(question.funnel)) and has_overrides(
        project_id
    )
    actors = groups_of_events(type_index(question.funnel), overridden=overridden)
    query = groups(
        replace(question, page=replace(question.page, offset=offset, limit=rows)),
        overridden=overridden,
        kept=kept_values(question, actors, limits=limits),
    )
    text_, parameters = query.rendered()
    found = client.query(
        text_, project_id=project_id, parameters=parameters, settings=limits.settings(purpose="funnel groups")
    )
    return [key for (key,) in found]


def asks_persons(funnel: FunnelFilter) -> bool:
    """Whether the persons of events matter to a funnel that counts groups."""
    if funnel.breakdown is not None and funnel.breakdown.source in OF_PERSONS:
        return True
    return any(item.source in OF_PERSONS for item in funnel.filters())


def type_index(funnel: FunnelFilter) -> int:
    """The type of the groups that are counted."""
    if funnel.group_type_index is None:
        raise ValueError("the funnel counts persons")
    return funnel.group_type_index


def groups(question: FunnelPersons, *, overridden: bool, kept: Sequence[Value] = ()) -> Sql:
    """One page of keys of groups, by key. ``overridden``: whether any distinct id of the project has moved; ``kept``:
    the values of the breakdown that are told apart.
    """
    funnel = question.funnel
    actors = groups_of_events(type_index(funnel), overridden=overridden)
    conditions = [wanted_actors(question, funnel.properties, actors, kept)]
    if question.page.search is not None:
        conditions.append(
            groups_with_text(
                question.page.search, type_index(funnel), funnel.dates, funnel.properties, actors
            )
        )
    return sql(
        "{conditions} ORDER BY actor LIMIT {limit} OFFSET {offset}",
        conditions=join(" AND ", conditions),
        limit=integer(question.page.limit),
        offset=integer(question.page.offset),
    )
