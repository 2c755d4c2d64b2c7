"""Claim: none; figures that docs/scale.md calculates with: what an event and a person take on the disk, what waits in
PostgreSQL for delivery, and how fast ClickHouse's replica is built anew.

Events are page views of about 700 bytes of JSON, 20 of a person over 60 days, with urls, referrers, session ids and
sizes of windows that differ; persons have 15 properties and 1.2 distinct ids (``many_persons.py``). ClickHouse's parts
are merged before they are looked at. ``BENCH_STORAGE_EVENTS`` and ``BENCH_STORAGE_PERSONS`` change the numbers.
"""

import json
import os
import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg

from benchmarks.harness import Result
from benchmarks.many_persons import make_persons, uuid_of
from tests.stack import temporary_stack

EVENTS = int(os.environ.get("BENCH_STORAGE_EVENTS", "400000"))
PERSONS = int(os.environ.get("BENCH_STORAGE_PERSONS", "200000"))
EVENTS_A_PERSON = 20
DAYS = 60
_PORTION = 20_000
#: Rows in PostgreSQL's buffer whose size is measured.
_BUFFERED = 50_000
_START = datetime(2026, 1, 1, tzinfo=UTC)


def run() -> Iterator[Result]:
    with temporary_stack() as stack:
        project = json.loads(stack.command("create-project", "--name", "bench", "--json"))["id"]
        os.environ.update(stack.environment)
        import django

        django.setup()
        from core.services.rebuild import rebuild_clickhouse

        with psycopg.connect(stack.environment["DATABASE_URL"], autocommit=True) as connection:
            sent, buffered = _events(connection, project)
            yield Result("an event as JSON, as it is sent", sent, "bytes")
            yield Result("an event in ClickHouse", _in_clickhouse("events") / EVENTS, "bytes")
            yield Result("an event that waits in PostgreSQL", buffered, "bytes")
            make_persons(connection, project, PERSONS)
            for table in ("person", "person_newest_first", "person_distinct_id"):
                yield Result(f"a person in ClickHouse's {table}", _in_clickhouse(table) / PERSONS, "bytes")
            for table in ("core_person", "core_persondistinctid"):
                size = connection.execute("SELECT pg_total_relation_size(%s::regclass)", [table]).fetchone()
                assert size is not None
                yield Result(
                    f"a person in PostgreSQL's {table}, indexes included", size[0] / PERSONS, "bytes"
                )
        started = time.perf_counter()
        rebuilt = rebuild_clickhouse()
        seconds = time.perf_counter() - started
        yield Result("rebuild of ClickHouse, rows", sum(rebuilt.rows.values()) / seconds, "rows/s")
        yield Result("rebuild of ClickHouse, persons", PERSONS / seconds, "persons/s")


def _events(connection: psycopg.Connection, project_id: int) -> tuple[float, float]:
    """Fill ClickHouse; bytes of an event as sent, and of one that waits."""
    from core.clickhouse import client
    from core.events.event import Event
    from core.outbox.lines import event_line, received_event_line

    draw = random.Random(5)
    sent = 0
    for start in range(0, EVENTS, _PORTION):
        lines = []
        for _ in range(min(_PORTION, EVENTS - start)):
            who = draw.randrange(max(1, EVENTS // EVENTS_A_PERSON))
            properties = _properties(draw, who)
            sent += len(json.dumps(properties)) + 180
            event = Event(
                name="$pageview",
                distinct_id=f"user-{who}",
                uuid=UUID(int=draw.getrandbits(128), version=4),
                timestamp=_START + timedelta(seconds=draw.randrange(DAYS * 86_400)),
                properties=properties,
                other_id=None,
                without_profile=False,
            )
            line = event_line(event, project_id=project_id, person_uuid=uuid_of(project_id, who), mode="full")
            lines.append(line)
        text = "\n".join(received_event_line(line, _START) for line in lines)
        client.insert_lines("events", text.encode(), token=str(start))
    for month in ("202601", "202602", "202603"):
        client.administer(f"OPTIMIZE TABLE events PARTITION ID '{month}' FINAL")
    return sent / EVENTS, _buffered(connection, project_id, lines)


def _buffered(connection: psycopg.Connection, project_id: int, lines: list[str]) -> float:
    """Of a table like the buffer: the one itself would be delivered."""
    connection.execute("CREATE TABLE buffered (LIKE core_eventbuffer INCLUDING ALL)")
    with connection.cursor().copy(
        "COPY buffered (id, project_id, distinct_id, person_uuid, line) FROM STDIN"
    ) as copy:
        for number in range(_BUFFERED):
            who = uuid_of(project_id, number)
            copy.write_row((number, project_id, f"user-{number}", who, lines[number % len(lines)]))
    row = connection.execute("SELECT pg_total_relation_size('buffered')").fetchone()
    connection.execute("DROP TABLE buffered")
    assert row is not None
    return float(row[0] / _BUFFERED)


def _properties(draw: random.Random, who: int) -> dict[str, Any]:
    page = draw.randrange(2_000)
    return {
        "$current_url": f"https://shop.example.com/category/{page % 40}/product/{page}?ref={draw.randrange(300)}",
        "$pathname": f"/category/{page % 40}/product/{page}",
        "$referrer": f"https://site-{draw.randrange(500)}.example.org/",
        "$session_id": f"{who:08x}-{draw.randrange(16):04x}-7000-8000-{who * 7919:012x}",
        "$window_id": f"{draw.getrandbits(64):016x}",
        "$browser": draw.choice(("Chrome", "Firefox", "Safari", "Edge")),
        "$browser_version": draw.randrange(90, 140),
        "$os": draw.choice(("Linux", "Windows", "Mac OS X", "iOS", "Android")),
        "$device_type": draw.choice(("Desktop", "Mobile", "Tablet")),
        "$screen_width": draw.choice((390, 1280, 1440, 1920)),
        "$screen_height": draw.choice((844, 720, 900, 1080)),
        "$viewport_width": draw.randrange(300, 1920),
        "$lib": "web",
        "$lib_version": f"1.{draw.randrange(200, 260)}.{draw.randrange(5)}",
        "price": round(draw.random() * 100, 2),
        "logged_in": draw.random() < 0.5,
    }


def _in_clickhouse(table: str) -> float:
    """Bytes of the active parts."""
    from core.clickhouse import client

    ((size,),) = client.inspect(
        "SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND table = {name:String}",
        parameters={"name": table},
    )
    return float(size)
