"""Claim: 1,000 persons with all their events out of 10 M events are accepted for erasure within 300 ms, gone from every
answer and verified within 5 s, which is at most 3 times the bare statement of ClickHouse that deletes as many rows, and
funnels take at most twice as long meanwhile.

500,000 persons with 15 properties in both stores, 20 events each. The bare statement, measured in the same run, is a
lightweight delete of the events of 1,000 other persons by their distinct ids, with patch parts as the table has them;
for comparison also with those that ClickHouse makes by itself, and as it deletes when nothing is said: by a mutation.
``BENCH_ERASURE_EVENTS`` changes the number of events.
"""

import json
import os
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg

from benchmarks.harness import Result, best_of
from benchmarks.many_persons import make_persons, uuid_of
from benchmarks.serving import Server, serving
from tests.stack import Stack

EVENTS = int(os.environ.get("BENCH_ERASURE_EVENTS", "10000000"))
EVENTS_A_PERSON = 20
PERSONS = EVENTS // EVENTS_A_PERSON
ERASED = 1_000
#: Erasures of a kind, of others each time.
ROUNDS = 5
#: Events of one insert, so that none takes longer than a connection is patient.
PORTION = 1_000_000
#: Seconds for what should take 5.
PATIENCE = 120
#: Seconds between two looks whether it is done: who asks all the time takes processor time that is measured. When it
#: was done the receipt tells.
_LOOK = 0.1


def run() -> Iterator[Result]:
    with serving(patience=PATIENCE) as server:
        _fill(server.stack, server.project_id)
        yield from _measure(Client(server))


class Client:
    """Who asks for an erasure, and who asks other things meanwhile."""

    def __init__(self, server: Server) -> None:
        self.http, self.project_id = server.http, server.project_id
        self.root = f"/api/projects/{server.project_id}/"

    def ask(self, path: str, **params: Any) -> Any:
        return self.http.get(f"{self.root}{path}", params=params).raise_for_status().json()

    def erase(self, numbers: range) -> None:
        body = {"ids": [str(uuid_of(self.project_id, n)) for n in numbers], "delete_events": True}
        answer = self.http.post(f"{self.root}persons/bulk_delete/", json=body).raise_for_status().json()
        assert answer["persons_deleted"] == ERASED

    def funnel(self) -> None:
        """A page of a funnel of three steps."""
        steps = [{"id": name, "order": place} for place, name in enumerate(("sign up", "add", "purchase"))]
        dates = {"date_from": "2026-01-01", "date_to": "2026-01-14", "refresh": "true"}
        answer = self.ask("persons/funnel/", events=json.dumps(steps), funnel_step="3", **dates)
        assert answer["results"][0]["people"]

    def pending(self) -> int:
        return int(self.ask("persons/deletion_status/", status="pending", limit=1)["count"])

    def newest(self, *names: str) -> list[datetime]:
        """Times of the newest receipt, by the server's clock, which is this machine's."""
        (receipt,) = self.ask("persons/deletion_status/", limit=1)["results"]
        return [datetime.fromisoformat(receipt[name]) for name in names]

    def removed_within(self) -> float:
        """Seconds from the newest request until no answer had it any more."""
        asked, removed = self.newest("created_at", "removed_at")
        return (removed - asked).total_seconds()


def _measure(client: Client) -> Iterator[Result]:
    idle = _several(client.funnel, 15)
    turns = iter(range(PERSONS // ERASED))
    bare, usual, accepted, removed, verified, meanwhile = [], [], [], [], [], []
    for _ in range(ROUNDS):
        _settle()
        bare.append(_timed_bare(client.project_id, _of(next(turns))))
        _settle()
        with _patches_of_clickhouse():
            usual.append(_timed_bare(client.project_id, _of(next(turns))))
        _settle()
        answer, done = _erase(client, _of(next(turns)))
        accepted.append(answer)
        removed.append(client.removed_within())
        verified.append(done)
    yield Result("bare statement of ClickHouse, the events of 1,000 persons", min(bare), "s")
    yield Result("the same with ClickHouse's own kind of patch parts", min(usual), "s")
    yield Result("answer to the request for 1,000 persons", min(accepted), "s", "0.3")
    yield Result("gone from every answer, by the receipt", min(removed), "s", "5")
    yield Result("verified", min(verified), "s", "5")
    yield Result("verified, the slowest", max(verified), "s", "5")
    yield Result("verified, times the bare statement", min(verified) / min(bare), "x", "3")
    yield Result("the same, with ClickHouse's own kind of patch parts", min(verified) / min(usual), "x", "3")
    for _ in range(ROUNDS):
        with _meanwhile(client.funnel) as seconds:
            _erase(client, _of(next(turns)))
        meanwhile += seconds
    yield Result("a page of a funnel, idle, median", statistics.median(idle), "s")
    yield Result("a page of a funnel during an erasure, median", statistics.median(meanwhile), "s")
    yield Result("the same, times idle", statistics.median(meanwhile) / statistics.median(idle), "x", "2")
    _settle()
    unsaid = [_timed_bare(client.project_id, _of(next(turns)), settings="") for _ in range(ROUNDS)]
    yield Result("bare statement as ClickHouse runs it when nothing is said, by a mutation", min(unsaid), "s")
    yield Result("verified, times that", min(verified) / min(unsaid), "x", "3")


def _erase(client: Client, numbers: range) -> tuple[float, float]:
    """Seconds until the answer, and until everything is verified."""
    asked, began = datetime.now(UTC), time.perf_counter()
    client.erase(numbers)
    accepted = time.perf_counter() - began
    deadline = began + PATIENCE
    while client.pending():
        assert time.perf_counter() < deadline
        time.sleep(_LOOK)
    (verified,) = client.newest("delete_verified_at")
    return accepted, (verified - asked).total_seconds()


def _of(turn: int) -> range:
    """The persons of a turn: 1,000 all over the project, others each time."""
    step = PERSONS // ERASED
    return range(turn, turn + ERASED * step, step)


def _several(do: Callable[[], object], times: int) -> list[float]:
    return [best_of(1, do) for _ in range(times)]


@contextmanager
def _meanwhile(do: Callable[[], object]) -> Iterator[list[float]]:
    """Do something again and again; the seconds that each took."""
    seconds: list[float] = []
    is_over = threading.Event()

    def repeat() -> None:
        while not is_over.is_set():
            seconds.append(best_of(1, do))

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield seconds
    finally:
        is_over.set()
        thread.join()


@contextmanager
def _patches_of_clickhouse() -> Iterator[None]:
    """Instead of those of ``0016_cheap_deletes.sql``."""
    from core.clickhouse import client

    client.administer("ALTER TABLE events RESET SETTING patch_parts_version")
    try:
        yield
    finally:
        client.administer("ALTER TABLE events MODIFY SETTING patch_parts_version = 'v1'")


_BY_PATCHES = "SETTINGS lightweight_delete_mode = 'lightweight_update', enable_lightweight_update = 1"


def _timed_bare(project_id: int, numbers: range, *, settings: str = _BY_PATCHES) -> float:
    return best_of(1, lambda: _bare_delete(project_id, numbers, settings))


def _bare_delete(project_id: int, numbers: range, settings: str) -> None:
    from core.clickhouse import client

    ids = [f"{kind}-{n}" for n in numbers for kind in ("user", "device")]
    client.administer(
        "DELETE FROM events WHERE project_id = {project_id:Int64} AND distinct_id IN {ids:Array(String)} "
        + settings,
        parameters={"project_id": project_id, "ids": ids},
    )


def _settle() -> None:
    """Neither pays for what the other has left behind: parts of what is deleted, which every read has to apply until
    they are applied for good.
    """
    from core.clickhouse import client

    client.administer("ALTER TABLE events APPLY PATCHES SETTINGS mutations_sync = 2")


_EVENTS = """
INSERT INTO events (project_id, uuid, event, distinct_id, person_id, timestamp, received_at, properties)
SELECT {project_id}, generateUUIDv4(),
    ['$pageview', '$autocapture', 'sign up', 'add', 'purchase', 'search'][1 + rand(1) % 6],
    concat('user-', toString(number % {persons} AS who)),
    toUUID(lower(hex(MD5(concat('{project_id}-', toString(who)))))),
    toDateTime64('2026-01-01 00:00:00', 6, 'UTC')
        + toIntervalMicrosecond(rand64(2) % (28 * 86400 * 1000000)) AS at, at,
    CAST('{{"$browser":"Chrome","$current_url":"https://example.com/"}}' AS JSON)
FROM numbers({start}, {count})
"""


def _fill(stack: Stack, project_id: int) -> None:
    from core.clickhouse import client

    with psycopg.connect(stack.environment["DATABASE_URL"]) as connection:
        make_persons(connection, project_id, PERSONS)
    for start in range(0, EVENTS, PORTION):
        count = min(PORTION, EVENTS - start)
        client.administer(_EVENTS.format(project_id=project_id, persons=PERSONS, start=start, count=count))
    # Merges of what was just inserted would be measured else.
    for table in ("events", "person_newest_first"):
        client.administer(f"OPTIMIZE TABLE {table}")
