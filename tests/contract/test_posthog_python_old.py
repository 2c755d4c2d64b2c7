"""``posthog`` 3.7.0 from the package index: an SDK of 2024, as old programs still have it.

It sends events without uuid and names the time of sending ``sentAt``, which means nothing to a server.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.clients import ProjectClient
from tests.contract.calls import Call, run_program
from tests.contract.installed import python_with
from tests.contract.people import assert_groups, assert_people, someone
from tests.contract.recorder import Recorder

Make = Callable[..., list[Any]]
HERE = Path(__file__).parent / "python_old"


@pytest.fixture(scope="session")
def old_python_sdk() -> Path:
    """The Python of a virtual environment that has the SDK."""
    return python_with(HERE / "requirements.txt")


@pytest.fixture
def make(project: ProjectClient, recorder: Recorder, old_python_sdk: Path) -> Make:
    """Has the SDK make some calls, in one program; their answers."""

    def make(*calls: Call, **options: Any) -> list[Any]:
        outcome = run_program(
            [old_python_sdk, "calls.py"],
            folder=HERE,
            token=project.token,
            host=recorder.url,
            calls=calls,
            **options,
        )
        assert outcome.complaints == []
        return outcome.answers

    return make


def captured(distinct_id: str, **properties: Any) -> Call:
    return ["capture", {"distinct_id": distinct_id, "event": "looked", "properties": properties}]


def with_properties(method: str, distinct_id: str, **properties: Any) -> Call:
    return [method, {"distinct_id": distinct_id, "properties": properties}]


def alias(previous_id: str, distinct_id: str) -> Call:
    return ["alias", {"previous_id": previous_id, "distinct_id": distinct_id}]


def test_capture_makes_a_person_who_is_not_identified(
    project: ProjectClient, recorder: Recorder, make: Make
) -> None:
    make(captured("ada", amount=5, **{"$set": {"plan": "free"}, "$set_once": {"source": "ad"}}))

    assert_people(project, recorder, someone(project, "ada", plan="free", source="ad"))
    assert "uuid" not in recorder.events[0]


def test_set_overwrites_set_once_keeps_and_unset_removes(
    project: ProjectClient, recorder: Recorder, make: Make
) -> None:
    make(
        with_properties("set", "ada", plan="free", old=1),
        with_properties("set", "ada", plan="paid"),
        with_properties("set_once", "ada", plan="lost", source="ad"),
        captured("ada", **{"$unset": ["old", "never"]}),
    )

    assert_people(project, recorder, someone(project, "ada", plan="paid", source="ad"))


def test_identify_sets_properties_and_identifies_nobody(
    project: ProjectClient, recorder: Recorder, make: Make
) -> None:
    make(with_properties("identify", "ada", email="ada@example.org"))

    assert_people(project, recorder, someone(project, "ada", email="ada@example.org"))


def test_alias_keeps_the_person_of_the_previous_id(
    project: ProjectClient, recorder: Recorder, make: Make
) -> None:
    make(
        with_properties("set", "anon", plan="free", seen=True),
        with_properties("set", "ada", plan="paid", age=36),
        alias("anon", "ada"),
        with_properties("set", "ada", late=True),
    )

    assert_people(
        project,
        recorder,
        someone(project, "anon", "ada", is_identified=True, plan="free", seen=True, age=36, late=True),
    )


def test_alias_gives_a_new_distinct_id_to_the_person_of_the_previous_id(
    project: ProjectClient, recorder: Recorder, make: Make
) -> None:
    make(with_properties("set", "anon", plan="free"), alias("anon", "ada"))

    assert_people(project, recorder, someone(project, "anon", "ada", is_identified=True, plan="free"))


def test_alias_leaves_a_person_alone_who_is_identified(
    project: ProjectClient, recorder: Recorder, make: Make
) -> None:
    make(
        alias("phone", "ada"),
        with_properties("set", "anon", plan="free"),
        alias("anon", "ada"),
    )

    assert_people(
        project,
        recorder,
        someone(project, "phone", "ada", is_identified=True),
        someone(project, "anon", is_identified=True, plan="free"),
    )


def test_groups_leave_the_properties_of_persons_alone(
    project: ProjectClient, recorder: Recorder, make: Make
) -> None:
    make(
        [
            "group_identify",
            {"group_type": "company", "group_key": "acme", "properties": {"name": "Acme"}},
        ],
        ["capture", {"distinct_id": "ada", "event": "looked", "groups": {"company": "acme"}}],
    )

    assert_people(project, recorder, someone(project, "$company_acme"), someone(project, "ada"))


def test_groups_are_stored_and_counted(project: ProjectClient, make: Make) -> None:
    make(
        [
            "group_identify",
            {"group_type": "company", "group_key": "acme", "properties": {"name": "Acme"}},
        ],
        ["capture", {"distinct_id": "ada", "event": "looked", "groups": {"company": "acme"}}],
        ["capture", {"distinct_id": "ada", "event": "looked", "groups": {"company": 7}}],
    )

    assert_groups(project, "company", {"acme": {"name": "Acme"}, "7": {}})


def test_flags_are_off_and_asking_for_one_makes_nobody_a_person(
    project: ProjectClient, recorder: Recorder, make: Make
) -> None:
    answers = make(
        ["feature_enabled", {"key": "new-page", "distinct_id": "ada"}],
        ["get_feature_flag_payload", {"key": "new-page", "distinct_id": "ada"}],
        ["get_all_flags", {"distinct_id": "ada"}],
    )

    assert answers == [False, None, {}]
    assert "/decide/" in recorder.paths()
    assert {event["event"] for event in recorder.events} == {"$feature_flag_called"}
    assert_people(project, recorder)


def test_flags_computed_by_the_sdk_are_off_too(
    project: ProjectClient, recorder: Recorder, make: Make
) -> None:
    answers = make(
        ["load_feature_flags", {}],
        [
            "get_feature_flag",
            {"key": "new-page", "distinct_id": "ada", "only_evaluate_locally": True},
        ],
        personal_api_key=project.key,
    )

    assert answers == [None, None]
    assert "/api/feature_flag/local_evaluation/" in recorder.paths()
    assert_people(project, recorder)
