"""``kill -9`` in the middle of sending: webhooks get every event, and each person's in their order."""

import json
import os
import signal
import threading
import time
from collections import defaultdict
from typing import Any

import httpx
import psycopg
import pytest

from tests.clients import NO_TLS, bearer, event
from tests.receiver import PATIENCE, Received, receiving
from tests.stack import Stack

PERSONS, CHANGES = 20, 15


def waiting(stack: Stack) -> int:
    """Events that were not delivered; PostgreSQL may be starting."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with psycopg.connect(stack.environment["DATABASE_URL"], autocommit=True) as connection:
                row = connection.execute(
                    "SELECT count(*) FROM core_webhookdelivery WHERE state <> 'delivered'"
                ).fetchone()
                assert row is not None
                return int(row[0])
        except psycopg.OperationalError:
            assert time.monotonic() < deadline
            time.sleep(0.1)


@pytest.mark.parametrize("victim", ["deletions", "postgres"])
def test_every_event_comes_in_its_order_after_a_kill(stack: Stack, victim: str) -> None:
    project = json.loads(stack.command("create-project", "--name", "crash", "--json"))
    key = json.loads(stack.command("create-key", "--label", "crash", "--scopes", "*", "--json"))["key"]
    middle, killed = threading.Event(), threading.Event()

    def answer(received: Received) -> int:
        if len(receiver.requests) > PERSONS * CHANGES // 4:
            middle.set()
            # Whoever asked is killed with requests under way.
            killed.wait(PATIENCE)
        return 200

    with receiving(answer) as receiver:
        made = httpx.post(
            f"{stack.url}/api/projects/{project['id']}/webhooks/",
            json={"url": receiver.url, "events": ["person.updated"]},
            headers=bearer(key),
        )
        assert made.status_code == 201, made.text
        for n in range(CHANGES):
            sets: list[dict[str, Any]] = [
                event("a", f"person-{person}", properties={"$set": {"n": n}}) for person in range(PERSONS)
            ]
            body = {"api_key": project["api_token"], "batch": sets}
            sent = httpx.post(f"{stack.url}/batch/", json=body, timeout=30, verify=NO_TLS)
            assert sent.status_code == 200

        assert middle.wait(PATIENCE)
        os.kill(stack.pids()[victim], signal.SIGKILL)
        killed.set()

        deadline = time.monotonic() + PATIENCE
        while waiting(stack):
            assert time.monotonic() < deadline
            time.sleep(0.1)

    assert len({one.event["id"] for one in receiver.requests}) == PERSONS * CHANGES
    first: dict[str, list[int]] = defaultdict(list)
    for request in receiver.requests:
        person = request.event["data"]["person"]
        if person["properties"]["n"] not in first[person["uuid"]]:
            first[person["uuid"]].append(person["properties"]["n"])
    assert list(first.values()) == [list(range(CHANGES))] * PERSONS
