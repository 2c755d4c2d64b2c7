"""Claim: two cores take 8,000 events a second of known persons in batches of 500, never under 35 % of the floor.

Three kinds of traffic go over HTTP to a stack of its own: every event of a new person, events of 5,000 known
persons, and events without a profile. The floor, measured in the same run, is what any server would have to do at
least: COPY of the same rows into PostgreSQL and one insert of them into ClickHouse. Client, web, worker and all
three stores share the machine.
"""

import http.client
import json
import os
import random
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import psycopg

from benchmarks.harness import Result
from tests.stack import Stack, temporary_stack

BATCHES, BATCH, CONNECTIONS = 80, 500, 4
KNOWN = 5_000
AIMS = {"known persons": "8,000"}
SINGLES, SINGLE_CONNECTIONS = 8_000, 32


def run() -> Iterator[Result]:
    with temporary_stack() as stack:
        project = json.loads(stack.command("create-project", "--name", "bench", "--json"))
        token = project["api_token"]
        known = [f"known-{number}" for number in range(KNOWN)]
        _send(stack, [_body(token, known[start : start + BATCH]) for start in range(0, KNOWN, BATCH)])
        floor = _floor(stack, project["id"])
        yield Result("floor: COPY into PostgreSQL and one ClickHouse insert", floor, "events/s")
        chance = random.Random(1)
        traffic = {
            "known persons": [[chance.choice(known) for _ in range(BATCH)] for _ in range(BATCHES)],
            "a new person each event": [[str(uuid4()) for _ in range(BATCH)] for _ in range(BATCHES)],
            "without profile": [[str(uuid4()) for _ in range(BATCH)] for _ in range(BATCHES)],
        }
        for name, batches in traffic.items():
            bodies = [_body(token, ids, profile=name != "without profile") for ids in batches]
            seconds = _send(stack, bodies)
            rate = BATCHES * BATCH / seconds
            yield Result(f"capture, {name}", rate, "events/s", AIMS.get(name, ""))
            yield Result(f"of the floor, {name}", rate / floor, "ratio", "0.35")
            started = time.perf_counter()
            stack.command("drain")
            yield Result(f"then until all can be queried, {name}", time.perf_counter() - started, "s")
        yield from _single_events(stack, token, known)


def _single_events(stack: Stack, token: str, known: list[str]) -> Iterator[Result]:
    """Requests of one event each, as browsers send them: by themselves, then beside batches."""
    yield from _latencies(stack, _single_bodies(token, known), "single events")
    chance = random.Random(2)
    batches = [_body(token, [chance.choice(known) for _ in range(BATCH)]) for _ in range(BATCHES)]
    beside = threading.Thread(target=_send, args=[stack, batches], kwargs={"connections": 1})
    beside.start()
    yield from _latencies(stack, _single_bodies(token, known), "single events beside batches")
    beside.join()


def _single_bodies(token: str, known: list[str]) -> list[bytes]:
    chance = random.Random(3)
    bodies = []
    for _ in range(SINGLES):
        (event,) = _events([chance.choice(known)])
        bodies.append(json.dumps({**event, "api_key": token}).encode())
    return bodies


def _latencies(stack: Stack, bodies: list[bytes], name: str) -> Iterator[Result]:
    waits: list[float] = []
    seconds = _send(stack, bodies, path="/e/", connections=SINGLE_CONNECTIONS, waits=waits)
    waits.sort()
    yield Result(f"{name}, {SINGLE_CONNECTIONS} connections", len(bodies) / seconds, "requests/s")
    for share in (50, 99):
        yield Result(f"{name}, p{share}", waits[len(waits) * share // 100] * 1000, "ms")


def _properties(distinct_id: str, *, profile: bool) -> dict[str, Any]:
    """What a browser SDK sends, about 600 bytes an event."""
    properties: dict[str, Any] = {
        "$current_url": f"https://shop.example.org/p/{hash(distinct_id) % 100}",
        "$browser": "Chrome",
        "$browser_version": 120,
        "$os": "Linux",
        "$lib": "web",
        "$lib_version": "1.2.3",
        "$screen_height": 900,
        "$screen_width": 1600,
        "$session_id": str(uuid4()),
        "$device_id": str(uuid4()),
        "utm_source": "newsletter",
        "plan": "team",
        "amount": 12.5,
    }
    if profile:
        return {**properties, "$set": {"email": f"{distinct_id}@example.org", "plan": "team"}}
    return {**properties, "$process_person_profile": False}


def _events(distinct_ids: list[str], *, profile: bool = True) -> list[Mapping[str, Any]]:
    return [
        {
            "event": "$pageview",
            "distinct_id": distinct_id,
            "uuid": str(uuid4()),
            "timestamp": "2026-01-02T03:04:05Z",
            "properties": _properties(distinct_id, profile=profile),
        }
        for distinct_id in distinct_ids
    ]


def _body(token: str, distinct_ids: list[str], *, profile: bool = True) -> bytes:
    return json.dumps({"api_key": token, "batch": _events(distinct_ids, profile=profile)}).encode()


def _send(
    stack: Stack,
    bodies: list[bytes],
    *,
    path: str = "/batch/",
    connections: int = CONNECTIONS,
    waits: list[float] | None = None,
) -> float:
    """Seconds until every body is accepted, over a few connections that are kept. ``waits`` gets the seconds that each
    request took.
    """
    kept = threading.local()

    def send(body: bytes) -> None:
        if not hasattr(kept, "connection"):
            kept.connection = http.client.HTTPConnection("127.0.0.1", stack.port)
        started = time.perf_counter()
        kept.connection.request("POST", path, body, {"Content-Type": "application/json"})
        response = kept.connection.getresponse()
        assert (response.read(), response.status) == (b'{"status":1}', 200)
        if waits is not None:
            waits.append(time.perf_counter() - started)

    started = time.perf_counter()
    with ThreadPoolExecutor(connections) as pool:
        list(pool.map(send, bodies))
    return time.perf_counter() - started


def _floor(stack: Stack, project_id: int) -> float:
    """Events a second of one COPY and one insert a batch, one after the other."""
    os.environ.update(stack.environment)
    import django

    django.setup()
    from django.utils import timezone

    from core.events.read import CaptureRequest, read_events
    from core.identity.ids import person_uuid
    from core.outbox.lines import event_line, received_event_line

    now = timezone.now()
    request = CaptureRequest("", _events([str(uuid4()) for _ in range(20_000)]), None)
    lines = [
        received_event_line(
            event_line(
                event, project_id=-1, person_uuid=person_uuid(project_id, event.distinct_id), mode="full"
            ),
            now,
        )
        for event in read_events(request, received=now)
    ]
    clickhouse = stack.clickhouse()
    with psycopg.connect(stack.environment["DATABASE_URL"]) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE floor (id bigserial PRIMARY KEY, line text)")
        connection.commit()
        started = time.perf_counter()
        for start in range(0, len(lines), BATCH):
            with cursor.copy("COPY floor (line) FROM STDIN") as copy:
                for line in lines[start : start + BATCH]:
                    copy.write_row((line,))
            connection.commit()
        clickhouse.raw_insert("events", insert_block="\n".join(lines).encode(), fmt="JSONEachRow")
        seconds = time.perf_counter() - started
        cursor.execute("DROP TABLE floor")
    return len(lines) / seconds
