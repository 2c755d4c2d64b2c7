"""Claim: 100,000 overrides over 10 M events are squashed while captures and funnels go on, and afterwards a funnel
costs what it costs in a project where nobody ever moved.

500,000 distinct ids, every fifth of which points at another person. The floor, measured in the same run, is one
statement of ClickHouse that reads the same events, joins the overrides and writes the new ``person_id`` of all of them
elsewhere. ``BENCH_SQUASH_EVENTS`` changes the number of events.
"""

import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpx
import psycopg

from benchmarks.harness import Result, best_of
from tests.stack import Stack, temporary_stack

EVENTS = int(os.environ.get("BENCH_SQUASH_EVENTS", "10000000"))
EVENTS_AN_ID = 20
IDS_AN_OVERRIDE = 5
IDS = EVENTS // EVENTS_AN_ID
OVERRIDES = IDS // IDS_AN_OVERRIDE
#: Events of one insert, so that none takes longer than a connection is patient.
PORTION = 1_000_000

_UUID_CH = "toUUID('00000000-0000-4000-8000-' || leftPad(toString({number}), 12, '0'))"
_UUID_PG = "('00000000-0000-4000-8000-' || lpad(({number})::text, 12, '0'))::uuid"
_MOVED_TO = f"(number * {IDS_AN_OVERRIDE} + 1)"


def run() -> Iterator[Result]:
    with temporary_stack() as stack:
        project = json.loads(stack.command("create-project", "--name", "bench", "--json"))
        made = stack.command("create-key", "--label", "bench", "--scopes", "person:read,query:read", "--json")
        os.environ.update(stack.environment)
        import django

        django.setup()
        _fill(stack, project["id"])
        yield from _measure(Client(stack, project, json.loads(made)["key"]))


class Client:
    """What users do meanwhile."""

    def __init__(self, stack: Stack, project: dict[str, str], key: str) -> None:
        self.token = project["api_token"]
        self.funnel_url = f"{stack.url}/api/projects/{project['id']}/persons/funnel/"
        self.capture_url = f"{stack.url}/batch/"
        self.headers = {"Authorization": f"Bearer {key}"}

    def capture(self) -> None:
        batch = [{"event": "a", "distinct_id": "somebody"}]
        httpx.post(
            self.capture_url, json={"api_key": self.token, "batch": batch}, timeout=60
        ).raise_for_status()

    def funnel(self) -> list[Any]:
        steps = [{"id": name, "order": place} for place, name in enumerate(("sign up", "add", "purchase"))]
        parameters = {
            "events": json.dumps(steps),
            "funnel_step": "3",
            "date_from": "2026-01-01",
            "refresh": "true",
        }
        answer = httpx.get(
            self.funnel_url,
            params={**parameters, "date_to": "2026-01-14"},
            headers=self.headers,
            timeout=60,
        )
        people: list[Any] = answer.raise_for_status().json()["results"][0]["people"]
        assert people
        return people


def _measure(client: Client) -> Iterator[Result]:
    floor = best_of(1, _rewrite_elsewhere)
    yield Result("floor: one INSERT SELECT with a join", floor, "s")
    before = client.funnel()
    yield Result("a page of a funnel over HTTP, before", best_of(5, client.funnel), "s")
    with _meanwhile(client.capture) as captures, _meanwhile(client.funnel) as funnels:
        seconds = best_of(1, lambda: _squash(OVERRIDES))
    yield Result("squash", seconds, "s")
    yield Result("squash, times the floor", seconds / floor, "x")
    yield Result("slowest capture meanwhile", max(captures), "s")
    yield Result("slowest funnel meanwhile", max(funnels), "s")
    assert client.funnel() == before
    yield Result("a page of a funnel over HTTP, after", best_of(5, client.funnel), "s")
    yield Result("squash with nothing to do", best_of(1, lambda: _squash(0)), "s")


def _squash(overrides: int) -> None:
    from core.services.squash_overrides import squash_overrides

    assert squash_overrides(older_than=timedelta(0)) == overrides


@contextmanager
def _meanwhile(do: Callable[[], object]) -> Iterator[list[float]]:
    """Do something again and again, twice a second; the seconds that each took."""
    seconds: list[float] = []
    is_over = threading.Event()

    def repeat() -> None:
        while not is_over.wait(0.5):
            seconds.append(best_of(1, do))

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield seconds
    finally:
        is_over.set()
        thread.join()


def _fill(stack: Stack, project_id: int) -> None:
    from core.clickhouse import client

    for start in range(0, EVENTS, PORTION):
        client.administer(f"""
            INSERT INTO events (project_id, uuid, event, distinct_id, person_id, timestamp, received_at, properties)
            SELECT {project_id}, generateUUIDv4(),
                ['$pageview', '$autocapture', 'sign up', 'add', 'purchase', 'search'][1 + rand(1) % 6],
                'user-' || toString(rand(2) % {IDS} AS who), {_UUID_CH.format(number="who")},
                toDateTime64('2026-01-01 00:00:00', 6, 'UTC')
                    + toIntervalMicrosecond(rand64(3) % (28 * 86400 * 1000000)) AS at, at,
                CAST('{{"$browser":"Chrome","$current_url":"https://example.com/"}}' AS JSON)
            FROM numbers({min(PORTION, EVENTS - start)})""")
    client.administer(f"""
        INSERT INTO person_distinct_id_overrides (project_id, distinct_id, person_id, version, is_deleted)
        SELECT {project_id}, 'user-' || toString(number * {IDS_AN_OVERRIDE}),
            {_UUID_CH.format(number=_MOVED_TO)}, 1, 0 FROM numbers({OVERRIDES})""")
    client.administer(f"""
        INSERT INTO person (project_id, id, created_at, is_identified, version, is_deleted)
        SELECT {project_id}, {_UUID_CH.format(number=_MOVED_TO)}, '2026-01-01', true, 1, 0
        FROM numbers({OVERRIDES})""")
    # Merges of what was just inserted would be measured else.
    client.administer("OPTIMIZE TABLE events")
    with psycopg.connect(stack.environment["DATABASE_URL"]) as connection:
        connection.execute(f"""
            WITH moved AS (SELECT generate_series(0, {OVERRIDES} - 1) AS number), person AS (
                INSERT INTO core_person
                    (project_id, uuid, properties, is_identified, version, created_at)
                SELECT {project_id}, {_UUID_PG.format(number=_MOVED_TO)}, '{{}}', true, 1, '2026-01-01'
                FROM moved RETURNING id, uuid
            )
            INSERT INTO core_persondistinctid (project_id, distinct_id, person_id, version)
            SELECT {project_id}, 'user-' || number * {IDS_AN_OVERRIDE}, person.id, 1
            FROM moved JOIN person ON person.uuid = {_UUID_PG.format(number=_MOVED_TO)}""")
        connection.execute("ANALYZE core_person, core_persondistinctid")


def _rewrite_elsewhere() -> None:
    from core.clickhouse import client

    client.administer("CREATE TABLE floor (person_id UUID) ENGINE = MergeTree ORDER BY tuple()")
    client.administer("""
        INSERT INTO floor
        SELECT if(notEmpty(moved.distinct_id), moved.person_id, e.person_id) FROM events AS e
        LEFT ANY JOIN person_distinct_id_overrides AS moved
            ON e.project_id = moved.project_id AND e.distinct_id = moved.distinct_id""")
    client.administer("DROP TABLE floor")
