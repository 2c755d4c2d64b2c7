"""Claim: reading a person or a page of persons costs the same at 1,000,000 persons as at 10,000, within 1.5 times. A
person comes at least half as often a second as from a bare server, a page at least 0.8 times as often. Setting a
property takes less than 8 ms, and 300,000 rows of CSV less than 200 MB of memory.

The bare server (``bare_persons.py``: FastAPI, asyncpg, orjson; uvicorn with uvloop) has as many processes, runs the
same statements on the same PostgreSQL, gives the same answers and knows no keys. Client, both servers and the stores
share the machine. Persons are asked for at random, over 16 connections; the two servers take turns, and the best round
of each counts. A person has 15 properties and 1.2 distinct ids. ``BENCH_PERSONS`` changes the larger number of persons.
"""

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx
import psutil
import psycopg

from benchmarks.harness import Result
from benchmarks.load import HAS_WRK, Load, Request, load
from benchmarks.many_persons import make_persons, uuid_of
from persons_api.embedded.http_probe import answers
from persons_api.postgresql.connection import numbered
from tests.stack import Stack, free_port, temporary_stack

FEW, MANY = 10_000, int(os.environ.get("BENCH_PERSONS", "1000000"))
CSV_ROWS = 300_000
CONNECTIONS = 16
WORKERS = 2
#: Of one round.
SECONDS = 2
ROUNDS = 3
PAGE = 100
#: Different requests of one measurement.
KEYS = 5_000
#: Different pages of one measurement.
PAGES = 50


def run() -> Iterator[Result]:
    # So many requests are more than one key may send, and the bare server counts none.
    os.environ["PERSONS_API_RATE_LIMITS"] = "false"
    with temporary_stack() as stack:
        os.environ.update(stack.environment)
        import django

        django.setup()
        made = stack.command("create-key", "--label", "bench", "--scopes", "person:write", "--json")
        headers = {"Authorization": f"Bearer {json.loads(made)['key']}"}
        projects = {count: _project(stack, count) for count in (FEW, MANY)}
        ours = Server(stack.port, headers)
        with _bare_server(stack.environment) as port:
            bare = Server(port, {})
            _check_equal(ours, bare, projects[FEW])
            yield from _measure(ours, bare, projects)
        yield from _table(stack, ours, projects[MANY])


class Server:
    """Ours or the bare one."""

    def __init__(self, port: int, headers: dict[str, str]) -> None:
        self.port = port
        self.headers = {"Content-Type": "application/json", **headers}

    def load(self, kind: "Kind") -> Load:
        return load(
            self.port, kind.requests, headers=self.headers, connections=kind.connections, seconds=SECONDS
        )

    def answer(self, path: str) -> str:
        """The body, without the port that its links name."""
        response = httpx.get(f"http://127.0.0.1:{self.port}{path}", headers=self.headers, timeout=60)
        return response.raise_for_status().text.replace(f":{self.port}/", "/")


@dataclass(frozen=True, slots=True)
class Kind:
    """Requests of one kind. ``of_bare`` says what share of the bare server's requests a second they should reach; null
    means that it is not asked for them.
    """

    name: str
    requests: Sequence[Request]
    connections: int = CONNECTIONS
    of_bare: str | None = None


def _measure(ours: Server, bare: Server, projects: dict[int, int]) -> Iterator[Result]:
    yield Result(f"connections, sent by {'wrk' if HAS_WRK else 'Python'}", CONNECTIONS, "")
    yield Result("web processes of each server", WORKERS, "")
    p50: dict[str, list[float]] = {}
    for count, project in projects.items():
        for kind in _kinds(ours, project, count, random.Random(1)):
            name = f"{kind.name}, {count:,} persons"
            servers = [ours] if kind.of_bare is None else [ours, bare]
            rounds = [[server.load(kind) for server in servers] for _ in range(ROUNDS)]
            done, *floors = (
                max(loads, key=lambda load: load.requests_a_second) for loads in zip(*rounds, strict=True)
            )
            yield from _figures(name, done)
            p50.setdefault(kind.name, []).append(done.p50)
            for floor in floors:
                yield from _figures(f"bare server: {name}", floor)
                ratio = done.requests_a_second / floor.requests_a_second
                yield Result(f"of the bare server: {name}", ratio, "ratio", kind.of_bare or "")
    for name, (few, many) in p50.items():
        aim = "" if name.startswith("update") else "at most 1.5"
        yield Result(f"{name}: p50 at {MANY:,} by p50 at {FEW:,} persons", many / few, "x", aim)


def _figures(name: str, done: Load) -> Iterator[Result]:
    yield Result(name, done.requests_a_second, "requests/s")
    yield Result(f"{name}: p50", done.p50, "ms", "8" if name.startswith("update_property, one") else "")
    yield Result(f"{name}: p99", done.p99, "ms")


def _kinds(ours: Server, project: int, count: int, chance: random.Random) -> Iterator[Kind]:
    root = f"/api/projects/{project}/persons/"

    def pages(**query: Any) -> Request:
        return Request(f"{root}?{urlencode({'limit': PAGE, **query})}")

    def somebody() -> int:
        return chance.randrange(count)

    def updates() -> list[Request]:
        body = '{"key": "seats", "value": %d}'
        return [
            Request(
                f"{root}{uuid_of(project, somebody())}/update_property/",
                "POST",
                body % chance.randrange(10**9),
            )
            for _ in range(KEYS)
        ]

    yield Kind(
        "retrieve", [Request(f"{root}{uuid_of(project, somebody())}/") for _ in range(KEYS)], of_bare="0.5"
    )
    yield Kind("first page of 100", [pages(offset=0)], of_bare="0.8")
    deep = [count // 2 + chance.randrange(count * 4 // 10) for _ in range(PAGES)]
    for offset in deep:
        # Whoever walks from page to page has asked for the page before.
        ours.answer(pages(offset=offset - PAGE).path)
    yield Kind("page far down, the one before was asked for", [pages(offset=offset) for offset in deep])
    yield Kind(
        "page far down, out of the blue",
        [pages(offset=count // 2 + somebody() * 4 // 10) for _ in range(KEYS)],
        of_bare="",
    )
    yield Kind("list by distinct id", [pages(distinct_id=f"user-{somebody()}") for _ in range(KEYS)])
    searches = [pages(search=f"person-{somebody()}@example.org") for _ in range(KEYS)]
    yield Kind("search for an e-mail address, one connection", searches, connections=1)
    browsers = [[{"key": "$browser", "value": browser}] for browser in ("Chrome", "Firefox", "Safari")]
    filters = [pages(properties=json.dumps(browser)) for browser in browsers]
    yield Kind("list by one property, one connection", filters, connections=1)
    yield Kind("update_property, one connection", updates(), connections=1)
    yield Kind("update_property", updates())


def _project(stack: Stack, count: int) -> int:
    project: int = json.loads(stack.command("create-project", "--name", f"{count} persons", "--json"))["id"]
    with psycopg.connect(stack.environment["DATABASE_URL"]) as connection:
        make_persons(connection, project, count)
    return project


@contextmanager
def _bare_server(environment: dict[str, str]) -> Iterator[int]:
    """The bare server's port."""
    # Not before Django is set up.
    from core.selectors import persons

    statements = {
        "retrieve": numbered(persons._ONE.format(column="uuid")),
        "list": numbered(persons._LIST.format(conditions="")),
    }
    port = free_port()
    options = ["--port", str(port), "--workers", str(WORKERS), "--no-access-log", "--log-level", "warning"]
    server = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", *options, "benchmarks.bare_persons:app"],
        env={**os.environ, **environment, "BARE_PERSONS": json.dumps(statements)},
    )
    try:
        while not answers(f"http://127.0.0.1:{port}/openapi.json"):
            assert server.poll() is None, "the bare server did not start"
            time.sleep(0.1)
        yield port
    finally:
        server.terminate()
        server.wait()


def _check_equal(ours: Server, bare: Server, project: int) -> None:
    root = f"/api/projects/{project}/persons/"
    for path in (
        f"{root}{uuid_of(project, 5)}/",
        f"{root}?limit=100&offset=0",
        f"{root}?limit=10&offset=500",
    ):
        assert ours.answer(path) == bare.answer(path), path


def _table(stack: Stack, ours: Server, project: int) -> Iterator[Result]:
    """All persons as CSV, and the memory of the process that gathers them."""
    workers = psutil.Process(stack.pids()["web"]).children(recursive=True)
    idle = {worker.pid: worker.memory_info().rss for worker in workers}
    most = dict(idle)
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.wait(0.02):
            for worker in workers:
                most[worker.pid] = max(most[worker.pid], worker.memory_info().rss)

    thread = threading.Thread(target=watch)
    thread.start()
    started = time.perf_counter()
    lines = -1  # the header
    url = f"http://127.0.0.1:{ours.port}/api/projects/{project}/persons/?format=csv"
    try:
        with httpx.stream("GET", url, headers=ours.headers, timeout=300) as response:
            first = time.perf_counter() - started
            lines += sum(chunk.count(b"\n") for chunk in response.iter_bytes())
        seconds = time.perf_counter() - started
    finally:
        is_over.set()
        thread.join()
    assert lines == min(CSV_ROWS, MANY), lines
    grown = max(most[pid] - idle[pid] for pid in idle)
    yield Result(f"CSV of {lines:,} persons", seconds, "s")
    yield Result(f"CSV of {lines:,} persons: first byte", first, "s")
    yield Result("CSV: web process above idle, at most", grown / 2**20, "MB", "200")
