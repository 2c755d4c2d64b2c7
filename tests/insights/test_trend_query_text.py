"""The text of the queries of trends, stickiness and lifecycle: the project first, values never in the text, no join
without need, and dates that leave out partitions.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from core.sql.text import Sql
from insights.filters.lifecycle import read_lifecycle, read_lifecycle_persons
from insights.filters.maths import WORDS
from insights.filters.project import ProjectFacts
from insights.filters.stickiness import read_stickiness_persons
from insights.filters.trend_series import read_trends
from insights.filters.trends import read_trend_persons
from insights.queries import lifecycle, stickiness, trend_series, trends
from tests.insights.test_query_text import FILTERS, PROPERTIES, WORD, check

NOW = datetime(2026, 2, 1, tzinfo=UTC)
FACTS = ProjectFacts(5, "Europe/Berlin")
DATES = {"date_from": "2026-01-05", "date_to": "2026-01-07"}
BREAKDOWNS: list[dict[str, Any]] = [
    {},
    {"breakdown": WORD, "breakdown_value": WORD},
    {"breakdown": [WORD, "x"], "breakdown_type": "person", "breakdown_value": [WORD, ""]},
    {"breakdown": WORD, "breakdown_type": "group", "breakdown_group_type_index": 1, "breakdown_value": WORD},
]


def series_of(math: str, properties: Any = ()) -> dict[str, Any]:
    return {
        "id": WORD, "math": math, "math_property": WORD, "math_group_type_index": 2, "properties": list(properties),
    }  # fmt: skip


def built(overridden: bool, *, math: str = "total", filters: Any = (), **given: Any) -> Iterator[Sql]:
    """All queries that there are for these parameters."""
    given = {
        "events": [series_of(math, filters)], "entity_type": "events", "entity_order": 0, "stickiness_days": 2,
        "target_date": "2026-01-06", **DATES, **given,
    }  # fmt: skip
    by_group = math == "unique_group"
    question = read_trend_persons(given, project=FACTS, now=NOW)
    yield (trends.groups if by_group else trends.persons)(question, overridden=overridden)
    sticky = read_stickiness_persons(given, project=FACTS, now=NOW)
    yield (stickiness.groups if by_group else stickiness.persons)(sticky, overridden=overridden)
    yield stickiness.counts(sticky.stickiness, overridden=overridden)
    life = read_lifecycle(given, project=FACTS, now=NOW)
    assert life is not None
    yield lifecycle.counts(life, overridden=overridden)
    for state in ("new", "dormant"):
        lives = read_lifecycle_persons({**given, "lifecycle_type": state}, project=FACTS, now=NOW)
        yield lifecycle.persons(lives, life, overridden=overridden)
    for display in ("", "ActionsLineGraphCumulative", "BoldNumber"):
        (trend,) = read_trends({**given, "display": display}, project=FACTS, now=NOW)
        (series,) = trend.series
        pieces = trend_series.pieces_of(trend.looked_at(series.math))
        values = [trend_series.WHOLE]
        if trend.breakdown is not None:
            yield trend_series.frequent_values(trend, series, trend.breakdown, overridden=overridden)
            values = [(WORD,) * len(trend.breakdown.keys)]
        yield trend_series.numbers(trend, series, values, pieces, overridden=overridden)


@pytest.mark.parametrize("math", WORDS)
@pytest.mark.parametrize("breakdown", BREAKDOWNS)
def test_every_math_and_breakdown(math: str, breakdown: dict[str, Any]) -> None:
    for overridden in (False, True):
        for query in built(overridden, math=math, **breakdown):
            check(query)


@pytest.mark.parametrize("properties", PROPERTIES)
@pytest.mark.parametrize("search", [None, "Zyx"])
@pytest.mark.parametrize("math", ["total", "dau", "unique_group"])
def test_filters_and_search(properties: Any, search: str | None, math: str) -> None:
    for overridden in (False, True):
        for query in built(overridden, math=math, filters=FILTERS, properties=properties, search=search):
            check(query)


@pytest.mark.parametrize("math", WORDS)
def test_overrides_are_joined_only_when_there_are_any(math: str) -> None:
    for query in built(False, math=math):
        assert "person_distinct_id_overrides" not in query.rendered()[0]


@pytest.mark.parametrize("math", WORDS)
def test_every_look_at_events_names_its_dates(math: str) -> None:
    """As constants, so that ClickHouse leaves out partitions and days before it reads."""
    for query in built(True, math=math, search="Zyx"):
        text, values = query.rendered()
        looks = re.findall(
            r"e\.timestamp >= \{(p\d+):DateTime64\(6, 'UTC'\)\} AND e\.timestamp < \{(p\d+):DateTime64", text
        )

        assert len(looks) == text.count("FROM events")
        for first, end in looks:
            # A month and a week: what monthly_active looks back.
            assert "2025-12-01" <= str(values[first]) < str(values[end]) <= "2026-01-08 23:00:00"


def test_an_ordinary_series_literally() -> None:
    *_, query, _, _ = built(False)

    text, values = query.rendered()

    assert re.sub(r"\s+", " ", text) == (
        "SELECT transform(roundDown(toInt64(toUnixTimestamp64Second(e.timestamp)), {p0:Array(Int64)}), "
        "{p1:Array(Int64)}, range(toInt64(3)), 0) AS place, CAST([] AS Array(String)) AS value, "
        "uniqExact(cityHash64(toDate32(e.timestamp), e.event, e.distinct_id), e.uuid) FROM events AS e "
        "WHERE e.project_id = {project_id:Int64} AND e.timestamp >= {p2:DateTime64(6, 'UTC')} "
        "AND e.timestamp < {p3:DateTime64(6, 'UTC')} AND e.event IN {p4:Array(String)} GROUP BY place, value"
    )
    starts = [1767567600, 1767654000, 1767740400]
    assert values == {
        "p0": starts,
        "p1": starts,
        "p2": "2026-01-04 23:00:00.000000",
        "p3": "2026-01-07 23:00:00.000000",
        "p4": [WORD],
    }
