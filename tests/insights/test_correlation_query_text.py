"""The text of correlations: the project first, values never in the text, whatever a request holds."""

from typing import Any

import pytest

from insights.filters.correlation import read_correlation, read_correlation_actors
from insights.filters.project import ProjectFacts
from insights.queries.correlation import correlated
from insights.queries.correlation_actors import actors
from insights.queries.funnel_population import population
from tests.insights.test_query_text import EXCLUSION, FILTERS, WORD, check
from tests.insights.world import NOON

FUNNEL: dict[str, Any] = {
    "events": [{"id": "a", "properties": FILTERS}, {"id": WORD, "order": 1}],
    "properties": {"type": "OR", "values": FILTERS},
    "exclusions": [EXCLUSION],
}
PROJECT = ProjectFacts(5)
TABLES: list[dict[str, Any]] = [
    {"funnel_correlation_exclude_event_names": [WORD, "Zyx"]},
    {
        "funnel_correlation_type": "event_with_properties",
        "funnel_correlation_event_names": [WORD, "$autocapture"],
        "funnel_correlation_event_exclude_property_names": [WORD],
    },
    {
        "funnel_correlation_type": "properties",
        "funnel_correlation_names": [WORD, "k"],
        "funnel_correlation_exclude_names": ["Zyx"],
    },
    {"funnel_correlation_type": "properties", "funnel_correlation_names": ["$all"]},
]
VALUES = [{"key": WORD, "value": WORD}, {"key": "k", "value": ["Zyx", 1], "operator": "is_not"}]
ROWS: list[dict[str, Any]] = [
    {"funnel_correlation_person_entity": {"id": WORD, "properties": {"type": "OR", "values": FILTERS}}},
    {"funnel_correlation_person_entity": {"id": None}},
    {"funnel_correlation_type": "properties", "funnel_correlation_property_values": VALUES},
]


@pytest.mark.parametrize("order", ["ordered", "strict", "unordered"])
@pytest.mark.parametrize("asked", TABLES, ids=["events", "event_with_properties", "properties", "all"])
@pytest.mark.parametrize("group", [None, 2])
@pytest.mark.parametrize("value", [None, WORD])
def test_every_table(order: str, asked: dict[str, Any], group: int | None, value: str | None) -> None:
    given = {**_funnel(order, group), **asked, "breakdown": WORD, "funnel_step_breakdown": value}
    question = read_correlation(given, project=PROJECT, now=NOON)

    for overridden in (False, True):
        check(correlated(question, population(question.entered.funnel, overridden=overridden, kept=[])))


@pytest.mark.parametrize("asked", ROWS, ids=["event", "any event", "property"])
@pytest.mark.parametrize("group", [None, 2])
@pytest.mark.parametrize("search", [None, "Zyx"])
def test_every_list_of_actors(asked: dict[str, Any], group: int | None, search: str | None) -> None:
    given = {**_funnel("ordered", group), **asked, "search": search}
    question = read_correlation_actors(given, project=PROJECT, now=NOON)

    for overridden in (False, True):
        check(actors(question, population(question.entered.funnel, overridden=overridden, kept=[])))


def _funnel(order: str, group: int | None) -> dict[str, Any]:
    # Of an unordered funnel an exclusion is for the whole, as here.
    return {**FUNNEL, "funnel_order_type": order, "aggregation_group_type_index": group}
