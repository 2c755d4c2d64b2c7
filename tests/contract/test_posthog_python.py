"""The unmodified ``posthog`` package from the package index."""

import json
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import posthog
import pytest

from tests.clients import ProjectClient

STEPS = ("looked", "signed up", "ordered")
#: Seconds within which a change must show everywhere.
FRESH = 1.0


@pytest.fixture
def sdk(project: ProjectClient) -> Iterator[posthog.Posthog]:
    client = posthog.Posthog(project.token, host=str(project.http.base_url), debug=False)
    yield client
    client.shutdown()


def within_a_second(read: Callable[[], Any], expected: Any) -> None:
    deadline = time.monotonic() + FRESH
    found = read()
    while found != expected and time.monotonic() < deadline:
        found = read()
    assert found == expected


def people_of_step(project: ProjectClient, step: int) -> set[str]:
    events = json.dumps([{"id": name, "type": "events", "order": n} for n, name in enumerate(STEPS)])
    answer = project.get(f"{project.persons_url}funnel/", events=events, funnel_step=step)
    assert answer.status_code == 200, answer.text
    return {person["name"] for person in answer.json()["results"][0]["people"]}


def test_events_and_properties_show_within_a_second(
    project: ProjectClient, sdk: posthog.Posthog, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    for visitor, steps in (("ada", 3), ("bob", 2), ("cleo", 1)):
        for name in STEPS[:steps]:
            sdk.capture(name, distinct_id=visitor, properties={"amount": 5})
        sdk.set(distinct_id=visitor, properties={"name": visitor.title()})
    sdk.flush()

    within_a_second(
        lambda: {row["name"] for row in project.get(project.persons_url).json()["results"]},
        {"Ada", "Bob", "Cleo"},
    )
    within_a_second(lambda: people_of_step(project, 1), {"Ada", "Bob", "Cleo"})
    within_a_second(lambda: people_of_step(project, 3), {"Ada"})
    within_a_second(lambda: people_of_step(project, -3), {"Bob"})
    assert [record for record in caplog.records if record.name.startswith("posthog")] == []
