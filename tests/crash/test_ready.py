"""``/_ready`` tells each store's state, and refuses only without PostgreSQL."""

import httpx
import pytest

from tests.crash.conftest import eventually
from tests.crash.test_stores_away import held_down
from tests.stack import Stack


def ready(stack: Stack) -> tuple[int, str, dict[str, str]]:
    response = httpx.get(f"{stack.url}/_ready", timeout=40)
    body = response.json()
    assert {name for name, one in body["dependencies"].items() if one["needed"]} == {"postgresql"}
    states = {name: one["state"] for name, one in body["dependencies"].items()}
    assert set(states) == {"postgresql", "clickhouse", "valkey"}
    return response.status_code, body["status"], {name: s for name, s in states.items() if s != "ok"}


@pytest.mark.parametrize(
    ("store", "expected"),
    [
        ("clickhouse", (200, "degraded", {"clickhouse": "away"})),
        ("valkey", (200, "degraded", {"valkey": "away"})),
        ("postgres", (503, "unavailable", {"postgresql": "away"})),
    ],
)
def test_a_store_that_is_away_is_named(
    stack: Stack, store: str, expected: tuple[int, str, dict[str, str]]
) -> None:
    eventually(lambda: ready(stack) == (200, "ready", {}))

    with held_down(stack, store):
        eventually(lambda: ready(stack) == expected)
        assert httpx.get(f"{stack.url}/_health").text == "ok\n"

    eventually(lambda: ready(stack) == (200, "ready", {}))
