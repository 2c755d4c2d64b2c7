"""A store that is away: what needs it says so, everything else goes on, nothing accepted is lost."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import psutil
import pytest

from tests.clients import bearer, event
from tests.crash.conftest import eventually
from tests.stack import Stack

FUNNEL = {
    "events": json.dumps(
        [{"id": "a", "type": "events", "order": 0}, {"id": "b", "type": "events", "order": 1}]
    ),
    "funnel_step": "1",
}


class Client:
    """A project of the stack that is about to lose a part."""

    def __init__(self, stack: Stack) -> None:
        project = json.loads(stack.command("create-project", "--name", "away", "--json"))
        made = stack.command("create-key", "--label", "away", "--scopes", "person:read", "--json")
        key = json.loads(made)["key"]
        self.token = project["api_token"]
        self.persons = f"/api/projects/{project['id']}/persons/"
        self.http = httpx.Client(base_url=stack.url, headers=bearer(key), timeout=60)

    def capture(self, distinct_id: str) -> int:
        body = {"api_key": self.token, "batch": [event("a", distinct_id), event("b", distinct_id)]}
        return self.http.post("/batch/", json=body).status_code

    def listed(self) -> set[str]:
        return {row["name"] for row in self.http.get(self.persons).json()["results"]}

    def funnel(self) -> httpx.Response:
        return self.http.get(f"{self.persons}funnel/", params=FUNNEL)

    def converted(self) -> set[str]:
        response = self.funnel()
        return (
            {row["name"] for row in response.json()["results"][0]["people"]} if response.is_success else set()
        )


@pytest.fixture
def client(stack: Stack) -> Client:
    return Client(stack)


@contextmanager
def held_down(stack: Stack, name: str) -> Iterator[None]:
    """Kill the child while the supervisor, which would start it again, is suspended."""
    assert stack.process is not None
    supervisor, child = psutil.Process(stack.process.pid), psutil.Process(stack.pids()[name])
    supervisor.suspend()
    try:
        # PostgreSQL's backends outlive it for a moment, in which they still answer.
        parts = [child, *child.children(recursive=True)]
        child.kill()
        eventually(lambda: not any(lives(part) for part in parts))
        yield
    finally:
        supervisor.resume()


def lives(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_without_clickhouse_capture_and_persons_go_on(stack: Stack, client: Client) -> None:
    with held_down(stack, "clickhouse"):
        assert client.capture("ada") == 200
        assert "ada" in client.listed()
        refused = client.funnel()

    assert (refused.status_code, refused.json()["code"]) == (503, "clickhouse_unavailable")
    assert int(refused.headers["Retry-After"]) > 0
    eventually(lambda: "ada" in client.converted())


def test_without_valkey_capture_and_persons_go_on(stack: Stack, client: Client) -> None:
    with held_down(stack, "valkey"):
        assert client.capture("bob") == 200
        assert "bob" in client.listed()
        refused = client.funnel()

    assert (refused.status_code, refused.json()["code"]) == (503, "queue_unavailable")
    assert int(refused.headers["Retry-After"]) > 0
    eventually(lambda: "bob" in client.converted())


def test_without_postgres_every_route_asks_to_try_again_and_nothing_is_half_stored(
    stack: Stack, client: Client
) -> None:
    with held_down(stack, "postgres"):
        captured = client.http.post("/batch/", json={"api_key": client.token, "batch": [event("a", "cleo")]})
        listed = client.http.get(client.persons)

    for refused in (captured, listed):
        assert (refused.status_code, refused.json()["code"]) == (503, "database_unavailable")
        assert int(refused.headers["Retry-After"]) > 0
    eventually(lambda: client.http.get(client.persons).is_success)
    assert "cleo" not in client.listed()
    assert client.capture("cleo") == 200
    eventually(lambda: "cleo" in client.converted())
