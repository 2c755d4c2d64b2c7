"""Which part of a project's data a delivered row changes."""

from datetime import UTC, date, datetime
from uuid import uuid4

import pytest

from core.events.event import Event
from core.outbox.data_versions import ALL, delivered_part, part_of_day
from core.outbox.lines import event_line


def line(name: str = "a", distinct_id: str = "b", moment: str = "2026-01-31T23:59:59.999999+00:00") -> str:
    event = Event(
        uuid4(), name, distinct_id, datetime.fromisoformat(moment), {"timestamp": "1999-01-01"}, None, False
    )
    return event_line(event, project_id=1, person_uuid=uuid4(), mode="full")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (line(), date(2026, 1, 31)),
        (line(moment="1969-12-31T12:00:00+00:00"), date(1969, 12, 31)),
        (line(moment="1850-06-01T00:00:00+00:00"), date(1900, 6, 1)),
        (line(name='","timestamp":"2001-01-01', distinct_id='\\"timestamp":"2002-02-02'), date(2026, 1, 31)),
    ],
    ids=["event", "before 1970", "before ClickHouse's times", "names like columns"],
)
def test_an_event_changes_its_day(text: str, expected: date) -> None:
    assert delivered_part("events", 1, text) == (1, part_of_day(expected))


@pytest.mark.parametrize("text", ["", "{}", '{"timestamp":"no time"}', "not JSON"])
def test_a_line_without_a_time_changes_everything(text: str) -> None:
    assert delivered_part("events", 1, text) == (1, ALL)


def test_whatever_is_no_event_changes_everything() -> None:
    assert delivered_part("person", 2, line()) == (2, ALL)


def test_days_are_numbered_from_1970() -> None:
    assert part_of_day(datetime(1970, 1, 2, tzinfo=UTC).date()) == 1
