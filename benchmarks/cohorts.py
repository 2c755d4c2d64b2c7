"""Claim: a cohort of all of 1,000,000 persons is calculated within 30 s the first time and within 10 s when nothing has
changed; a file of 100,000 distinct ids is read into a static cohort within 15 s.

1,000,000 persons with 15 properties in both stores, and 4,000,000 events. A calculation is timed by its own entry in
the history, which has the seconds of ClickHouse's part, too. ``BENCH_COHORT_PERSONS`` changes the number of persons.
"""

import os
import time
from collections.abc import Iterator
from typing import Any

import psycopg

from benchmarks.harness import Result, best_of
from benchmarks.many_persons import make_persons
from benchmarks.serving import Server, serving

PERSONS = int(os.environ.get("BENCH_COHORT_PERSONS", "1000000"))
EVENTS_A_PERSON = 4
#: Rows of the file, of which nine in ten name somebody.
ROWS = min(100_000, PERSONS)
#: Seconds for what should take 30.
PATIENCE = 600
_LOOK = 0.1

_EVENTS = """
INSERT INTO events (project_id, uuid, event, distinct_id, person_id, timestamp, received_at, properties)
SELECT {project_id}, generateUUIDv4(), ['seen', 'order placed'][1 + rand(1) % 2],
    concat('user-', toString(number % {persons} AS who)),
    toUUID(lower(hex(MD5(concat('{project_id}-', toString(who)))))),
    now64(6, 'UTC') - toIntervalSecond(rand(2) % (60 * 86400)) AS at, at, CAST('{{"$browser":"Chrome"}}' AS JSON)
FROM numbers({persons} * {events_a_person})
"""


def run() -> Iterator[Result]:
    with serving(patience=PATIENCE) as server:
        _fill(server)
        yield from _measure(Client(server))


class Client:
    """Who makes cohorts and waits for them."""

    def __init__(self, server: Server) -> None:
        self.stack, self.http = server.stack, server.http
        self.root = f"/api/projects/{server.project_id}/cohorts/"

    def make(self, *criteria: dict[str, Any]) -> int:
        filters = {"properties": {"type": "AND", "values": list(criteria)}}
        made = self.http.post(self.root, json={"name": "bench", "filters": filters})
        return int(made.raise_for_status().json()["id"])

    def change(self, cohort_id: int, *criteria: dict[str, Any]) -> None:
        filters = {"properties": {"type": "AND", "values": list(criteria)}}
        self.http.patch(f"{self.root}{cohort_id}/", json={"filters": filters}).raise_for_status()

    def again(self, cohort_id: int) -> None:
        self.http.patch(f"{self.root}{cohort_id}/", json={}).raise_for_status()

    def calculated(self, cohort_id: int) -> dict[str, Any]:
        """The newest calculation, when it is over."""
        deadline = time.monotonic() + PATIENCE
        while self.http.get(f"{self.root}{cohort_id}/").raise_for_status().json()["is_calculating"]:
            assert time.monotonic() < deadline
            time.sleep(_LOOK)
        history = self.http.get(f"{self.root}{cohort_id}/calculation_history/").raise_for_status().json()
        newest: dict[str, Any] = history["results"][0]
        assert newest["is_successful"], newest
        return newest

    def page(self, cohort_id: int) -> None:
        answer = self.http.get(f"{self.root}{cohort_id}/persons/").raise_for_status().json()
        assert len(answer["results"]) == 100

    def upload(self) -> int:
        """The id of the cohort that the file is for."""
        names = [f"user-{n}" if n % 10 else f"nobody-{n}" for n in range(ROWS)]
        answer = self.http.post(
            self.root,
            data={"name": "file", "is_static": "true"},
            files={"csv": ("ids.csv", "\n".join(names).encode())},
        )
        return int(answer.raise_for_status().json()["id"])

    def filled(self, cohort_id: int) -> dict[str, Any]:
        """What is told of the file when all of it was read."""
        deadline = time.monotonic() + PATIENCE
        while (cohort := self.http.get(f"{self.root}{cohort_id}/").raise_for_status().json())[
            "is_calculating"
        ]:
            assert time.monotonic() < deadline
            time.sleep(_LOOK)
        told: dict[str, Any] = cohort["upload"]
        return told


#: Criteria, and what they find.
_ALL = {"type": "person", "key": "email", "operator": "is_set", "value": "is_set"}
_THIRD = {"type": "person", "key": "plan", "operator": "exact", "value": "team"}
_DID = {
    "type": "behavioral", "key": "order placed", "event_type": "events", "value": "performed_event_multiple",
    "operator": "gte", "operator_value": 2, "time_value": 30, "time_interval": "day",
}  # fmt: skip


def _measure(client: Client) -> Iterator[Result]:
    everybody = client.make(_ALL)
    yield from _told("everybody, the first time", client.calculated(everybody), "30")
    yield Result("everybody in ClickHouse after that", best_of(1, lambda: client.stack.command("drain")), "s")
    client.again(everybody)
    yield from _told("everybody, nothing has changed", client.calculated(everybody), "10")
    one = f"person-{PERSONS // 2}@example.org"
    narrowed = client.make({**_ALL, "operator": "is_not", "value": one})
    client.calculated(narrowed)
    client.change(narrowed, {**_ALL, "operator": "is_not", "value": f"person-{PERSONS // 3}@example.org"})
    yield from _told("one joins and one leaves", client.calculated(narrowed), "10")
    yield from _told("a third, by a property", client.calculated(client.make(_THIRD)), "15")
    yield from _told("two events of a kind in 30 days", client.calculated(client.make(_DID)), "15")
    inside = {"type": "cohort", "key": "id", "value": everybody}
    yield from _told(
        "a third of the members of another", client.calculated(client.make(_THIRD, inside)), "15"
    )
    yield Result("a page of members of everybody", best_of(5, lambda: client.page(everybody)), "s")
    began = time.perf_counter()
    cohort_id = client.upload()
    yield Result(f"answer to a file of {ROWS:,} distinct ids", time.perf_counter() - began, "s")
    told = client.filled(cohort_id)
    yield Result("until all of it was read", time.perf_counter() - began, "s", "15")
    assert (told["rows"], told["matched"]) == (ROWS, ROWS - len(range(0, ROWS, 10)))


def _told(name: str, run: dict[str, Any], aim: str) -> Iterator[Result]:
    yield Result(f"{name}: {run['count']:,} members", run["duration_seconds"], "s", aim)
    yield Result(f"{name}, of that ClickHouse", run["total_query_ms"] / 1000, "s")


def _fill(server: Server) -> None:
    from core.clickhouse import client

    project_id = server.project_id
    with psycopg.connect(server.stack.environment["DATABASE_URL"]) as connection:
        make_persons(connection, project_id, PERSONS)
    client.administer(_EVENTS.format(project_id=project_id, persons=PERSONS, events_a_person=EVENTS_A_PERSON))
    client.administer("OPTIMIZE TABLE person_newest_first")
