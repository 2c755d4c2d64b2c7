"""Links from a number to the persons or groups behind it."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import orjson

from core.filters.dates import DateRange
from core.json import iso
from insights.filters.series import Series

#: Parameters of a question that also limit who is behind its numbers.
PASSED_ON = (
    "events",
    "properties",
    "filter_test_accounts",
    "interval",
    "breakdown",
    "breakdowns",
    "breakdown_type",
    "breakdown_group_type_index",
    "breakdown_normalize_url",
)


def passed_on(given: Mapping[str, Any]) -> dict[str, Any]:
    """What a question and its links have in common."""
    return {name: given[name] for name in PASSED_ON if name in given}


def link(project_id: int, route: str, given: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The link to ``route`` below the project's persons, and as ``filter`` what it adds to the question."""
    return {"filter": dict(wanted), "url": path(project_id, route, {**passed_on(given), **wanted})}


def path(project_id: int, route: str, parameters: Mapping[str, Any]) -> str:
    """``route`` below the project's persons with ``parameters``: without a slash at its beginning, which some links of
    the contract have and others not. What is no text becomes JSON; null is left out.
    """
    query = urlencode({name: _text(value) for name, value in parameters.items() if value is not None})
    return f"api/projects/{project_id}/persons/{route}/?{query}"


def target(series: Series, place: int) -> dict[str, Any]:
    """The parameters that mean the series at ``place``."""
    return {
        "entity_id": series.entity.id,
        "entity_type": series.entity.type.value,
        "entity_math": series.math.word,
        "entity_order": place,
    }


def exact_dates(dates: DateRange) -> dict[str, Any]:
    """The parameters that mean just this range, whenever the link is followed."""
    return {
        "date_from": iso(dates.first),
        "date_to": iso(dates.last),
        "explicit_date": True,
    }


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
