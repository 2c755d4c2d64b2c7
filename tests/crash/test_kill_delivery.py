"""``kill -9`` of any part in the middle of delivery: what was accepted is in ClickHouse, once."""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import clickhouse_connect
import httpx
import psycopg
import pytest
from clickhouse_connect.driver.client import Client

from tests.clients import event
from tests.stack import Stack, start, temporary_stack

BATCHES, BATCH = 40, 500
PATIENCE = 60


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    # Small batches, so that there is a middle to be killed in.
    monkeypatch.setenv("PERSONS_API_DELIVERY_BATCH_ROWS", "700")
    with temporary_stack() as running:
        yield running


@dataclass
class Sender:
    """Sends 20,000 events in the background and remembers which were accepted."""

    url: str
    token: str
    accepted: list[str] = field(default_factory=list)

    def run(self) -> None:
        for _ in range(BATCHES):
            events = [event("a", f"user-{n % 50}") for n in range(BATCH)]
            if self._is_accepted(events):
                self.accepted += [one["uuid"] for one in events]

    def _is_accepted(self, events: list[dict[str, Any]]) -> bool:
        try:
            return httpx.post(
                f"{self.url}/batch/", json={"api_key": self.token, "batch": events}, timeout=30
            ).is_success
        except httpx.HTTPError:
            return False


def clickhouse(stack: Stack) -> Client:
    state = stack.state()
    return clickhouse_connect.get_client(
        host="127.0.0.1",
        port=state.clickhouse_port,
        username="default",
        password=state.clickhouse_password,
        database="persons_api",
        autogenerate_session_id=False,
        compress=False,
    )


def stored(stack: Stack) -> dict[str, int]:
    """How many rows each event has; merges are stopped, for they would hide a double."""
    rows = clickhouse(stack).query("SELECT uuid, count() FROM events GROUP BY uuid").result_rows
    return {str(uuid): count for uuid, count in rows}


def wait_until_delivery_is_in_the_middle(stack: Stack) -> None:
    """Some rows have left the buffer and others are still in it."""
    deadline = time.monotonic() + PATIENCE
    with psycopg.connect(stack.environment["DATABASE_URL"], autocommit=True) as connection:
        while time.monotonic() < deadline:
            row = connection.execute("SELECT min(id), count(*) FROM core_eventbuffer").fetchone()
            assert row is not None
            oldest, waiting = row
            if waiting > BATCH and oldest > BATCH:
                return
    raise AssertionError("delivery never was in the middle")


def kill_child(stack: Stack, name: str) -> None:
    os.kill(stack.pids()[name], signal.SIGKILL)


def kill_supervisor(stack: Stack) -> None:
    assert stack.process is not None
    stack.process.kill()
    stack.process.wait()


#: What captures do not need: all of them are accepted while it is away.
BEHIND_THE_BUFFER = ("delivery", "clickhouse")


@pytest.mark.parametrize("victim", ["delivery", "clickhouse", "web", "postgres", "supervisor"])
def test_every_accepted_event_is_there_once_after_a_kill(stack: Stack, victim: str) -> None:
    token = json.loads(stack.command("create-project", "--name", "crash", "--json"))["api_token"]
    clickhouse(stack).command("SYSTEM STOP MERGES events")
    sender = Sender(stack.url, token)
    sending = threading.Thread(target=sender.run)
    sending.start()

    wait_until_delivery_is_in_the_middle(stack)
    if victim == "supervisor":
        kill_supervisor(stack)
        sending.join()
        revived = start(stack.folder)
        stack.process, stack.port = revived.process, revived.port
    else:
        kill_child(stack, victim)
        sending.join()

    stack.command("drain", "--timeout", str(PATIENCE))
    found = stored(stack)
    assert set(sender.accepted) <= found.keys()
    assert set(found.values()) == {1}
    if victim in BEHIND_THE_BUFFER:
        assert len(sender.accepted) == BATCHES * BATCH
        assert found.keys() == set(sender.accepted)
