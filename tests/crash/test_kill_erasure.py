"""``kill -9`` of any part in the middle of an erasure: it is finished all the same, and its receipt is true.

A gate in the database stops the worker where a test wants it: a trigger that waits for a lock before a request comes
to a stage. At the gate of a stage everything that belongs to it has been done and is not yet noted.
"""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from typing import Any

import httpx
import psycopg
import pytest

from core.clickhouse.squash import REWRITING
from core.outbox.deliver import LOCK_SPACE
from core.outbox.freeze import EVENTS, TARGETS
from tests.clients import bearer, event
from tests.crash.conftest import eventually, is_ready
from tests.stack import Stack

PERSONS, EVENTS_A_PERSON = 30, 20


@dataclass(frozen=True)
class Project:
    id: int
    token: str
    key: str


@pytest.fixture(scope="module")
def project(mortal_stack: Stack) -> Iterator[Project]:
    eventually(lambda: is_ready(mortal_stack))
    made = json.loads(mortal_stack.command("create-project", "--name", "erase", "--json"))
    key = json.loads(mortal_stack.command("create-key", "--label", "erase", "--scopes", "*", "--json"))["key"]
    yield Project(made["id"], made["api_token"], key)
    # What one test leaves behind that is not as it should be is still there at the end.
    mortal_stack.command("doctor")


_numbers = count(1)


class Client:
    """Persons of a test in a project that all share; every second one is to go."""

    def __init__(self, stack: Stack, project: Project) -> None:
        self.stack, self.project = stack, project
        self.persons = f"/api/projects/{project.id}/persons/"
        self.http = httpx.Client(base_url=stack.url, headers=bearer(project.key), timeout=60)
        self.prefix = f"{next(_numbers)}-"
        self.to_go = [f"{self.prefix}{n}" for n in range(0, PERSONS, 2)]
        self.to_stay = [f"{self.prefix}{n}" for n in range(1, PERSONS, 2)]

    def capture(self, name: str, *distinct_ids: str) -> None:
        """An event of each, in one request that is repeated until it is accepted."""
        body = {"api_key": self.project.token, "batch": [event(name, one) for one in distinct_ids]}

        def is_accepted() -> bool:
            with suppress(httpx.HTTPError):
                return self.http.post("/batch/", json=body).is_success
            return False

        eventually(is_accepted)

    def settle(self) -> None:
        """Wait until the workers of the stack have delivered everything."""

        def is_delivered() -> bool:
            with (
                suppress(psycopg.OperationalError),
                psycopg.connect(self.stack.environment["DATABASE_URL"]) as database,
            ):
                return database.execute(_WAITS_FOR_DELIVERY).fetchone() == (False,)
            return False

        eventually(is_delivered)

    def fill(self) -> None:
        """Events of everybody in ClickHouse, of several batches."""
        everybody = [*self.to_go, *self.to_stay]
        for _ in range(2):
            self.capture("before", *everybody * (EVENTS_A_PERSON // 2))
            self.settle()

    def erase(self) -> None:
        body = {"distinct_ids": self.to_go, "delete_events": True}
        answer = self.http.post(f"{self.persons}bulk_delete/", json=body).raise_for_status().json()
        assert answer["persons_deleted"] == len(self.to_go)

    def receipts(self) -> list[dict[str, Any]]:
        """Of the persons who go, once they were asked to."""
        asked = self.http.get(f"{self.persons}deletion_status/", params={"limit": len(self.to_go)})
        rows: list[dict[str, Any]] = asked.raise_for_status().json()["results"]
        return rows

    def is_completed(self) -> bool:
        with suppress(httpx.HTTPError):
            return {receipt["status"] for receipt in self.receipts()} == {"completed"}
        return False

    def events(self) -> dict[tuple[str, str], int]:
        """How many events there are of the test, by name and distinct id."""
        rows = (
            self.stack.clickhouse()
            .query(
                f"""SELECT event, distinct_id, count() FROM events
            WHERE project_id = {self.project.id} AND startsWith(distinct_id, '{self.prefix}') GROUP BY 1, 2"""
            )
            .result_rows
        )
        return {(name, distinct_id): number for name, distinct_id, number in rows}


_WAITS_FOR_DELIVERY = """
SELECT EXISTS (SELECT FROM core_eventbuffer) OR EXISTS (SELECT FROM core_outbox)
    OR EXISTS (SELECT FROM core_deliverybatch)
"""


@pytest.fixture
def client(stack: Stack, project: Project) -> Client:
    made = Client(stack, project)
    made.fill()
    return made


#: The lock of the gate.
GATE = (4711, 1)
_GATE = f"""
CREATE FUNCTION wait_at_gate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_lock_shared({GATE[0]}, {GATE[1]}), pg_advisory_unlock_shared({GATE[0]}, {GATE[1]});
    RETURN NEW;
END $$;
CREATE TRIGGER gate BEFORE UPDATE ON core_deletionrequest
FOR EACH ROW WHEN (NEW.stage = '{{stage}}' AND OLD.stage <> '{{stage}}') EXECUTE FUNCTION wait_at_gate();
"""
_NO_GATE = "DROP TRIGGER gate ON core_deletionrequest; DROP FUNCTION wait_at_gate();"
_WAITS = """
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND (classid, objid) = (%s, %s)
"""


class Gate:
    """Where the worker has to wait. After a kill of PostgreSQL it is gone, as all locks are."""

    def __init__(self, stack: Stack, lock: tuple[int, int]) -> None:
        self.stack, self.lock = stack, lock

    def is_reached(self) -> bool:
        with psycopg.connect(self.stack.environment["DATABASE_URL"]) as database:
            row = database.execute(_WAITS, self.lock).fetchone()
        return row is not None and row[0] > 0


@contextmanager
def gate(stack: Stack, stage: str) -> Iterator[Gate]:
    """Nobody comes to ``stage`` inside the block; to ``accepted`` every request comes, and no further."""
    lock = REWRITING if stage == "accepted" else GATE
    with psycopg.connect(stack.environment["DATABASE_URL"], autocommit=True) as keeper:
        keeper.execute("SELECT pg_advisory_lock(%s, %s)", lock)
        if stage != "accepted":
            keeper.execute(_GATE.format(stage=stage))
        try:
            yield Gate(stack, lock)
        finally:
            with suppress(psycopg.OperationalError):
                keeper.execute("SELECT pg_advisory_unlock(%s, %s)", lock)
    if stage != "accepted":
        eventually(lambda: _is_removed(stack))


def _is_removed(stack: Stack) -> bool:
    try:
        with psycopg.connect(stack.environment["DATABASE_URL"], autocommit=True) as database:
            database.execute("SET lock_timeout = '2s'")
            database.execute(_NO_GATE)
    except psycopg.OperationalError:
        return False
    return True


def kill(stack: Stack, victim: str) -> None:
    if victim == "supervisor":
        stack.kill()
        return
    pid = stack.pids()[victim]
    os.kill(pid, signal.SIGKILL)
    # Until it is known to be gone, whatever waits for it would be told of the one before.
    eventually(lambda: stack.pids().get(victim) != pid)


def revive(stack: Stack, client: Client) -> None:
    """Start again what the supervisor ran."""
    stack.revive()
    client.http.base_url = stack.url


@pytest.mark.parametrize(
    ("victim", "stage"),
    [
        *(("deletions", stage) for stage in ("accepted", "sealed", "removed", "verified")),
        *(("clickhouse", stage) for stage in ("sealed", "removed", "verified")),
        *(("postgres", stage) for stage in ("removed", "verified")),
        *((victim, "removed") for victim in ("web", "delivery", "supervisor")),
    ],
)
def test_an_erasure_is_finished_after_a_kill_at_any_stage(
    stack: Stack, client: Client, victim: str, stage: str
) -> None:
    with gate(stack, stage) as held:
        client.erase()
        eventually(held.is_reached)
        kill(stack, victim)
        if victim == "supervisor":
            revive(stack, client)
        client.capture("after", *client.to_go)

    eventually(client.is_completed)

    client.settle()
    expected = {("before", one): EVENTS_A_PERSON for one in client.to_stay}
    assert client.events() == {**expected, **{("after", one): 1 for one in client.to_go}}
    for receipt in client.receipts():
        assert set(receipt["counts_after"].values()) == {0}
        checked = client.http.post(f"{client.persons}deletion_status/{receipt['id']}/verify/").json()
        assert checked["is_erased"], checked


def test_what_a_dead_delivery_had_frozen_is_sent_and_then_erased(stack: Stack, client: Client) -> None:
    number = TARGETS.index(EVENTS)
    with psycopg.connect(stack.environment["DATABASE_URL"], autocommit=True) as hanging:
        # A worker that died after it had frozen a batch, and before it sent it.
        hanging.execute("SELECT pg_advisory_lock(%s, %s)", [LOCK_SPACE, number])
        client.capture("before", *client.to_go, *client.to_stay)
        hanging.execute(
            """INSERT INTO core_deliverybatch (target, row_ids, token, created_at)
            SELECT 'events', array_agg(id ORDER BY id), gen_random_uuid(), now() FROM core_eventbuffer"""
        )
        client.erase()
        kill(stack, "delivery")
        assert not client.is_completed()

    eventually(client.is_completed)

    assert client.events() == {("before", one): EVENTS_A_PERSON + 1 for one in client.to_stay}
