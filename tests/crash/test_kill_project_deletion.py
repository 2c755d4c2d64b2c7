"""``kill -9`` of any part in the middle of the deletion of a project: it is finished all the same, and its receipt is
true.

The worker stops where a test wants it by locks that it has to wait for: an open transaction before it deletes anything,
the lock of those who rewrite before ClickHouse deletes, the row of the project before the last count.
"""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx
import psycopg

from core.clickhouse.squash import REWRITING
from tests.clients import bearer, event
from tests.crash.conftest import eventually
from tests.stack import Stack

PERSONS = 40


class Client:
    """A project that is to be deleted, and one with the same ids that stays."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        key = json.loads(stack.command("create-key", "--label", "all", "--scopes", "*", "--json"))["key"]
        self.http = httpx.Client(base_url=stack.url, headers=bearer(key), timeout=60)
        self.gone, self.kept = self._project("gone"), self._project("kept")
        eventually(lambda: all(set(self.rows(one).values()) == {PERSONS} for one in (self.gone, self.kept)))
        # On its way when the deletion comes.
        self._capture(self.gone, "late")

    def _project(self, name: str) -> dict[str, Any]:
        made: dict[str, Any] = self.http.post("/api/projects/", json={"name": name}).raise_for_status().json()
        self._capture(made, "seen")
        return made

    def _capture(self, project: dict[str, Any], name: str) -> None:
        events = [event(name, f"user-{n}", **{"$set": {"email": f"{n}@example.org"}}) for n in range(PERSONS)]
        self.http.post("/batch/", json={"api_key": project["api_token"], "batch": events}).raise_for_status()

    def delete(self) -> None:
        self.http.delete(f"/api/projects/{self.gone['id']}/").raise_for_status()

    def receipt(self) -> dict[str, Any]:
        url = f"/api/organizations/@current/project_deletions/{self.gone['id']}/"
        receipt: dict[str, Any] = self.http.get(url).raise_for_status().json()
        return receipt

    def is_at(self, stage: str) -> bool:
        with suppress(httpx.HTTPError):
            return bool(self.receipt()["stage"] == stage)
        return False

    def is_completed(self) -> bool:
        with suppress(httpx.HTTPError):
            return bool(self.receipt()["status"] == "completed")
        return False

    def rows(self, project: dict[str, Any]) -> dict[str, int]:
        """In ClickHouse, by table."""
        clickhouse = self.stack.clickhouse()
        return {
            table: clickhouse.query(
                f"SELECT count() FROM {table} FINAL WHERE project_id = {project['id']}"
            ).result_rows[0][0]
            for table in ("events", "person", "person_newest_first", "person_distinct_id")
        }


def kill(stack: Stack, *victims: str) -> None:
    """One after the other, each when the supervisor has started the one before again."""
    for victim in victims:
        pid = stack.pids()[victim]
        os.kill(pid, signal.SIGKILL)
        eventually(lambda victim=victim, pid=pid: stack.pids().get(victim) != pid)  # type: ignore[misc]


@contextmanager
def connection(stack: Stack) -> Iterator[psycopg.Connection[Any]]:
    """What it holds is released by the end of the block, or of PostgreSQL."""
    opened = psycopg.connect(stack.environment["DATABASE_URL"], autocommit=True)
    try:
        yield opened
    finally:
        opened.close()


def test_a_deletion_is_finished_after_kills_at_every_stage(stack: Stack) -> None:
    client = Client(stack)
    with connection(stack) as rewriting:
        rewriting.execute("SELECT pg_advisory_lock(%s, %s)", REWRITING)
        with connection(stack) as transaction:
            transaction.execute("BEGIN; SELECT 1")
            client.delete()
            kill(stack, "deletions")
            assert client.is_at("accepted")
        eventually(lambda: client.is_at("sealed"))
        kill(stack, "deletions", "clickhouse")
        with connection(stack) as row:
            row.execute("BEGIN")
            row.execute("SELECT 1 FROM core_project WHERE id = %s FOR KEY SHARE", [client.gone["id"]])
            rewriting.execute("SELECT pg_advisory_unlock(%s, %s)", REWRITING)
            eventually(lambda: client.is_at("removed"))
            kill(stack, "deletions", "postgres")

    eventually(client.is_completed)

    receipt = client.receipt()
    assert receipt["counts_before"]["postgres_persons"] == PERSONS
    events = ("postgres_events", "clickhouse_events")
    assert sum(receipt["counts_before"].get(name, 0) for name in events) == 2 * PERSONS
    assert set(receipt["counts_after"].values()) == {0}
    assert set(client.rows(client.gone).values()) == {0}
    assert set(client.rows(client.kept).values()) == {PERSONS}
    stack.command("doctor")
