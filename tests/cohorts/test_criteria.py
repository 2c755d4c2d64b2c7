"""What each criterion and operator means: rows of a table, one fact each, asked of ClickHouse."""

from typing import Any

import pytest

from tests.cohorts.cohort_client import did, member_of, person
from tests.cohorts.world import CohortWorld

HOUR = 3600
DAY = 24 * HOUR
#: Days before the calculation on which each person did A; "b" happened at the times of the second list.
DONE: dict[str, tuple[list[float], list[float]]] = {
    "never": ([], []),
    "today": ([0.1], []),
    "5": ([5], []),
    "20": ([20], []),
    "5+20": ([5, 20], []),
    "5+5+6": ([5, 5, 6], []),
    "1 to 4": ([1, 2, 3, 4], []),
    "tomorrow": ([-1], []),
    "a then b": ([5], [4]),
    "b then a": ([4], [5]),
    "at once": ([3], [3]),
}
EVERYBODY = list(DONE)


def before(days: float) -> float:
    return -days * DAY


@pytest.fixture(scope="module")
def world() -> CohortWorld:
    world = CohortWorld()
    world.insert("person", [world.add_person(name) for name in EVERYBODY])
    world.insert(
        "events",
        [
            world.event_line(event, name, before(days), {"n": str(number)})
            for name, both in DONE.items()
            for event, times in zip(("a", "b"), both, strict=True)
            for number, days in enumerate(times)
        ],
    )
    return world


def found(world: CohortWorld, *criteria: dict[str, Any], joiner: str = "AND") -> set[str]:
    return set(world.members(EVERYBODY, {"type": joiner, "values": list(criteria)}))


DID = set(EVERYBODY) - {"never", "tomorrow"}
LATELY = DID - {"20"}

RECENT = {"seq_time_value": 10, "seq_time_interval": "day"}


@pytest.mark.parametrize(
    ("criterion", "expected"),
    [
        (did("a"), DID),
        (did("a", time_value=10), LATELY),
        (did("a", time_value=2, time_interval="hour"), set()),
        (did("a", time_value=3, time_interval="hour"), {"today"}),
        (did("a", time_value=200, time_interval="minute"), {"today"}),
        (did("a", time_value=2, time_interval="minute"), set()),
        (did("a", time_value=1, time_interval="week"), LATELY),
        (did("a", time_value=1, time_interval="month"), DID),
        (did("a", time_value=1, time_interval="year"), DID),
        (did("a", time_value=10**15, time_interval="year"), DID),
        (did("a", explicit_datetime="-10d"), LATELY),
        (did("a", explicit_datetime="2026-01-10", time_value=30, time_interval="day"), {"today"}),
        (did("a", explicit_datetime="-30d", explicit_datetime_to="-10d"), {"20", "5+20"}),
        (did("a", explicit_datetime="2025-12-21", explicit_datetime_to="2025-12-21"), {"20", "5+20"}),
        (did("a", explicit_datetime="-3h"), {"today"}),
        (did("a", event_filters=[{"type": "event", "key": "n", "value": "1", "operator": "exact"}]),
            {"5+20", "5+5+6", "1 to 4"}),
        (did("nothing"), set()),
        (did("a", "performed_event_first_time", time_value=10), LATELY - {"5+20"}),
        (did("a", "performed_event_first_time"), DID),
        (did("a", "performed_event_multiple", operator_value=1), DID - {"5+20", "5+5+6", "1 to 4"}),
        (did("a", "performed_event_multiple", operator="eq", operator_value=2), {"5+20"}),
        (did("a", "performed_event_multiple", operator="exact", operator_value=3), {"5+5+6"}),
        (did("a", "performed_event_multiple", operator="gte", operator_value=3), {"5+5+6", "1 to 4"}),
        (did("a", "performed_event_multiple", operator="gt", operator_value=3), {"1 to 4"}),
        (did("a", "performed_event_multiple", operator="lt", operator_value=2), DID - {"5+20", "5+5+6", "1 to 4"}),
        (did("a", "performed_event_multiple", operator="lte", operator_value=1, time_value=10),
            LATELY - {"5+5+6", "1 to 4"}),
        (did("a", "performed_event_sequence", seq_event="b", **RECENT), {"a then b", "at once"}),
        (did("a", "performed_event_sequence", seq_event="b", seq_time_value=23, seq_time_interval="hour"), {"at once"}),
        (did("a", "performed_event_sequence", seq_event="b", seq_time_value=24, seq_time_interval="hour"),
            {"a then b", "at once"}),
        (did("a", "performed_event_sequence", seq_event="a", **RECENT), {"5+5+6", "1 to 4"}),
        (did("a", "performed_event_sequence", seq_event="a", seq_time_value=1, seq_time_interval="minute"), {"5+5+6"}),
        (did("a", "performed_event_sequence", seq_event="a", seq_time_value=20, seq_time_interval="day"),
            {"5+5+6", "1 to 4", "5+20"}),
        (did("b", "performed_event_sequence", seq_event="a", **RECENT), {"b then a", "at once"}),
        (did("a", "stopped_performing_event", **RECENT), {"20"}),
        (did("a", "stopped_performing_event", **{**RECENT, "seq_time_value": 60}), set()),
        (did("a", "restarted_performing_event", **RECENT), set()),
        (did("a", "restarted_performing_event", time_value=15, **RECENT), {"5+20"}),
        (did("a", "restarted_performing_event", time_value=5, **RECENT), set()),
        (did("a", "performed_event_regularly", time_value=1, total_periods=4, min_periods=3, operator="gte",
            operator_value=1), {"1 to 4"}),
        (did("a", "performed_event_regularly", time_value=1, total_periods=3, min_periods=3, operator="gte",
            operator_value=1), {"1 to 4"}),
        (did("a", "performed_event_regularly", time_value=1, total_periods=5, min_periods=5, operator="gte",
            operator_value=1), set()),
        (did("a", "performed_event_regularly", time_value=3, total_periods=2, min_periods=2, operator="lte",
            operator_value=1), {"5", "5+20", "b then a", "a then b", "at once"}),
        (did("a", "performed_event_regularly", time_value=1, total_periods=6, min_periods=1, operator="eq",
            operator_value=2), {"5+5+6"}),
    ],
    ids=range(43),
)  # fmt: skip
def test_behavior(world: CohortWorld, criterion: dict[str, Any], expected: set[str]) -> None:
    assert found(world, criterion) == expected
    assert found(world, {**criterion, "negation": True}) == set(EVERYBODY) - expected


def test_groups_are_sets(world: CohortWorld) -> None:
    lately, not_b = did("a", time_value=10), did("b", negation=True)

    assert found(world) == set()
    assert found(world, joiner="OR") == set()
    assert found(world, lately, not_b) == LATELY - {"a then b", "b then a", "at once"}
    assert found(world, lately, not_b, joiner="OR") == set(EVERYBODY)
    assert found(
        world, not_b, {"type": "OR", "values": [did("b"), did("a", time_value=3, time_interval="hour")]}
    ) == {"today"}
    assert found(world, did("a"), {"type": "AND", "values": []}) == set()
    assert found(world, did("b"), {"type": "AND", "values": []}, joiner="OR") == {
        "a then b",
        "b then a",
        "at once",
    }


def test_cohorts_are_sets_of_members(world: CohortWorld) -> None:
    world.join(7, "5", "20")
    world.join(8, "20")

    assert found(world, member_of(7)) == {"5", "20"}
    assert found(world, member_of(7), member_of(8, negation=True)) == {"5"}
    assert found(world, member_of(9)) == set()
    assert found(world, member_of(9, negation=True)) == set(EVERYBODY)


def test_windows_begin_at_midnight_where_the_project_is() -> None:
    """At noon in UTC it is 01:00 of the next day in Auckland: two days back begin 36 hours and one hour ago."""
    world = CohortWorld(zone="Pacific/Auckland")
    hours = {"0": 0, "24": 24, "48": 48, "50": 50}
    world.insert("person", [world.add_person(name) for name in hours])
    world.insert("events", [world.event_line("a", name, -hour * HOUR) for name, hour in hours.items()])

    def within(**window: Any) -> list[str]:
        return world.members(list(hours), {"type": "AND", "values": [did("a", **window)]})

    assert within(time_value=2, time_interval="day") == ["0", "24", "48"]
    assert within(time_value=48, time_interval="hour") == ["0", "24", "48"]
    assert within(time_value=24, time_interval="hour") == ["0", "24"]
    assert within(time_value=1, time_interval="day") == ["0", "24"]


STORED: dict[str, Any] = {
    "missing": None, "null": {"k": None}, "'null'": {"k": "null"}, "empty": {"k": ""}, "word": {"k": "Word"},
    "two": {"k": 2}, "'two'": {"k": "2"}, "ten": {"k": 10}, "true": {"k": True}, "day": {"k": "2026-01-05"},
}  # fmt: skip


@pytest.fixture(scope="module")
def stored() -> CohortWorld:
    world = CohortWorld()
    world.insert(
        "person",
        [
            world.add_person(name, properties, created=before(number))
            for number, (name, properties) in enumerate(STORED.items())
        ],
    )
    return world


@pytest.mark.parametrize(
    ("criterion", "expected"),
    [
        (person("k", "Word"), {"word"}),
        (person("k", ["Word", 2]), {"word", "two", "'two'"}),
        (person("k", True), {"true"}),
        (person("k", "Word", "is_not"), set(STORED) - {"word"}),
        (person("k", "WOR", "icontains"), {"word"}),
        (person("k", "WOR", "not_icontains"), set(STORED) - {"word"}),
        (person("k", "^W", "regex"), {"word"}),
        (person("k", "^W", "not_regex"), set(STORED) - {"word"}),
        (person("k", 2, "gt"), {"ten"}),
        (person("k", 2, "gte"), {"two", "'two'", "ten"}),
        (person("k", 10, "lt"), {"two", "'two'"}),
        (person("k", 2, "lte"), {"two", "'two'"}),
        (person("k", operator="is_set"), set(STORED) - {"missing", "null"}),
        (person("k", operator="is_not_set"), {"missing", "null"}),
        (person("k", "is_set", operator="is_set"), set(STORED) - {"missing", "null"}),
        (person("k", "2026-01-05", "is_date_exact"), {"day"}),
        (person("k", "-10d", "is_date_after"), {"day"}),
        (person("k", "2026-01-06", "is_date_before"), {"day"}),
        (person("created_at", "-3d", "is_date_after", type="person_metadata"), {"missing", "null", "'null'"}),
        (person("created_at", "2026-01-05", "is_date_before", type="person_metadata"), {"'two'", "ten", "true",
            "day"}),
    ],
    ids=range(20),
)  # fmt: skip
def test_persons(stored: CohortWorld, criterion: dict[str, Any], expected: set[str]) -> None:
    def members(item: dict[str, Any]) -> set[str]:
        return set(stored.members(list(STORED), {"type": "AND", "values": [item]}))

    assert members(criterion) == expected
    assert members({**criterion, "negation": True}) == set(STORED) - expected


def test_test_accounts_are_left_out(stored: CohortWorld) -> None:
    accounts = [
        {"type": "person", "key": "k", "operator": "is_not", "value": "Word"},
        {"type": "event", "key": "k", "operator": "exact", "value": "no person has this"},
    ]
    tree = {"type": "AND", "values": [person("k", ["Word", "2"])]}

    also = {"filterTestAccounts": True}
    assert stored.members(list(STORED), tree, also=also, test_accounts=accounts) == ["'two'", "two"]
    also = {"filterTestAccounts": False}
    assert stored.members(list(STORED), tree, also=also, test_accounts=accounts) == ["'two'", "two", "word"]


def test_events_of_merged_persons_count_for_who_they_are_now() -> None:
    world = CohortWorld()
    world.insert("person", [world.add_person("ada"), world.person_line("eve", version=1, is_deleted=True)])
    world.insert("events", [world.event_line("a", "anonymous", -5), world.event_line("a", "eve", -5)])
    tree = {"type": "AND", "values": [did("a")]}

    assert world.members(["ada"], tree) == []
    world.insert("person_distinct_id_overrides", [world.override_line("anonymous", "ada")])
    assert world.members(["ada"], tree, overridden=True) == ["ada"]
