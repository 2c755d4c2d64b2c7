"""``kill -9`` of any part in the middle of delivery: what was accepted is in ClickHouse, once."""

import json
import os
import signal
import threading
from dataclasses import dataclass, field
from typing import Any

import httpx
import psycopg
import pytest

from tests.clients import NO_TLS, event
from tests.crash.conftest import eventually
from tests.stack import Stack

BATCHES, BATCH = 40, 500
PATIENCE = 60


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
            body = {"api_key": self.token, "batch": events}
            return httpx.post(f"{self.url}/batch/", json=body, timeout=30, verify=NO_TLS).is_success
        except httpx.HTTPError:
            return False


def stored(stack: Stack, project_id: int) -> dict[str, int]:
    """How many rows each event has; merges are stopped, for they would hide a double."""
    question = f"SELECT uuid, count() FROM events WHERE project_id = {project_id} GROUP BY uuid"
    return {str(uuid): count for uuid, count in stack.clickhouse().query(question).result_rows}


def wait_until_delivery_is_in_the_middle(stack: Stack, project_id: int) -> None:
    """Some rows have left the buffer and others are still in it."""

    def is_in_the_middle() -> bool:
        row = connection.execute(
            "SELECT count(*) FROM core_eventbuffer WHERE project_id = %s", [project_id]
        ).fetchone()
        return row is not None and row[0] > BATCH and bool(stored(stack, project_id))

    with psycopg.connect(stack.environment["DATABASE_URL"], autocommit=True) as connection:
        eventually(is_in_the_middle)


def kill_child(stack: Stack, name: str) -> None:
    os.kill(stack.pids()[name], signal.SIGKILL)


#: What captures do not need: all of them are accepted while it is away.
BEHIND_THE_BUFFER = ("delivery", "workers", "clickhouse")


@pytest.mark.parametrize("victim", ["delivery", "workers", "clickhouse", "web", "postgres", "supervisor"])
def test_every_accepted_event_is_there_once_after_a_kill(stack: Stack, victim: str) -> None:
    project = json.loads(stack.command("create-project", "--name", "crash", "--json"))
    stack.clickhouse().command("SYSTEM STOP MERGES events")
    sender = Sender(stack.url, project["api_token"])
    sending = threading.Thread(target=sender.run)
    sending.start()

    wait_until_delivery_is_in_the_middle(stack, project["id"])
    if victim == "supervisor":
        stack.kill()
        sending.join()
        stack.revive()
    else:
        kill_child(stack, victim)
        sending.join()

    stack.command("drain", "--timeout", str(PATIENCE))
    found = stored(stack, project["id"])
    stack.clickhouse().command("SYSTEM START MERGES events")
    assert set(sender.accepted) <= found.keys()
    assert set(found.values()) == {1}
    if victim in BEHIND_THE_BUFFER:
        assert len(sender.accepted) == BATCHES * BATCH
        assert found.keys() == set(sender.accepted)
