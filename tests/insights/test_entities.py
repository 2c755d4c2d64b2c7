"""The series: order, labels, and what cannot be one."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from core.exceptions import InvalidInput
from core.filters.properties import PropertyReader
from insights.filters.entities import Entity, read_entities


def entities(**given: Any) -> tuple[Entity, ...]:
    reader = PropertyReader(zone=ZoneInfo("UTC"), now=datetime(2026, 1, 1, tzinfo=UTC))
    return read_entities(given, reader=reader)


def ids(*items: dict[str, Any]) -> list[str | None]:
    return [entity.id for entity in entities(events=list(items))]


def test_order_decides_and_gaps_are_harmless() -> None:
    assert ids({"id": "c", "order": 7}, {"id": "a", "order": 1}, {"id": "b", "order": "3"}) == ["a", "b", "c"]


def test_missing_null_and_zero_come_first_in_the_order_they_were_sent() -> None:
    items = ({"id": "d", "order": 1}, {"id": "a"}, {"id": "b", "order": None}, {"id": "c", "order": 0})

    assert ids(*items) == ["a", "b", "c", "d"]


def test_equal_orders_stay_as_they_were_sent() -> None:
    assert ids({"id": "b", "order": 1}, {"id": "a", "order": 1}) == ["b", "a"]


def test_an_event_may_be_any_event() -> None:
    assert ids({"id": None}, {}) == [None, None]


def test_the_type_follows_from_the_list_and_labels_are_kept() -> None:
    found = entities(
        events=[
            {"id": "a", "type": "actions", "custom_name": " Start ", "math": "dau"},
            {"id": "b", "custom_name": " "},
        ]
    )

    assert [(entity.type, entity.name, entity.custom_name) for entity in found] == [
        ("events", "a", "Start"),
        ("events", "b", None),
    ]


def test_json_text_is_taken() -> None:
    assert [entity.id for entity in entities(events='[{"id": "a"}]')] == ["a"]


def test_nothing_is_no_series() -> None:
    assert entities() == entities(events=None, actions=None) == entities(events=[], actions="[]") == ()


def test_an_action_is_refused_by_its_id() -> None:
    with pytest.raises(InvalidInput, match="There is no action 7: ") as raised:
        entities(events=[{"id": "a"}], actions='[{"id": 7}]')

    assert raised.value.attr == "actions"


@pytest.mark.parametrize(
    ("given", "attr"),
    [
        ({"events": "a"}, "events"),
        ({"events": {"id": "a"}}, "events"),
        ({"events": [{"id": "a"}, "b"]}, "events[1]"),
        ({"events": [{"id": 5}]}, "events[0]"),
        ({"events": [{"id": "a", "order": "first"}]}, "events[0]"),
        ({"events": [{"id": "a", "properties": [{"value": 1}]}]}, "events[0].properties[0]"),
        ({"actions": [{"id": 1}]}, "actions"),
    ],
)
def test_mistakes_are_named(given: dict[str, Any], attr: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        entities(**given)

    assert caught.value.attr == attr
