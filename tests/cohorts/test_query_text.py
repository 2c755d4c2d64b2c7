"""The text of the queries for members: the project first, values never in the text."""

from typing import Any

import pytest

from core.filters.properties import members_filter
from insights.queries import cohort
from tests.cohorts.cohort_client import did, member_of, person
from tests.cohorts.world import read
from tests.insights.test_query_text import WORD, check
from tests.insights.world import NOON

RECENT = {"seq_time_value": 1, "seq_time_interval": "day"}
FILTERS = [{"key": WORD, "value": WORD, "operator": "icontains"}, {"key": "k", "value": [WORD, "Zyx"]}]
#: Also by what waits for ClickHouse.
WAITING = {987654321: WORD}
CRITERIA: dict[str, dict[str, Any]] = {
    "performed": did(WORD, event_filters=FILTERS),
    "first": did(WORD, "performed_event_first_time", event_filters=FILTERS),
    "multiple": did(WORD, "performed_event_multiple", operator="gt", operator_value=987654321),
    "followed": did(WORD, "performed_event_sequence", seq_event="Zyx", event_filters=FILTERS, **RECENT),
    "again": did(WORD, "performed_event_sequence", seq_event=WORD, event_filters=FILTERS, **RECENT),
    "stopped": did(WORD, "stopped_performing_event", event_filters=FILTERS, **RECENT),
    "restarted": did(WORD, "restarted_performing_event", event_filters=FILTERS, **RECENT),
    "regularly": did(
        WORD, "performed_event_regularly", operator_value=987654321, total_periods=3, min_periods=2
    ),
    "person": person(WORD, [WORD, "Zyx"]),
    "present": person("k", operator="is_set", negation=True),
    "created": person("created_at", "-3d", "is_date_after", type="person_metadata"),
    "cohort": member_of(987654321),
}


@pytest.mark.parametrize("name", list(CRITERIA))
@pytest.mark.parametrize("joiner", ["AND", "OR"])
def test_every_criterion(name: str, joiner: str) -> None:
    values = [CRITERIA[name], {**CRITERIA["person"], "negation": True}]
    criteria = read({"properties": {"type": joiner, "values": values}}, now=NOON)

    for overridden in (False, True):
        check(cohort.members(criteria, WAITING, overridden=overridden))


def test_a_question() -> None:
    check(cohort.found(members_filter(987654321, attr="query"), "Zyx", WAITING))
