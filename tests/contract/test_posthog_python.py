"""The unmodified ``posthog`` package from the package index."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import posthog
import pytest

from tests.clients import ProjectClient
from tests.contract.people import assert_groups, assert_people, assert_within, someone
from tests.contract.recorder import Recorder

STEPS = ("looked", "signed up", "ordered")


@contextmanager
def quiet_client(
    project: ProjectClient, recorder: Recorder, caplog: pytest.LogCaptureFixture, **options: Any
) -> Iterator[posthog.Posthog]:
    """A client that must have nothing to complain about."""
    caplog.set_level(logging.WARNING)
    client = posthog.Posthog(project.token, host=recorder.url, **options)
    yield client
    client.shutdown()
    complaints = [*caplog.get_records("call"), *caplog.get_records("teardown")]
    assert [record.getMessage() for record in complaints if record.name.startswith("posthog")] == []


@pytest.fixture
def sdk(
    project: ProjectClient, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> Iterator[posthog.Posthog]:
    with quiet_client(project, recorder, caplog) as client:
        yield client


@pytest.fixture
def sdk_with_key(
    project: ProjectClient, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> Iterator[posthog.Posthog]:
    """A client with a personal API key, which fetches the definitions of flags."""
    with quiet_client(project, recorder, caplog, secret_key=project.key) as client:
        yield client


def people_of_step(project: ProjectClient, step: int) -> set[str]:
    events = json.dumps([{"id": name, "type": "events", "order": n} for n, name in enumerate(STEPS)])
    answer = project.get(f"{project.persons_url}funnel/", events=events, funnel_step=step)
    assert answer.status_code == 200, answer.text
    return {person["name"] for person in answer.json()["results"][0]["people"]}


def test_events_and_properties_show_within_a_second(project: ProjectClient, sdk: posthog.Posthog) -> None:
    for visitor, steps in (("ada", 3), ("bob", 2), ("cleo", 1)):
        for name in STEPS[:steps]:
            sdk.capture(name, distinct_id=visitor, properties={"amount": 5})
        sdk.set(distinct_id=visitor, properties={"name": visitor.title()})
    sdk.flush()

    assert_within(
        lambda: {row["name"] for row in project.get(project.persons_url).json()["results"]},
        {"Ada", "Bob", "Cleo"},
    )
    assert_within(lambda: people_of_step(project, 1), {"Ada", "Bob", "Cleo"})
    assert_within(lambda: people_of_step(project, 3), {"Ada"})
    assert_within(lambda: people_of_step(project, -3), {"Bob"})


def test_capture_makes_a_person_who_is_not_identified(
    project: ProjectClient, recorder: Recorder, sdk: posthog.Posthog
) -> None:
    properties = {"amount": 5, "$set": {"plan": "free"}, "$set_once": {"source": "ad"}}
    sdk.capture("looked", distinct_id="ada", properties=properties)
    sdk.flush()

    assert_people(project, recorder, someone(project, "ada", plan="free", source="ad"))


def test_capture_without_distinct_id_makes_nobody_a_person(
    project: ProjectClient, recorder: Recorder, sdk: posthog.Posthog
) -> None:
    sdk.capture("looked", properties={"$set": {"plan": "free"}})
    sdk.flush()

    assert [event["properties"]["$process_person_profile"] for event in recorder.events] == [False]
    assert_people(project, recorder)


def test_set_overwrites_set_once_keeps_and_unset_removes(
    project: ProjectClient, recorder: Recorder, sdk: posthog.Posthog
) -> None:
    sdk.set(distinct_id="ada", properties={"plan": "free", "old": 1})
    sdk.set(distinct_id="ada", properties={"plan": "paid"})
    sdk.set_once(distinct_id="ada", properties={"plan": "lost", "source": "ad"})
    sdk.capture("looked", distinct_id="ada", properties={"$unset": ["old", "never"]})
    sdk.flush()

    assert_people(project, recorder, someone(project, "ada", plan="paid", source="ad"))


def test_identify_with_an_anonymous_id_merges_it_into_the_user(
    project: ProjectClient, recorder: Recorder, sdk: posthog.Posthog
) -> None:
    """This SDK has no ``identify``: who needs one captures the event."""
    sdk.set(distinct_id="anon", properties={"plan": "free", "seen": True})
    sdk.set(distinct_id="ada", properties={"plan": "paid"})
    identity = {"$anon_distinct_id": "anon", "$set": {"age": 36}}
    sdk.capture("$identify", distinct_id="ada", properties=identity)
    sdk.flush()

    assert_people(
        project,
        recorder,
        someone(project, "ada", "anon", is_identified=True, plan="paid", seen=True, age=36),
    )


def test_alias_keeps_the_person_of_the_previous_id(
    project: ProjectClient, recorder: Recorder, sdk: posthog.Posthog
) -> None:
    sdk.set(distinct_id="anon", properties={"plan": "free", "seen": True})
    sdk.set(distinct_id="ada", properties={"plan": "paid", "age": 36})
    sdk.alias(previous_id="anon", distinct_id="ada")
    sdk.set(distinct_id="ada", properties={"late": True})
    sdk.flush()

    assert_people(
        project,
        recorder,
        someone(project, "anon", "ada", is_identified=True, plan="free", seen=True, age=36, late=True),
    )


def test_alias_gives_a_new_distinct_id_to_the_person_of_the_previous_id(
    project: ProjectClient, recorder: Recorder, sdk: posthog.Posthog
) -> None:
    sdk.set(distinct_id="anon", properties={"plan": "free"})
    sdk.alias(previous_id="anon", distinct_id="ada")
    sdk.flush()

    assert_people(project, recorder, someone(project, "anon", "ada", is_identified=True, plan="free"))


def test_alias_leaves_a_person_alone_who_is_identified(
    project: ProjectClient, recorder: Recorder, sdk: posthog.Posthog
) -> None:
    sdk.alias(previous_id="phone", distinct_id="ada")
    sdk.set(distinct_id="anon", properties={"plan": "free"})
    sdk.alias(previous_id="anon", distinct_id="ada")
    sdk.flush()

    assert_people(
        project,
        recorder,
        someone(project, "phone", "ada", is_identified=True),
        someone(project, "anon", is_identified=True, plan="free"),
    )


def test_groups_leave_the_properties_of_persons_alone(
    project: ProjectClient, recorder: Recorder, sdk: posthog.Posthog
) -> None:
    sdk.group_identify("company", "acme", {"name": "Acme"})
    sdk.group_identify("company", "acme", {"name": "Acme"}, distinct_id="ada")
    sdk.capture("looked", distinct_id="ada", groups={"company": "acme"})
    sdk.flush()

    chosen_by_the_sdk = recorder.events[0]["distinct_id"]
    assert_people(project, recorder, someone(project, chosen_by_the_sdk), someone(project, "ada"))


def test_groups_are_stored_and_counted(project: ProjectClient, sdk: posthog.Posthog) -> None:
    sdk.group_identify("company", "acme", {"name": "Acme", "seats": 5})
    sdk.group_identify("company", "acme", {"seats": 6})
    sdk.capture("looked", distinct_id="ada", groups={"company": "acme"})
    sdk.capture("looked", groups={"company": "bolt"})
    sdk.capture("looked", distinct_id="ada")
    sdk.flush()

    assert_groups(project, "company", {"acme": {"name": "Acme", "seats": 6}, "bolt": {}})


@pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")
def test_flags_are_off_and_asking_for_one_makes_nobody_a_person(
    project: ProjectClient, recorder: Recorder, sdk: posthog.Posthog
) -> None:
    answers = [
        sdk.feature_enabled("new-page", "ada"),
        sdk.get_feature_flag_payload("new-page", "ada"),
        sdk.get_all_flags("ada"),
        sdk.evaluate_flags("bob").is_enabled("new-page"),
    ]
    sdk.flush()

    # A flag that the server does not know is None to this SDK.
    assert answers == [None, None, {}, False]
    assert "/flags/" in recorder.paths()
    assert {event["event"] for event in recorder.events} == {"$feature_flag_called"}
    assert_people(project, recorder)


def test_flags_computed_by_the_sdk_are_off_too(
    project: ProjectClient, recorder: Recorder, sdk_with_key: posthog.Posthog
) -> None:
    sdk_with_key.load_feature_flags()
    flags = sdk_with_key.evaluate_flags("ada", only_evaluate_locally=True)

    assert (flags.keys, sdk_with_key.feature_flag_definitions()) == ([], [])
    assert "/flags/definitions" in recorder.paths()
    assert_people(project, recorder)
