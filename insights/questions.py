"""The kinds of questions that a worker can answer. A question is JSON: what the request gave, the project's
facts, the time.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from insights.filters.funnel import read_funnel_persons
from insights.filters.project import ProjectFacts
from insights.filters.properties_timeline import read_timeline
from insights.limits import Limits
from insights.queries import funnel, funnel_groups
from insights.queries.properties_timeline import find_points


def funnel_persons(question: Mapping[str, Any], limits: Limits) -> list[str]:
    """Ids of ``rows`` persons, or keys of groups, of a funnel, in order, from ``offset`` on."""
    asked = read_funnel_persons(
        question["given"], project=ProjectFacts(**question["project"]), now=_now(question)
    )
    find = funnel.find_persons if asked.funnel.group_type_index is None else funnel_groups.find_groups
    return find(asked, offset=question["offset"], rows=question["rows"], limits=limits)


def properties_timeline(question: Mapping[str, Any], limits: Limits) -> list[dict[str, Any]]:
    """The points of the timeline of a person."""
    asked = read_timeline(question["given"], project=ProjectFacts(**question["project"]), now=_now(question))
    return find_points(asked, UUID(question["person"]), limits=limits)


def _now(question: Mapping[str, Any]) -> datetime:
    return datetime.fromtimestamp(question["now"], UTC)


KINDS: dict[str, Callable[[Mapping[str, Any], Limits], Any]] = {
    "funnel_persons": funnel_persons,
    "properties_timeline": properties_timeline,
}
