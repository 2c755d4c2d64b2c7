"""``kill -9`` of any part in the middle of a squash: no answer changes, and the next squash finishes the work."""

import json
import os
import signal
import subprocess
import sys
from typing import Any

import httpx
import pytest

from core.identity.ids import person_uuid
from tests.clients import NO_TLS, event
from tests.crash.conftest import PATIENCE, eventually
from tests.stack import Stack

VISITORS, EVENTS_A_VISITOR = 200, 2500


def ask(stack: Stack, question: str) -> list[Any]:
    """Rows of ClickHouse, whatever has just befallen it."""
    return list(stack.clickhouse().query(question).result_rows)


def fill(stack: Stack) -> int:
    """Visitors with many events each who then turned out to be somebody; the project."""
    project = json.loads(stack.command("create-project", "--name", "crash", "--json"))
    numbers = range(VISITORS)
    seen = [one for n in numbers for one in (event("a", f"visitor-{n}"), event("a", f"user-{n}"))]
    known = [
        event("$identify", f"user-{n}", properties={"$anon_distinct_id": f"visitor-{n}"}) for n in numbers
    ]
    for batch in (seen, known):
        body = {"api_key": project["api_token"], "batch": batch}
        httpx.post(f"{stack.url}/batch/", json=body, timeout=PATIENCE, verify=NO_TLS).raise_for_status()
    stack.command("drain")
    ask(
        stack,
        f"""INSERT INTO events SELECT e.* REPLACE (generateUUIDv4() AS uuid)
        FROM events AS e CROSS JOIN numbers({EVENTS_A_VISITOR}) AS n
        WHERE project_id = {project["id"]} AND distinct_id LIKE 'visitor%'""",
    )
    return int(project["id"])


def start_squash(stack: Stack) -> "subprocess.Popen[str]":
    environment = {**os.environ, **stack.environment, "DJANGO_SETTINGS_MODULE": "persons_api.settings"}
    command = [sys.executable, "-m", "django", "squash", "--older-than", "0"]
    return subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE)


def is_folding(stack: Stack) -> bool:
    undone = "SELECT count() FROM system.mutations WHERE table = 'events' AND NOT is_done"
    return ask(stack, undone) == [(1,)]


def squashes(stack: Stack) -> bool:
    return start_squash(stack).wait(PATIENCE) == 0


@pytest.mark.parametrize("victim", ["squash", "clickhouse", "postgres"])
def test_a_kill_in_the_middle_leaves_work_but_no_damage(stack: Stack, victim: str) -> None:
    project_id = fill(stack)
    of_it = f"WHERE project_id = {project_id}"
    before = ask(stack, f"SELECT count() FROM events {of_it}")
    squash = start_squash(stack)
    eventually(lambda: is_folding(stack))

    os.kill(squash.pid if victim == "squash" else stack.pids()[victim], signal.SIGKILL)

    assert squash.wait(PATIENCE) != 0
    eventually(lambda: squashes(stack))
    assert ask(stack, f"SELECT count() FROM person_distinct_id_overrides {of_it}") == [(0,)]
    assert ask(stack, f"SELECT count() FROM events {of_it}") == before
    owners = ask(stack, f"SELECT DISTINCT distinct_id, toString(person_id) FROM events {of_it}")
    assert dict(owners) == {
        f"{kind}-{n}": str(person_uuid(project_id, f"user-{n}"))
        for n in range(VISITORS)
        for kind in ("user", "visitor")
    }
    stack.command("doctor")
