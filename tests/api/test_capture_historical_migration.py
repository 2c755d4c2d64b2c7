"""``historical_migration`` in a request: accepted in any form, and it changes nothing for persons."""

from typing import Any

import pytest

from core.clickhouse import client
from tests.api.test_capture_v1 import batch, post, v1_event
from tests.clients import ProjectClient, event, settle

LONG_AGO = "2019-05-06T07:08:09Z"
VALUES: list[Any] = [True, False, None, "yes", 1, {"a": []}]


def told(project: ProjectClient) -> tuple[Any, ...]:
    """When the person began and its properties, and when the events happened."""
    settle()
    rows = client.query(
        "SELECT event, toString(timestamp) FROM events WHERE project_id = {project_id:Int64} ORDER BY event",
        project_id=project.id,
    )
    person = project.person("ada")
    assert person is not None
    return person["created_at"], person["properties"]["plan"], [tuple(row) for row in rows]


EXPECTED = (
    "2019-05-06T07:08:09Z",
    "team",
    [("a", "2019-05-06 07:08:09.000000"), ("b", "2019-05-06 07:08:09.000000")],
)


@pytest.mark.parametrize("value", VALUES)
def test_it_changes_nothing_in_a_batch(project: ProjectClient, value: Any) -> None:
    project.capture(
        event("a", "ada", timestamp=LONG_AGO, properties={"$set": {"plan": "free"}}),
        event("b", "ada", timestamp=LONG_AGO, properties={"$set": {"plan": "team"}}),
        historical_migration=value,
    )

    assert told(project) == EXPECTED


@pytest.mark.parametrize("value", VALUES)
def test_it_changes_nothing_in_the_v1_protocol(project: ProjectClient, value: Any) -> None:
    events = [
        v1_event(
            name,
            "ada",
            timestamp=LONG_AGO,
            properties={"$set": {"plan": plan}},
            options={"disable_skew_correction": True},
        )
        for name, plan in (("a", "free"), ("b", "team"))
    ]

    response = post(project, batch(*events, historical_migration=value))

    assert response.json() == {"results": {event["uuid"]: {"result": "ok"} for event in events}}
    assert told(project) == EXPECTED
