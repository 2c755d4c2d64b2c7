"""Random funnels over random events with many ties: the SQL against the contract, taken literally.

``INSIGHTS_EXAMPLES`` sets how many funnels of each kind are tried; each has up to 20 actors.
"""

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from core.exceptions import InvalidInput
from core.filters.properties import PropertyGroup
from insights.queries.funnel import persons
from insights.queries.funnel_reached import steps_reached
from insights.sql.person_of_event import persons_of_events
from tests.insights import oracle
from tests.insights.crowds import Actor, crowds, exclusions, insert, seen, series
from tests.insights.world import World

EXAMPLES = int(os.environ.get("INSIGHTS_EXAMPLES", "40"))


@pytest.mark.parametrize("order", ["ordered", "strict", "unordered"])
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="INSIGHTS_EXAMPLES" not in os.environ,
    suppress_health_check=list(HealthCheck),
)
@given(
    series=series,
    excluded=exclusions,
    crowd=crowds,
    window=st.integers(1, 7),
    wanted=st.integers(1, 5),
    offset=st.integers(0, 3),
)
def test_the_sql_agrees_with_the_contract(
    order: str,
    series: list[dict[str, Any]],
    excluded: list[dict[str, Any]],
    crowd: list[Actor],
    window: int,
    wanted: int,
    offset: int,
) -> None:
    world = World()
    try:
        question = world.question(
            events=[{**step, "order": place} for place, step in enumerate(series)],
            exclusions=excluded,
            funnel_order_type=order,
            funnel_window_interval=window,
            funnel_window_interval_unit="second",
            funnel_step=wanted,
            offset=offset,
            date_from="2026-01-10",
            date_to="2026-01-10",
        )
    except InvalidInput as error:
        if not str(error.attr).startswith("exclusions["):
            raise
        reject()
    funnel = oracle.Funnel(
        order,
        len(series),
        window,
        [oracle.Exclusion(one["funnel_from_step"], one["funnel_to_step"]) for one in excluded]
        if order != "strict"
        else [],
    )
    overridden = insert(world, crowd)
    expected = {
        world.person_id(f"p{index}"): reached
        for index, actor in enumerate(crowd)
        if (reached := oracle.steps_reached(seen(actor.happenings, series, excluded), funnel))
    }

    rows = world.ask(
        steps_reached(question.funnel, PropertyGroup(), persons_of_events(overridden=overridden))
    )
    found = {row[0]: row[1] for row in rows if row[1]}
    page = [row[0] for row in world.ask(persons(question, overridden=overridden))]

    assert found == expected
    live = [world.person_id(f"p{index}") for index, actor in enumerate(crowd) if actor.is_live]
    wanted_ids = {person for person in live if expected.get(person, 0) >= wanted}
    assert set(page) <= wanted_ids
    assert len(page) == len(set(page)) == max(0, len(wanted_ids) - offset)
