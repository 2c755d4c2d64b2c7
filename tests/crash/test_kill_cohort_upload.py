"""``kill -9`` of the worker in the middle of a large file: another one goes on, and every row is looked up once."""

import json
import os
import signal
from typing import Any

import httpx
import psycopg

from core.services.cohorts.fill import MOST_AT_ONCE
from tests.clients import bearer, event
from tests.crash.conftest import PATIENCE, eventually
from tests.stack import Stack

ROWS = MOST_AT_ONCE + 1_000
#: Rows that name somebody; the worker is stopped in the middle.
SOMEBODY = (0, ROWS // 2, ROWS - 1)


def test_another_worker_goes_on_with_a_file(stack: Stack) -> None:
    project = json.loads(stack.command("create-project", "--name", "crash", "--json"))
    key = json.loads(stack.command("create-key", "--label", "crash", "--scopes", "*", "--json"))["key"]
    root = f"{stack.url}/api/projects/{project['id']}/cohorts/"
    batch = [event("a", f"user-{row}") for row in SOMEBODY]
    httpx.post(
        f"{stack.url}/batch/", json={"api_key": project["api_token"], "batch": batch}
    ).raise_for_status()

    def ask(method: str, path: str, **body: Any) -> dict[str, Any]:
        response = httpx.request(method, root + path, headers=bearer(key), timeout=PATIENCE, **body)
        answer: dict[str, Any] = response.raise_for_status().json()
        return answer

    with psycopg.connect(stack.environment["DATABASE_URL"]) as connection:
        connection.execute(
            """SELECT 1 FROM core_person WHERE id IN (
                SELECT person_id FROM core_persondistinctid WHERE project_id = %s AND distinct_id = %s
            ) FOR UPDATE""",
            [project["id"], f"user-{ROWS // 2}"],
        )
        names = "\n".join(f"user-{row}" for row in range(ROWS))
        cohort = ask(
            "POST", "", data={"name": "file", "is_static": "true"}, files={"csv": ("ids.csv", names.encode())}
        )["id"]
        # The worker waits for the person who is locked.
        eventually(lambda: 0 < ask("GET", f"{cohort}/")["upload"]["done"] == ROWS // 2)
        os.kill(stack.pids()["insights"], signal.SIGKILL)

    with psycopg.connect(stack.environment["DATABASE_URL"], autocommit=True) as connection:
        # As if a minute had passed.
        connection.execute("UPDATE core_cohortuploadpart SET due_at = now() WHERE due_at IS NOT NULL")
    other = ask("POST", "", json={"name": "whose changes wake the worker"})["id"]

    def is_done() -> bool:
        ask("PATCH", f"{other}/", json={})
        return not ask("GET", f"{cohort}/")["is_calculating"]

    eventually(is_done)
    told = ask("GET", f"{cohort}/")
    assert told["upload"] == {"naming": "distinct_id", "rows": ROWS, "done": ROWS, "matched": len(SOMEBODY)}
    assert (told["count"], told["errors_calculating"]) == (len(SOMEBODY), 0)
    assert ask("GET", f"{cohort}/upload/?limit=1")["count"] == ROWS - len(SOMEBODY)
