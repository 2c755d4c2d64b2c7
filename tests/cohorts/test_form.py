"""Filters of cohorts: what is refused, where, and what they look like when they are kept."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from core.exceptions import InvalidInput
from core.filters.cohort_criteria import (
    CriteriaReader,
    FollowedBy,
    ImpossibleCriteria,
    Performed,
    Regularly,
    Window,
    all_criteria,
)
from core.filters.cohort_form import FilterForm, cohorts_named
from core.filters.cohort_references import (
    behavioral,
    has_loop,
    ranks,
    reachable,
    references,
    reversed_references,
)
from core.filters.properties import PropertyReader, Source
from tests.cohorts.cohort_client import did, member_of, person
from tests.cohorts.world import read
from tests.insights.world import NOON


def form(filters: Any) -> dict[str, Any]:
    return FilterForm(PropertyReader(ZoneInfo("UTC"), NOON, sources=(Source.PERSON,))).check(filters)


def of(*criteria: Any, joiner: Any = "AND") -> dict[str, Any]:
    return {"properties": {"type": joiner, "values": list(criteria)}}


def nested(depth: int) -> dict[str, Any]:
    tree: dict[str, Any] = {"type": "AND", "values": []}
    for _ in range(depth):
        tree = {"type": "AND", "values": [tree]}
    return {"properties": tree}


@pytest.mark.parametrize(
    ("filters", "detail"),
    [
        (5, "Expected a JSON object."),
        ({}, "Must contain a 'properties' key with type and values"),
        ({"properties": []}, "Must contain a 'properties' key with type and values"),
        ({"properties": {"type": "AND"}}, "Must contain a 'properties' key with type and values"),
        ({**of(), "extra": 1}, "Unknown keys: extra."),
        ({**of(), "filterTestAccounts": "yes"}, "filterTestAccounts: Must be a valid boolean."),
        ({"properties": {"type": "AND", "values": [], "odd": 1}}, "properties: Unknown keys: odd."),
        (of(joiner="XOR"), "properties: The type of a group is AND or OR, not 'XOR'."),
        (of(joiner=[]), "properties: The type of a group is AND or OR, not []."),
        ({"properties": {"type": "AND", "values": {}}}, "properties.values: Expected a list of filters or groups."),
        (of("x"), "properties.values[0]: A filter is an object with a type."),
        (of({"values": []}), "properties.values[0]: The type of a group is AND or OR."),
        (of({"key": "a"}), "properties.values[0].type: The filter type None is unknown."),
        (of(person("a", 1), {"type": "OR", "values": [{"type": "hogql", "key": "1"}]}),
            "properties.values[1].values[0].type: The filter type 'hogql' is unknown."),
        (of({"type": "person", "key": "a"}), "Missing required keys for person filter: value, operator"),
        (of({"type": "person", "operator": "is_set"}), "Missing required keys for person filter: key"),
        (of({"type": "person", "key": "a", "value": None, "operator": "exact"}),
            "Missing required keys for person filter: value"),
        (of(person("a", 1, odd=5)), "properties.values[0]: Unknown keys: odd."),
        (of(person("a", 1, "odd")), "properties.values[0]: The operator 'odd' is unknown."),
        (of(person("a", "x", "gt")), "properties.values[0]: 'x' is not a number."),
        (of(person("a", 1, negation="x")), "properties.values[0].negation: Must be a valid boolean."),
        (of(person("a", "soon", "is_date_after")), "properties.values[0]: Invalid date value: 'soon' is not a date."),
        (of(person(5, 1)), "properties.values[0]: The key of a filter is missing."),  # type: ignore[arg-type]
        (of(person("a", 1, type="person_metadata")),
            "properties.values[0].key: The key of a person_metadata filter is created_at."),
        (of(person("created_at", 1, type="person_metadata")),
            "properties.values[0].operator: 'exact' is no operator for dates."),
        (of({"type": "cohort", "key": "id"}), "Missing required keys for cohort filter: value"),
        (of({"type": "cohort", "key": "name", "value": 1}),
            "properties.values[0].key: The key of a cohort filter is id."),
        (of(member_of("x")), "properties.values[0].value: A valid integer is required."),  # type: ignore[arg-type]
        (of({"type": "behavioral", "key": "a"}), "Missing required keys for behavioral filter: value, event_type"),
        (of(did("a", "odd")), "properties.values[0].value: 'odd' is not one of performed_event, "),
        (of(did("a", event_type="actions")), "properties.values[0].event_type: Actions are not supported"),
        (of(did("a", event_type="odd")), "properties.values[0].event_type: 'odd' is not one of events, actions."),
        (of(did("a", seq_event_type="actions")), "properties.values[0].seq_event_type: Actions are not supported"),
        (of(did(5)), "properties.values[0].key: The key is the name of an event."),  # type: ignore[arg-type]
        (of(did("a", time_interval="decade")), "properties.values[0].time_interval: 'decade' is not one of minute,"),
        (of(did("a", operator_value=[1])), "properties.values[0].operator_value: A valid integer is required."),
        (of(did("a", time_value=1.5)), "properties.values[0].time_value: A valid integer is required."),
        (of(did("a", operator=5)), "properties.values[0].operator: Not a valid string."),
        (of(did("a", event_filters={})), "properties.values[0].event_filters: Expected a list of filters."),
        (of(did("a", event_filters=[{"type": "element", "key": "text", "value": "x"}])),
            "properties.values[0].event_filters[0]: Filters of type element are not supported here."),
        (of(did("a", odd=1)), "properties.values[0]: Unknown keys: odd."),
        (nested(51), "Groups are nested deeper than 50."),
        (of(*[person("a", 1)] * 501), "properties.values[500]: There are more than 500 filters."),
    ],
    ids=range(43),
)  # fmt: skip
def test_what_is_refused(filters: Any, detail: str) -> None:
    with pytest.raises(InvalidInput) as error:
        form(filters)

    assert error.value.attr == "filters"
    assert detail in error.value.detail
    if detail.startswith("M"):
        assert error.value.detail == detail


def test_the_kept_form() -> None:
    given = {
        **of(
            {
                "type": "person",
                "key": "a",
                "operator": "exact",
                "value": "x",
                "bytecode": [1],
                "negation": None,
            },
            {"type": "or", "values": [did("b", time_value="7", seq_event=None), member_of("5")]},  # type: ignore[arg-type]
        ),
        "filterTestAccounts": True,
    }

    kept = form(given)

    assert kept == {
        "properties": {
            "type": "AND",
            "values": [
                {"type": "person", "key": "a", "operator": "exact", "value": "x", "negation": False},
                {
                    "type": "OR",
                    "values": [
                        {**did("b"), "time_value": 7, "negation": False},
                        {**member_of(5), "negation": False},
                    ],
                },
            ],
        },
        "filterTestAccounts": True,
    }
    assert form(kept) == kept
    assert cohorts_named(kept) == {5}


REGULARLY = {"total_periods": 3, "min_periods": 2, "operator": "gte", "operator_value": 1}


@pytest.mark.parametrize(
    ("criterion", "place"),
    [
        ({**did("a"), "time_value": None}, "time_value"),
        ({**did("a"), "time_interval": None}, "time_interval"),
        (did("a", time_value=0), "time_value"),
        (did("a", time_value=-3), "time_value"),
        (did("a", explicit_datetime="soon"), "explicit_datetime"),
        (did("a", explicit_datetime="-7d", explicit_datetime_to="2021-02-31"), "explicit_datetime_to"),
        (did("a", "performed_event_multiple"), "operator_value"),
        (did("a", "performed_event_multiple", operator_value=0), "operator_value"),
        (did("a", "performed_event_multiple", operator_value=1, operator="is_not"), "operator"),
        (did("a", "performed_event_sequence", seq_time_value=1, seq_time_interval="day"), "seq_event"),
        (did("a", "performed_event_sequence", seq_event="b", seq_time_interval="day"), "seq_time_value"),
        (did("a", "stopped_performing_event", seq_time_value=1), "seq_time_interval"),
        (did("a", "restarted_performing_event", seq_time_interval="day"), "seq_time_value"),
        (did("a", "performed_event_regularly", **{**REGULARLY, "min_periods": 4}), "min_periods"),
        (did("a", "performed_event_regularly", **{**REGULARLY, "total_periods": 0}), "total_periods"),
        (did("a", "performed_event_regularly", **{**REGULARLY, "total_periods": 1001}), "total_periods"),
    ],
    ids=range(16),
)
def test_what_can_be_saved_and_not_calculated(criterion: dict[str, Any], place: str) -> None:
    with pytest.raises(ImpossibleCriteria) as error:
        read(of(criterion), now=NOON)

    assert error.value.detail.startswith(f"properties.values[0].{place}: ")


def doing(**fields: Any) -> Any:
    (criterion,) = all_criteria(read(of(did("a", **fields)), now=datetime(2026, 3, 31, 12, tzinfo=UTC)))
    return criterion.doing  # type: ignore[union-attr]


def test_windows_are_those_of_the_calendar() -> None:
    def begin(number: int, unit: str) -> str:
        return str(doing(time_value=number, time_interval=unit).window.first)[:16]

    assert begin(90, "minute") == "2026-03-31 10:30"
    assert begin(13, "hour") == "2026-03-30 23:00"
    assert begin(1, "day") == "2026-03-30 00:00"
    assert begin(2, "week") == "2026-03-17 00:00"
    assert begin(1, "month") == "2026-02-28 00:00"
    assert begin(1, "year") == "2025-03-31 00:00"
    assert begin(5000, "year") == "1900-01-01 00:00"
    # A future end is now.
    assert doing(explicit_datetime="2026-03-01", explicit_datetime_to="2027-01-01") == Performed(
        Window(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 31, 12, tzinfo=UTC))
    )


def test_periods_end_a_day_ago() -> None:
    regularly = doing(
        value="performed_event_regularly", **{**REGULARLY, "time_value": 1, "time_interval": "year"}
    )
    sequence = doing(
        value="performed_event_sequence", seq_event="b", seq_time_value=2, seq_time_interval="month"
    )

    assert isinstance(regularly, Regularly)
    assert [str(bound)[:10] for bound in regularly.bounds] == [
        "2026-03-30",
        "2025-03-30",
        "2024-03-30",
        "2023-03-30",
    ]
    assert isinstance(sequence, FollowedBy)
    assert sequence.within == timedelta(days=60)


def test_how_cohorts_hang_together() -> None:
    filters = {
        1: of(did("a")),
        2: of(member_of(1)),
        3: of(member_of(2), member_of(1)),
        4: of(person("a", 1)),
        5: {},
    }

    known = references(filters)

    assert known == {1: set(), 2: {1}, 3: {1, 2}, 4: set(), 5: set()}
    assert reversed_references(known) == {1: {2, 3}, 2: {3}, 3: set(), 4: set(), 5: set()}
    assert ranks(known) == {1: 0, 2: 1, 3: 2, 4: 0, 5: 0}
    assert (reachable([3], known), has_loop(3, known)) == ({1, 2, 3}, False)
    assert has_loop(1, {**known, 1: {3}})
    assert has_loop(4, {4: {4}})
    assert not has_loop(1, {1: {2}, 2: {3}, 3: {2}})
    assert behavioral(filters) == {1, 2, 3}


def test_unread_filters_are_not_read() -> None:
    reader = CriteriaReader(PropertyReader(ZoneInfo("UTC"), NOON, sources=(Source.PERSON, Source.COHORT)))

    assert list(all_criteria(reader.read(of()))) == []
