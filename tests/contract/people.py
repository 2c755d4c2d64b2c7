"""All persons of a project, and its groups, as tests write them down."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from tests.clients import ProjectClient
from tests.contract.recorder import Recorder

#: Seconds that are waited at most: on a busy machine an SDK takes its time.
PATIENCE = 10.0
_UUIDS_OF_PERSONS = UUID("932979b4-65c3-4424-8467-0b66ec27bc22")


@dataclass(frozen=True, slots=True)
class Someone:
    """A person. The first distinct id is the one that made the person: the uuid follows from it."""

    uuid: str
    distinct_ids: frozenset[str]
    is_identified: bool
    properties: dict[str, Any]


def someone(
    project: ProjectClient, first_id: str, *other_ids: str, is_identified: bool = False, **properties: Any
) -> Someone:
    return Someone(
        uuid=str(uuid5(_UUIDS_OF_PERSONS, f"{project.id}:{first_id}")),
        distinct_ids=frozenset([first_id, *other_ids]),
        is_identified=is_identified,
        properties=properties,
    )


def assert_people(
    project: ProjectClient, recorder: Recorder, *expected: Someone, only_own: bool = False
) -> None:
    """These are the persons of the project and there are no others; each names the event that made it.

    With ``only_own``, what SDKs say of themselves is not looked at: names with $, and campaigns that are null.
    """
    births = {event["uuid"] for event in recorder.events if event.get("uuid")}
    rows: list[dict[str, Any]] = []

    def read() -> dict[str, Someone]:
        rows[:] = project.get(project.persons_url).json()["results"]
        return {row["uuid"]: _someone_in(row, only_own) for row in rows}

    assert_within(read, {person.uuid: person for person in expected})
    creators = {row["properties"]["$creator_event_uuid"] for row in rows}
    assert len(creators) == len(rows)
    assert creators <= births or not births


def _someone_in(row: dict[str, Any], only_own: bool) -> Someone:
    properties = {name: value for name, value in row["properties"].items() if name != "$creator_event_uuid"}
    if only_own:
        properties = {n: value for n, value in properties.items() if n[0] != "$" and value is not None}
    return Someone(row["uuid"], frozenset(row["distinct_ids"]), row["is_identified"], properties)


def assert_groups(project: ProjectClient, group_type: str, groups: dict[str, dict[str, Any]]) -> None:
    """The project has this one group type, and ``looked`` happened in these groups, which have these properties."""
    url = f"{project.persons_url}funnel/"
    question = {"events": [{"id": "looked"}], "funnel_step": 1, "aggregation_group_type_index": 0}

    def read() -> dict[str, dict[str, Any]]:
        (result,) = project.post(url, question).json()["results"]
        return {actor["group_key"]: actor["properties"] for actor in result["people"]}

    assert project.get("/flags/definitions", token=project.token).json()["group_type_mapping"] == {
        "0": group_type
    }
    assert_within(read, groups)


def assert_within(read: Callable[[], Any], expected: Any, *, seconds: float = PATIENCE) -> None:
    """``read`` answers ``expected``, if not at once then soon."""
    deadline = time.monotonic() + seconds
    found = read()
    while found != expected and time.monotonic() < deadline:
        found = read()
    assert found == expected
