"""The text of queries: the project first, values never in the text, whatever a request holds."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.sql.text import Sql
from insights.queries import funnel, funnel_groups
from insights.queries.funnel_population import population
from insights.queries.funnel_split import frequent_values
from insights.queries.funnel_steps import step_counts
from insights.queries.funnel_times import times
from insights.queries.funnel_trends import entered
from tests.insights.world import World

WORD = "Zyx'`\\"
FILTERS: list[Any] = [
    {"key": "k", "value": WORD},
    {"key": "k", "value": [WORD, "Zyx"], "operator": "is_not"},
    {"key": WORD, "value": [WORD, "Zyx"], "operator": "icontains", "type": "person"},
    {"key": "k", "value": "Zyx", "operator": "regex", "type": "person"},
    {"key": "k", "value": 987654321, "operator": "gt"},
    {"key": "k", "value": "2021-05-01", "operator": "is_date_exact"},
    {"key": "k", "operator": "is_not_set"},
    {"key": WORD, "value": [WORD, "Zyx"], "type": "group", "group_type_index": 3},
    {"key": "id", "value": 987654321, "type": "cohort", "operator": "not_in"},
]
STEPS: list[Any] = [
    [{"id": WORD}, {"id": "b"}],
    [{"id": WORD, "properties": FILTERS}, {"id": WORD}, {"id": None}],
]
PROPERTIES: list[Any] = [[], FILTERS, {"type": "OR", "values": FILTERS}]


def build(**given: Any) -> list[Sql]:
    world = World(project_id=5, cohorts={987654321: "Zyx"})
    persons, groups = world.question(**given), world.question(aggregation_group_type_index=2, **given)
    return [
        query(question, overridden=overridden)
        for query, question in ((funnel.persons, persons), (funnel_groups.groups, groups))
        for overridden in (False, True)
    ]


def check(query: Sql) -> None:
    text, values = query.rendered()
    reading = [
        scope for scope in scopes(text) if re.search(r"FROM (events|person|groups|cohort_members)", scope)
    ]

    # Every table is read under the condition for the project, which comes first and has no OR beside it.
    assert len(reading) == len(re.findall(r"FROM (?:events|person|groups|cohort_members)", text)) >= 1
    for scope in reading:
        assert re.search(r" (?:PRE)?WHERE (e\.)?project_id = \{project_id:Int64\}( AND |\s*$)", scope), scope
        assert " OR " not in scope
    # No value is part of the text; keys are, escaped.
    assert not re.search(r"Zyx|987654321", re.sub(r"properties\.`[^`]*`", "", text))
    assert set(re.findall(r"\{(p\d+):", text)) == set(values)
    assert all(
        re.fullmatch(r"[A-Za-z0-9_$ %-]*", path) for path in re.findall(r"properties\.`([^`]*)`", text)
    )


def scopes(text: str) -> list[str]:
    """What stands at each level of parentheses, without what stands in the parentheses within."""
    open_, closed = [""], []
    for character in re.sub(r"\s+", " ", text):
        if character == "(":
            open_.append("")
        elif character == ")":
            closed.append(open_.pop())
        else:
            open_[-1] += character
    return closed + open_


@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize("properties", PROPERTIES)
@pytest.mark.parametrize("search", [None, "Zyx"])
def test_every_built_query(steps: Any, properties: Any, search: str | None) -> None:
    for query in build(events=steps, properties=properties, search=search):
        check(query)


EXCLUSION = {"id": "Zyx", "properties": FILTERS, "funnel_from_step": 0, "funnel_to_step": 1}
BREAKDOWNS: list[dict[str, Any]] = [
    {},
    {"breakdown": ["k", WORD]},
    {"breakdown": ["k"], "breakdown_attribution_type": "all_events", "breakdown_normalize_url": True},
    {"breakdown": ["k"], "breakdown_attribution_type": "step", "breakdown_attribution_value": 0},
    {"breakdown": [WORD], "breakdown_type": "person"},
    {"breakdown": [WORD], "breakdown_type": "group", "breakdown_group_type_index": 1},
]


@pytest.mark.parametrize("order", ["ordered", "strict", "unordered"])
@pytest.mark.parametrize("breakdown", BREAKDOWNS)
@pytest.mark.parametrize("group", [None, 2])
def test_every_built_result(order: str, breakdown: dict[str, Any], group: int | None) -> None:
    world = World(project_id=5, cohorts={987654321: "Zyx"})
    question = world.result_question(
        events=[{"id": "a", "properties": FILTERS}, {"id": "b", "order": 1}],
        funnel_order_type=order,
        funnel_viz_type="trends",
        exclusions=[EXCLUSION],
        properties={"type": "OR", "values": FILTERS},
        aggregation_group_type_index=group,
        **breakdown,
    )
    for overridden in (False, True):
        people = population(question.funnel, overridden=overridden, kept=[(WORD,) * 2, ("Zyx",) * 2])
        check(step_counts(question.funnel, people))
        check(entered(question, people))
        check(times(question, people))
        if breakdown:
            check(frequent_values(question.funnel, people.actors))


leaf = st.sampled_from(FILTERS)
trees = st.recursive(
    st.lists(leaf, min_size=1, max_size=3).flatmap(
        lambda values: st.sampled_from(["AND", "OR"]).map(lambda joiner: {"type": joiner, "values": values})
    ),
    lambda inner: st.lists(inner, min_size=1, max_size=3).flatmap(
        lambda values: st.sampled_from(["AND", "OR"]).map(lambda joiner: {"type": joiner, "values": values})
    ),
    max_leaves=6,
)


@given(trees)
@settings(max_examples=100, deadline=None)
def test_any_tree_of_filters(tree: Any) -> None:
    for query in build(events=[{"id": "a", "properties": tree}, {"id": "a"}], properties=tree):
        check(query)


def test_the_common_funnel_literally() -> None:
    query, *_ = build(
        events=[{"id": "a"}, {"id": "b"}], date_from="2026-01-01", date_to="2026-01-02", limit=10
    )

    text, values = query.rendered()

    assert re.sub(r"\s+", " ", text) == (
        "SELECT id FROM person FINAL PREWHERE project_id = {project_id:Int64} AND id IN (SELECT actor FROM ("
        "SELECT e.person_id AS actor, windowFunnel({p0:UInt64})("
        "toUInt64(toUnixTimestamp64Micro(e.timestamp) + 2208988800000000), "
        "e.event = {p1:String}, e.event = {p2:String}) AS reached "
        "FROM events AS e WHERE e.project_id = {project_id:Int64} "
        "AND e.timestamp >= {p3:DateTime64(6, 'UTC')} AND e.timestamp < {p4:DateTime64(6, 'UTC')} "
        "AND e.event IN {p5:Array(String)} GROUP BY actor) WHERE reached IN (1, 2)) WHERE true "
        "ORDER BY project_id, id LIMIT {p6:Int64} OFFSET {p7:Int64}"
    )
    assert values == {
        "p0": 14 * 86400 * 10**6,
        "p1": "a",
        "p2": "b",
        "p3": "2026-01-01 00:00:00.000000",
        "p4": "2026-01-03 00:00:00.000000",
        "p5": ["a", "b"],
        "p6": 10,
        "p7": 0,
    }


def test_the_common_funnel_of_groups_literally() -> None:
    _, _, query, _ = build(
        events=[{"id": "a"}, {"id": "b"}], date_from="2026-01-01", date_to="2026-01-02", limit=10
    )

    text, values = query.rendered()

    assert re.sub(r"\s+", " ", text) == (
        "SELECT actor FROM (SELECT e.group_2 AS actor, windowFunnel({p0:UInt64})("
        "toUInt64(toUnixTimestamp64Micro(e.timestamp) + 2208988800000000), "
        "e.event = {p1:String}, e.event = {p2:String}) AS reached "
        "FROM events AS e WHERE e.project_id = {project_id:Int64} "
        "AND e.timestamp >= {p3:DateTime64(6, 'UTC')} AND e.timestamp < {p4:DateTime64(6, 'UTC')} "
        "AND e.event IN {p5:Array(String)} AND e.group_2 != '' GROUP BY actor) WHERE reached IN (1, 2) "
        "ORDER BY actor LIMIT {p6:Int64} OFFSET {p7:Int64}"
    )
    assert values == {
        "p0": 14 * 86400 * 10**6,
        "p1": "a",
        "p2": "b",
        "p3": "2026-01-01 00:00:00.000000",
        "p4": "2026-01-03 00:00:00.000000",
        "p5": ["a", "b"],
        "p6": 10,
        "p7": 0,
    }
