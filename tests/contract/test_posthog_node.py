"""The unmodified ``posthog-node`` package from the package index."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.clients import ProjectClient
from tests.contract.calls import Call, Outcome, run_program
from tests.contract.people import assert_groups, assert_people, someone
from tests.contract.recorder import Recorder

Make = Callable[..., list[Any]]


@pytest.fixture
def make(project: ProjectClient, recorder: Recorder, npm_packages: Path) -> Make:
    """Has the SDK make some calls, in one program; their answers."""

    def make(*calls: Call, **options: Any) -> list[Any]:
        outcome: Outcome = run_program(
            ["node", "calls.mjs"],
            folder=npm_packages,
            token=project.token,
            host=recorder.url,
            calls=calls,
            **options,
        )
        assert outcome.complaints == []
        return outcome.answers

    return make


def captured(distinct_id: str, **properties: Any) -> Call:
    return ["capture", {"distinctId": distinct_id, "event": "looked", "properties": properties}]


def test_capture_makes_a_person_who_is_not_identified(
    project: ProjectClient, recorder: Recorder, make: Make
) -> None:
    make(captured("ada", amount=5, **{"$set": {"plan": "free"}, "$set_once": {"source": "ad"}}))

    assert_people(project, recorder, someone(project, "ada", plan="free", source="ad"))


def test_set_overwrites_set_once_keeps_and_unset_removes(
    project: ProjectClient, recorder: Recorder, make: Make
) -> None:
    make(
        captured("ada", **{"$set": {"plan": "free", "old": 1}}),
        ["setPersonProperties", {"distinctId": "ada", "properties": {"plan": "paid"}}],
        [
            "setPersonProperties",
            {"distinctId": "ada", "propertiesOnce": {"plan": "lost", "source": "ad"}},
        ],
        ["unsetPersonProperties", {"distinctId": "ada", "properties": ["old", "never"]}],
    )

    assert_people(project, recorder, someone(project, "ada", plan="paid", source="ad"))


def test_identify_alone_sets_properties_and_identifies_nobody(
    project: ProjectClient, recorder: Recorder, make: Make
) -> None:
    make(["identify", {"distinctId": "ada", "properties": {"email": "ada@example.org"}}])

    assert_people(project, recorder, someone(project, "ada", email="ada@example.org"))


def test_identify_with_an_anonymous_id_merges_it_into_the_user(
    project: ProjectClient, recorder: Recorder, make: Make
) -> None:
    make(
        captured("anon", **{"$set": {"plan": "free", "seen": True}}),
        captured("ada", **{"$set": {"plan": "paid"}}),
        [
            "identify",
            {"distinctId": "ada", "properties": {"$set": {"age": 36}, "$anon_distinct_id": "anon"}},
        ],
    )

    assert_people(
        project,
        recorder,
        someone(project, "ada", "anon", is_identified=True, plan="paid", seen=True, age=36),
    )


def test_alias_keeps_the_person_of_the_distinct_id(
    project: ProjectClient, recorder: Recorder, make: Make
) -> None:
    make(
        captured("anon", **{"$set": {"plan": "free", "seen": True}}),
        captured("ada", **{"$set": {"plan": "paid"}}),
        ["alias", {"distinctId": "ada", "alias": "anon"}],
        captured("anon", **{"$set": {"late": True}}),
    )

    assert_people(
        project,
        recorder,
        someone(project, "ada", "anon", is_identified=True, plan="paid", seen=True, late=True),
    )


def test_alias_of_two_unknown_ids_makes_one_person(
    project: ProjectClient, recorder: Recorder, make: Make
) -> None:
    make(["alias", {"distinctId": "ada", "alias": "anon"}])

    assert_people(project, recorder, someone(project, "ada", "anon", is_identified=True))


def test_alias_gives_a_new_distinct_id_to_the_person_of_the_alias(
    project: ProjectClient, recorder: Recorder, make: Make
) -> None:
    make(captured("anon"), ["alias", {"distinctId": "ada", "alias": "anon"}])

    assert_people(project, recorder, someone(project, "anon", "ada", is_identified=True))


def test_alias_leaves_a_person_alone_who_is_identified(
    project: ProjectClient, recorder: Recorder, make: Make
) -> None:
    make(
        ["alias", {"distinctId": "bob", "alias": "anon"}],
        captured("ada"),
        ["alias", {"distinctId": "ada", "alias": "bob"}],
    )

    assert_people(
        project,
        recorder,
        someone(project, "bob", "anon", is_identified=True),
        someone(project, "ada", is_identified=True),
    )


def test_groups_leave_the_properties_of_persons_alone(
    project: ProjectClient, recorder: Recorder, make: Make
) -> None:
    acme = {"groupType": "company", "groupKey": "acme", "properties": {"name": "Acme"}}
    make(
        ["groupIdentify", acme],
        ["groupIdentify", {**acme, "distinctId": "ada"}],
        ["capture", {"distinctId": "ada", "event": "looked", "groups": {"company": "acme"}}],
    )

    assert_people(project, recorder, someone(project, "$company_acme"), someone(project, "ada"))


def test_groups_are_stored_and_counted(project: ProjectClient, make: Make) -> None:
    acme = {"groupType": "company", "groupKey": "acme"}
    make(
        ["groupIdentify", {**acme, "properties": {"name": "Acme", "seats": 5}}],
        ["groupIdentify", {**acme, "properties": {"seats": 6}}],
        ["capture", {"distinctId": "ada", "event": "looked", "groups": {"company": "acme"}}],
        ["capture", {"distinctId": "ada", "event": "looked", "groups": {"company": 7}}],
    )

    assert_groups(project, "company", {"acme": {"name": "Acme", "seats": 6}, "7": {}})


def test_flags_are_off_and_asking_for_one_makes_nobody_a_person(
    project: ProjectClient, recorder: Recorder, make: Make
) -> None:
    answers = make(
        ["isFeatureEnabled", "new-page", "ada"],
        ["getFeatureFlag", "new-page", "bob"],
        ["getFeatureFlagPayload", "new-page", "ada"],
        ["getAllFlags", "ada"],
        ["evaluateFlags", "cleo"],
        [".isEnabled", "new-page"],
    )

    # A flag that the server does not know is undefined to this SDK.
    assert answers[:4] == [None, None, None, {}]
    assert answers[-1] is False
    assert "/flags/" in recorder.paths()
    assert {event["event"] for event in recorder.events} == {"$feature_flag_called"}
    assert_people(project, recorder)


def test_flags_computed_by_the_sdk_are_off_too(
    project: ProjectClient, recorder: Recorder, make: Make
) -> None:
    answers = make(
        ["reloadFeatureFlags"],
        ["isFeatureEnabled", "new-page", "ada", {"onlyEvaluateLocally": True}],
        personalApiKey=project.key,
    )

    assert answers == [None, None]
    assert "/flags/definitions" in recorder.paths()
    assert_people(project, recorder)
