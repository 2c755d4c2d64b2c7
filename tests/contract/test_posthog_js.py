"""The unmodified ``posthog-js`` package from the package index, in Chromium.

The page is of another origin than the server, as pages of users are.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients import ProjectClient
from tests.contract.browser import Browser, chromium, running_browser
from tests.contract.people import assert_groups, assert_people, someone
from tests.contract.recorder import Recorder

Make = Callable[..., list[Any]]

OPTIONS = {
    # The SDK keeps quiet in browsers that look driven by a program, as this one is.
    "opt_out_useragent_filter": True,
    "capture_pageview": False,
    "request_queue_config": {"flush_interval_ms": 250},
}
#: Visitors are persons also before they identify.
ALL_PERSONS = {"person_profiles": "always"}
WHO = ("get_distinct_id",)
ALL_IS_SENT = ("all is sent",)
FLAGS_ARE_THERE = ("flags are there",)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if chromium() is None:
        pytest.skip("chromium is not installed")
    with running_browser() as browser:
        yield browser


@pytest.fixture
def make(project: ProjectClient, recorder: Recorder, npm_packages: Path, browser: Browser) -> Make:
    """Has a page with a new visitor make some calls; their answers."""

    def make(*calls: Any, leave: bool = False, **options: Any) -> list[Any]:
        return browser.open_page(
            packages=npm_packages,
            recorder=recorder,
            token=project.token,
            calls=calls,
            options={**OPTIONS, **options},
            leave=leave,
        )

    return make


def captured(**properties: Any) -> list[Any]:
    return ["capture", "looked", {"$set": properties}]


def test_capture_makes_a_person_who_is_not_identified(
    project: ProjectClient, recorder: Recorder, make: Make
) -> None:
    visitor, *_ = make(
        WHO, ["capture", "looked", {"$set": {"plan": "free"}, "$set_once": {"source": "ad"}}], **ALL_PERSONS
    )

    assert_people(project, recorder, someone(project, visitor, plan="free", source="ad"), only_own=True)


def test_a_person_knows_the_newest_and_the_first_browser(
    project: ProjectClient, recorder: Recorder, make: Make
) -> None:
    visitor, *_ = make(WHO, captured(), **ALL_PERSONS)

    sent = recorder.events[0]["properties"]
    person = project.person(visitor)
    assert person is not None
    for name in ("browser", "browser_version", "os", "current_url", "referrer", "viewport_width"):
        assert person["properties"][f"${name}"] == sent[f"${name}"]
        assert person["properties"][f"$initial_{name}"] == sent[f"${name}"]


def test_an_anonymous_visitor_is_no_person(project: ProjectClient, recorder: Recorder, make: Make) -> None:
    make(["capture", "looked"])

    assert [event["properties"]["$process_person_profile"] for event in recorder.events] == [False]
    assert_people(project, recorder)


def test_identify_makes_a_person_of_user_and_visitor(
    project: ProjectClient, recorder: Recorder, make: Make
) -> None:
    visitor, *_ = make(
        WHO,
        ["capture", "looked"],
        ["identify", "ada", {"plan": "paid"}, {"source": "ad"}],
        ["capture", "ordered"],
    )

    assert_people(
        project,
        recorder,
        someone(project, "ada", visitor, is_identified=True, plan="paid", source="ad"),
        only_own=True,
    )


def test_identify_gives_the_user_to_a_visitor_who_is_a_person(
    project: ProjectClient, recorder: Recorder, make: Make
) -> None:
    visitor, *_ = make(
        WHO,
        captured(plan="free", seen=True),
        ALL_IS_SENT,
        ["identify", "ada", {"plan": "paid"}],
        **ALL_PERSONS,
    )

    assert_people(
        project,
        recorder,
        someone(project, visitor, "ada", is_identified=True, plan="paid", seen=True),
        only_own=True,
    )


def test_identify_in_a_second_browser_merges_its_visitor_into_the_user(
    project: ProjectClient, recorder: Recorder, make: Make
) -> None:
    first, *_ = make(WHO, ["identify", "ada", {"plan": "paid"}])
    second, *_ = make(
        WHO, captured(plan="free", seen=True), ALL_IS_SENT, ["identify", "ada", {"age": 36}], **ALL_PERSONS
    )

    assert_people(
        project,
        recorder,
        someone(project, "ada", first, second, is_identified=True, plan="paid", seen=True, age=36),
        only_own=True,
    )


def test_what_a_visitor_did_before_identify_may_arrive_after_it(
    project: ProjectClient, recorder: Recorder, make: Make
) -> None:
    queued = {"flush_interval_ms": 3000}
    visitor, *_ = make(
        WHO, captured(seen=True), ["identify", "ada"], request_queue_config=queued, **ALL_PERSONS
    )

    assert [event["event"] for event in recorder.events] == ["$identify", "looked"]
    assert_people(
        project, recorder, someone(project, "ada", visitor, is_identified=True, seen=True), only_own=True
    )


def test_alias_keeps_the_person_of_the_page(project: ProjectClient, recorder: Recorder, make: Make) -> None:
    first, *_ = make(WHO, captured(plan="free", seen=True), **ALL_PERSONS)
    second, *_ = make(WHO, captured(plan="paid"), ALL_IS_SENT, ["alias", first], **ALL_PERSONS)

    assert_people(
        project,
        recorder,
        someone(project, second, first, is_identified=True, plan="paid", seen=True),
        only_own=True,
    )


def test_alias_leaves_a_person_alone_who_is_identified(
    project: ProjectClient, recorder: Recorder, make: Make
) -> None:
    first, *_ = make(WHO, ["identify", "ada"])
    second, *_ = make(WHO, captured(), ALL_IS_SENT, ["alias", "ada"], **ALL_PERSONS)

    assert_people(
        project,
        recorder,
        someone(project, "ada", first, is_identified=True),
        someone(project, second, is_identified=True),
        only_own=True,
    )


def test_set_overwrites_set_once_keeps_and_unset_removes(
    project: ProjectClient, recorder: Recorder, make: Make
) -> None:
    visitor, *_ = make(
        WHO,
        ["setPersonProperties", {"plan": "free", "old": 1}],
        ALL_IS_SENT,
        ["setPersonProperties", {"plan": "paid"}, {"plan": "lost", "source": "ad"}],
        ALL_IS_SENT,
        ["unsetPersonProperties", ["old", "never"]],
        **ALL_PERSONS,
    )

    assert_people(project, recorder, someone(project, visitor, plan="paid", source="ad"), only_own=True)


def test_groups_leave_the_properties_of_persons_alone(
    project: ProjectClient, recorder: Recorder, make: Make
) -> None:
    visitor, *_ = make(
        WHO, ["group", "company", "acme", {"name": "Acme"}], ["capture", "looked"], **ALL_PERSONS
    )

    assert "$groupidentify" in {event["event"] for event in recorder.events}
    assert_people(project, recorder, someone(project, visitor), only_own=True)


def test_groups_are_stored_and_counted(project: ProjectClient, make: Make) -> None:
    make(
        ["group", "company", "acme", {"name": "Acme"}],
        ["capture", "looked"],
        ["group", "company", "bolt"],
        ["capture", "looked"],
        **ALL_PERSONS,
    )

    assert_groups(project, "company", {"acme": {"name": "Acme"}, "bolt": {}})


def test_after_reset_the_browser_is_another_visitor(
    project: ProjectClient, recorder: Recorder, make: Make
) -> None:
    first, _, _, _, second, _ = make(
        WHO,
        ["identify", "ada", {"plan": "paid"}],
        captured(),
        ["reset"],
        WHO,
        captured(plan="free"),
        **ALL_PERSONS,
    )

    assert_people(
        project,
        recorder,
        someone(project, "ada", first, is_identified=True, plan="paid"),
        someone(project, second, plan="free"),
        only_own=True,
    )


def test_flags_are_off_and_asking_for_one_makes_nobody_a_person(
    project: ProjectClient, recorder: Recorder, make: Make
) -> None:
    answers = make(
        ["reloadFeatureFlags"],
        FLAGS_ARE_THERE,
        ["isFeatureEnabled", "new-page"],
        ["getFeatureFlag", "new-page"],
    )

    # Unknown flags are undefined to this SDK.
    assert answers == [None, None, None]
    assert "/flags/" in recorder.paths()
    assert {event["event"] for event in recorder.events} == {"$feature_flag_called"}
    assert_people(project, recorder)


def test_what_is_queued_is_sent_when_the_page_is_left(
    project: ProjectClient, recorder: Recorder, make: Make
) -> None:
    queued = {"flush_interval_ms": 5000}
    visitor, *_ = make(WHO, captured(plan="free"), leave=True, request_queue_config=queued, **ALL_PERSONS)

    sent = [exchange for exchange in recorder.exchanges if exchange.path.startswith("/e/")]
    # A beacon: the page is gone and cannot wait for the answer.
    assert [exchange.headers["Sec-Fetch-Mode"] for exchange in sent] == ["no-cors"]
    assert_people(project, recorder, someone(project, visitor, plan="free"), only_own=True)
