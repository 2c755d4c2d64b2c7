"""How events are cut into requests changes nothing about who is who."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.clients import ProjectClient, new_project
from tests.stack import Stack

IDS = st.sampled_from(["a", "b", "c", "d"])
VALUES = st.sampled_from([1, "1", True, None, [1], {"k": 1}])
KEYS = st.sampled_from(["x", "y", "$browser"])
PROPERTIES = st.dictionaries(KEYS, VALUES, max_size=2)
START = datetime(2026, 1, 1, tzinfo=UTC)


@st.composite
def sequences(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Up to ten events of a few visitors, with identification and merges."""
    events = []
    for number in range(draw(st.integers(1, 10))):
        name = draw(st.sampled_from(["look", "$set", "$identify", "$create_alias", "$merge_dangerously"]))
        properties: dict[str, Any] = {"$set": draw(PROPERTIES), "$set_once": draw(PROPERTIES)}
        properties["$unset"] = draw(st.lists(KEYS, max_size=1))
        if name == "$identify":
            properties["$anon_distinct_id"] = draw(IDS)
        elif name != "look":
            properties["alias"] = draw(IDS)
        minutes = draw(st.integers(0, 500))
        events.append(
            {
                "event": name,
                "distinct_id": draw(IDS),
                "uuid": str(UUID(int=number)),
                "timestamp": (START + timedelta(minutes=minutes)).isoformat(),
                "properties": properties,
            }
        )
    return events


def persons(project: ProjectClient) -> dict[frozenset[str], dict[str, Any]]:
    """What is known of each person by its ids; uuids differ from project to project."""
    rows = project.get(project.persons_url).json()["results"]
    kept = ("properties", "created_at", "is_identified", "last_seen_at")
    return {frozenset(row["distinct_ids"]): {key: row[key] for key in kept} for row in rows}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sequences())
def test_one_request_or_many_end_with_the_same_persons(stack: Stack, events: list[dict[str, Any]]) -> None:
    with new_project(stack) as together, new_project(stack) as apart:
        together.capture(*events)
        for event in events:
            apart.capture(event)

        assert persons(together) == persons(apart)
