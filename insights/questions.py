"""The kinds of questions that a worker can answer. A question is JSON: what the request gave, the project's
facts, the time.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from insights.filters.funnel import read_funnel_persons
from insights.filters.project import ProjectFacts
from insights.limits import Limits
from insights.queries import funnel


def funnel_persons(question: Mapping[str, Any], limits: Limits) -> list[str]:
    """Ids of ``rows`` persons of a funnel, in order, from ``offset`` on."""
    asked = read_funnel_persons(
        question["given"], project=ProjectFacts(**question["project"]), now=_now(question)
    )
    return funnel.find_persons(asked, offset=question["offset"], rows=question["rows"], limits=limits)


def _now(question: Mapping[str, Any]) -> datetime:
    return datetime.fromtimestamp(question["now"], UTC)


KINDS: dict[str, Callable[[Mapping[str, Any], Limits], Any]] = {"funnel_persons": funnel_persons}
