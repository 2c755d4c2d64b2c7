"""Which persons an ordered funnel finds: the sentences of the contract, one test each."""

from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest

from insights.limits import Limits
from insights.queries.funnel import find_persons
from tests.insights.world import NOON, World

A, B, C = {"id": "A"}, {"id": "B", "order": 1}, {"id": "C", "order": 2}
DAY = 86_400


def happened(world: World, name: str, *events: tuple[str, float]) -> None:
    """A person with these events at these seconds."""
    world.persons(name)
    world.events(*(world.event_line(event, name, at) for event, at in events))


def steps(*events: tuple[str, float], of: Any = (A, B, C), **given: Any) -> int:
    """How many steps someone with these events reached."""
    world = World()
    happened(world, "p", *events)
    given = {"date_from": "-30d", "date_to": "2026-02-20", **given}
    reached = [
        k for k in range(1, len(of) + 1) if world.found(["p"], events=list(of), funnel_step=k, **given)
    ]
    assert reached == list(range(1, len(reached) + 1))
    return len(reached)


@pytest.mark.parametrize(
    ("events", "reached"),
    [
        ([("A", 0), ("B", 1), ("C", 2)], 3),
        ([("A", 0), ("C", 1), ("B", 2)], 2),
        ([("C", 0), ("B", 1), ("A", 2)], 1),
        ([("B", 0), ("C", 1)], 0),
        # Other events and steps in between do not matter.
        ([("A", 0), ("X", 1), ("C", 1), ("B", 2), ("A", 3), ("C", 4)], 3),
        # At the same instant any order counts.
        ([("C", 0), ("B", 0), ("A", 0)], 3),
        # The best attempt counts, also a later one.
        ([("A", 0), ("A", 20 * DAY), ("B", 21 * DAY), ("C", 22 * DAY)], 3),
    ],
)
def test_steps_in_order(events: Any, reached: int) -> None:
    assert steps(*events) == reached


def test_the_window_counts_from_the_first_step_and_includes_its_end() -> None:
    day = {"funnel_window_interval": 1}

    assert steps(("A", 0), ("B", DAY // 2), ("C", DAY), **day) == 3
    assert steps(("A", 0), ("B", DAY // 2), ("C", DAY + 0.000001), **day) == 2
    assert steps(("A", 0), ("B", DAY // 2), ("A", DAY // 2 + 1), ("C", DAY + 1), **day) == 2
    assert (
        steps(
            ("A", 0), ("B", 60.0), of=(A, B), funnel_window_interval=1, funnel_window_interval_unit="minute"
        )
        == 2
    )
    assert (
        steps(
            ("A", 0),
            ("B", 60.000001),
            of=(A, B),
            funnel_window_interval=1,
            funnel_window_interval_unit="minute",
        )
        == 1
    )
    assert (
        steps(
            ("A", 0),
            ("B", 31 * DAY),
            of=(A, B),
            funnel_window_interval=1,
            funnel_window_interval_unit="month",
        )
        == 2
    )
    assert (
        steps(
            ("A", 0),
            ("B", 31 * DAY + 1),
            of=(A, B),
            funnel_window_interval=1,
            funnel_window_interval_unit="month",
        )
        == 1
    )


def test_the_same_step_twice_needs_two_events() -> None:
    assert steps(("A", 0), of=(A, A)) == 1
    assert steps(("A", 0), ("A", 0), of=(A, A)) == 2
    assert steps(("A", 0), ("A", 1), ("A", 2), of=(A, A, A)) == 3


def test_many_equal_steps_and_many_events_of_one_instant() -> None:
    world = World()
    world.persons("nine", "ten")
    for name, count in (("nine", 9), ("ten", 10)):
        world.events(*(world.event_line("A", name, 0) for _ in range(count)))
    of = [A] * 9 + [{"id": None}]

    assert world.found(["nine", "ten"], events=of, funnel_step=9) == ["nine", "ten"]
    assert world.found(["nine", "ten"], events=of, funnel_step=10) == ["ten"]


def test_a_very_busy_actor_is_no_problem() -> None:
    world = World()
    world.persons("bot")
    world.events(*(world.event_line("A", "bot", at / 1000) for at in range(50_000)))

    assert world.found(["bot"], events=[A, {"id": "A"}, A], funnel_step=3) == ["bot"]
    assert world.found(["bot"], events=[A, A, B], funnel_step=-3) == ["bot"]


def test_an_event_that_is_there_twice_is_one_event() -> None:
    world = World()
    world.persons("p")
    line = world.event_line("A", "p", 0, uuid=uuid4())
    world.events(line)
    world.events(line)

    assert world.found(["p"], events=[A], funnel_step=1) == ["p"]
    assert world.found(["p"], events=[A, A], funnel_step=2) == []


def test_filters_of_steps() -> None:
    world = World()
    world.persons("pro", properties={"plan": "pro"})
    world.persons("free", properties={"plan": "free"})
    for name in ("pro", "free"):
        world.events(
            world.event_line("A", name, 0, {"url": "/a"}), world.event_line("A", name, 1, {"url": "/b"})
        )
    a, b = ({"id": "A", "properties": {"url": url}} for url in ("/a", "/b"))
    pro = {"id": "A", "properties": [{"key": "plan", "value": "pro", "type": "person"}]}

    def found(*of: Any) -> list[str]:
        return world.found(
            ["pro", "free"],
            events=[{**step, "order": place} for place, step in enumerate(of)],
            funnel_step=len(of),
        )

    assert found(a, b) == ["free", "pro"]
    assert found(b, a) == []
    assert found(a, A) == ["free", "pro"]
    assert found(a, A, A) == []
    assert found(A, pro) == ["pro"]
    assert found({"id": None}, {"id": None}) == ["free", "pro"]


def test_global_filters_limit_which_events_there_are_and_persons_by_what_they_are_now() -> None:
    world = World(
        test_account_filters=[
            {"key": "email", "value": "@us.org", "operator": "not_icontains", "type": "person"}
        ]
    )
    for name, email, browser in (
        ("a", "a@x.org", "Chrome"),
        ("b", "b@us.org", "Chrome"),
        ("c", "c@x.org", "Safari"),
    ):
        world.persons(name, properties={"email": email})
        world.events(world.event_line("A", name, 0, {"browser": browser}))
    everyone = ["a", "b", "c"]
    chrome = {"key": "browser", "value": "Chrome"}
    c = {"key": "email", "value": "c@x.org", "type": "person"}

    assert world.found(everyone, events=[A]) == everyone
    assert world.found(everyone, events=[A], filter_test_accounts="true") == ["a", "c"]
    assert world.found(everyone, events=[A], properties=[chrome]) == ["a", "b"]
    assert world.found(everyone, events=[A], properties=[chrome], filter_test_accounts=True) == ["a"]
    assert world.found(everyone, events=[A], properties=[c]) == ["c"]
    assert world.found(everyone, events=[A], properties=[{**c, "operator": "is_not"}]) == ["a", "b"]
    assert world.found(everyone, events=[A], properties={"type": "OR", "values": [chrome, c]}) == everyone
    assert (
        world.found(
            everyone, events=[A], properties=[{"key": "none", "operator": "is_not_set", "type": "person"}]
        )
        == everyone
    )


def test_whose_steps() -> None:
    world = World()
    for name, reached in (("one", "A"), ("two", "AB"), ("three", "ABC")):
        happened(world, name, *((event, at) for at, event in enumerate(reached)))
    everyone = ["one", "two", "three"]

    def found(**given: Any) -> list[str]:
        return world.found(everyone, events=[A, B, C], **given)

    assert found(funnel_step=1) == ["one", "three", "two"]
    assert found(funnel_step=2) == ["three", "two"]
    assert found(funnel_step=-2) == ["one"]
    assert found(funnel_step=-3) == ["two"]
    assert found(funnel_step=-4) == ["three"]
    assert found(funnel_custom_steps=[1, 3]) == ["one", "three"]


def test_a_merged_person_is_one_actor_also_for_earlier_events() -> None:
    world = World()
    world.persons("kept")
    world.events(world.event_line("A", "anonymous", 0), world.event_line("B", "kept", 1))
    world.insert(
        "person",
        [world.person_line("anonymous"), world.person_line("anonymous", version=100, is_deleted=True)],
    )
    world.insert(
        "person_distinct_id_overrides",
        [
            world.override_line("anonymous", "kept", version=2),
            world.override_line("anonymous", "anonymous", version=1),
        ],
    )

    assert world.found(["kept", "anonymous"], overridden=True, events=[A, B], funnel_step=2) == ["kept"]


def test_only_persons_who_exist_are_found() -> None:
    world = World()
    world.events(*(world.event_line("A", name, 0) for name in ("alive", "deleted", "never")))
    world.insert("person", [world.person_line(name) for name in ("alive", "deleted")])
    world.insert("person", [world.person_line("deleted", version=100, is_deleted=True)])

    assert world.found(["alive", "deleted", "never"], events=[A]) == ["alive"]


def test_search_finds_persons_by_address_name_and_the_ids_of_their_events() -> None:
    world = World()
    world.persons("a", properties={"email": "Ines@example.org"})
    world.persons("b", properties={"name": "Änne 100%"})
    world.persons("user-c")
    world.persons("d", properties={"other": "ines"})
    everyone = ["a", "b", "user-c", "d"]
    world.events(*(world.event_line("A", name, 0) for name in everyone))
    # The id of another event of the same person, which is no step.
    world.events(world.event_line("X", "phone-of-d", 1, person="d"))

    def found(search: str) -> list[str]:
        return world.found(everyone, events=[A], search=search)

    assert found("INES") == ["a"]
    assert found("änne") == ["b"]
    assert found("100%") == ["b"]
    assert found("0_") == []
    assert found("USER-") == ["user-c"]
    assert found("phone") == ["d"]
    assert found("nobody") == []


def test_dates_are_those_of_the_project_and_include_every_fraction_of_the_last_second() -> None:
    world = World(zone="Europe/Berlin")
    before, first, last, after = (
        (datetime.fromisoformat(f"{text}+01:00") - NOON).total_seconds()
        for text in (
            "2026-01-04T23:59:59.999999",
            "2026-01-05T00:00",
            "2026-01-06T23:59:59.999999",
            "2026-01-07T00:00",
        )
    )
    for name, at in (("before", before), ("first", first), ("last", last), ("after", after)):
        happened(world, name, ("A", at))
    names = ["before", "first", "last", "after"]

    assert world.found(names, events=[A], date_from="2026-01-05", date_to="2026-01-06") == ["first", "last"]
    assert world.found(names, events=[A], date_from="-5d", date_to="-4d") == ["first", "last"]
    assert world.found(names, events=[A], date_from="2026-01-06", date_to="2026-01-05") == []
    assert world.found(names, events=[A], date_from="all") == ["after", "before", "first", "last"]


def test_windows_longer_than_time() -> None:
    year = 365.25 * DAY
    given = {
        "date_from": "1901-01-01",
        "funnel_window_interval": 10**15,
        "funnel_window_interval_unit": "month",
    }

    assert steps(("A", -50 * year), ("B", -25 * year), ("C", 0), **given) == 3
    assert steps(("A", -50 * year), ("A", -25 * year), ("C", 0), of=(A, A, C), **given) == 3
    assert steps(("B", -50 * year), ("A", -25 * year), ("C", 0), **given) == 1


def test_pages_are_disjoint_and_complete() -> None:
    world = World()
    names = [f"p{index}" for index in range(25)]
    world.persons(*names)
    world.events(*(world.event_line("A", name, 0) for name in names))
    limits = Limits(seconds=10, memory=10**9)
    question = world.question(events=[A])

    pages = [find_persons(question, offset=offset, rows=10, limits=limits) for offset in (0, 10, 20, 30)]

    assert [len(page) for page in pages] == [10, 10, 5, 0]
    assert {person for page in pages for person in page} == {str(world.person_id(name)) for name in names}


def test_another_project_is_never_looked_at() -> None:
    mine, theirs = World(), World()
    for world in (mine, theirs):
        world.persons("p", properties={"plan": "pro"})
        world.events(world.event_line("A", "p", 0, {"x": "1"}))
    theirs.insert("person_distinct_id_overrides", [theirs.override_line("p", "other")])
    anything = [{"key": "x", "value": "1"}, {"key": "y", "operator": "is_not_set"}]
    given = {
        "events": [{"id": "A", "properties": {"type": "OR", "values": anything}}],
        "properties": {
            "type": "OR",
            "values": [*anything, {"key": "plan", "value": "pro", "type": "person"}],
        },
        "search": "p",
    }

    rows = find_persons(mine.question(**given), offset=0, rows=10, limits=Limits(seconds=10, memory=10**9))

    assert rows == [str(mine.person_id("p"))]


def test_overrides_are_asked_for_by_the_query_itself() -> None:
    world = World()
    world.persons("kept")
    world.events(world.event_line("A", "anonymous", 0))
    limits = Limits(seconds=10, memory=10**9)
    question = world.question(events=[A])

    before = find_persons(question, offset=0, rows=10, limits=limits)
    world.insert("person_distinct_id_overrides", [world.override_line("anonymous", "kept")])
    after = find_persons(question, offset=0, rows=10, limits=limits)

    assert (before, after) == ([], [str(world.person_id("kept"))])
