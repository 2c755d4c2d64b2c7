"""Claim: on 10 M events of 500,000 persons, a page of the persons of a 3-step funnel over 14 days takes at most 2.5
times as long as ``uniqExact(person_id)`` over the same rows, and a fifth of a layered query, a tenth with filters; the
cost of steps is linear up to 20; a cached answer takes less than 20 ms; no question needs more than 1 GB, and ten at
once neither fail nor starve capture.

50 days of events with 30 properties each, 2 % of the distinct ids overridden, in a stack of its own
(``benchmarks/insights_data.py``). Questions are what the insights worker runs, within its limits; floors are statements
to the same ClickHouse. The layered query is the classic form of a funnel (``benchmarks/insights_layered.py``); its page
must be the same. ``BENCH_INSIGHTS_EVENTS`` changes the number of events.
"""

import json
import os
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import httpx

from benchmarks.harness import Result, best_of
from benchmarks.insights_layered import OF_ALL_IDS, OF_MOVED_IDS, ROWS, Owners, page_of_layered
from tests.stack import Stack, temporary_stack

DATES = {"date_from": "2026-01-20", "date_to": "2026-02-02"}
NOW = datetime(2026, 2, 20, tzinfo=UTC)
CHROME = {"key": "$browser", "value": "Chrome", "type": "event"}
TEAM = {"key": "plan", "value": "team", "type": "person"}
#: Seconds for anything.
PATIENCE = 120
#: The fastest counts. A virtual machine is slow at times, for some tenths of a second.
_TRIES = 9


def run() -> Iterator[Result]:
    with temporary_stack() as stack:
        project = json.loads(stack.command("create-project", "--name", "bench", "--json"))
        key = json.loads(stack.command("create-key", "--label", "bench", "--scopes", "*", "--json"))["key"]
        os.environ.update(stack.environment)
        import django

        django.setup()
        from benchmarks.insights_data import fill

        fill(project["id"])
        yield from _questions(project["id"])
        yield from _over_http(stack, project, key)


def _steps(*names: str) -> list[dict[str, Any]]:
    return [{"id": name, "type": "events", "order": place} for place, name in enumerate(names)]


def _questions(project_id: int) -> Iterator[Result]:
    from benchmarks.insights_data import COHORT, NAMES

    three = {"events": _steps(*NAMES[:3]), "funnel_step": 3}
    both = {**three, "properties": [CHROME, TEAM]}
    repeated = {"events": _steps("$pageview", "$pageview", "purchase"), "funnel_step": 3}
    # The second step is a part of the first, so one event could fill both.
    part = {**_steps("$pageview")[0], "properties": [{"key": "$city", "operator": "icontains", "value": "1"}]}
    overlapping = {
        "events": [*_steps("$pageview"), {**part, "order": 1}, {"id": "purchase", "order": 2}],
        "funnel_step": 3,
    }
    ask = _Asking(project_id)
    floor = _floor(project_id, *NAMES[:3])
    yield Result("floor: uniqExact(person_id), three names, 14 days", floor, "s")
    plain = ask.persons(three)
    yield from _compared("(a) 3 ordered steps, a page of persons", plain, floor, "2.5")
    yield from _against_layered(project_id, ask, three, plain, "5 or more", filtered=False)
    filtered = ask.persons(both)
    yield from _compared("(a) the same with an event and a person filter", filtered, floor)
    yield from _against_layered(project_id, ask, both, filtered, "10 or more", filtered=True)
    of_cohort = {**three, "properties": [{"key": "id", "type": "cohort", "value": COHORT}]}
    yield from _compared("(a) of the members of a cohort, every second person", ask.persons(of_cohort), floor)
    for count in (2, 4, 8, 16, 20):
        names = (*NAMES, *(f"step {number}" for number in range(11, 21)))[:count]
        seconds = ask.persons({"events": _steps(*names), "funnel_step": 1})
        base = _floor(project_id, *names)
        yield from _compared(f"{'(b) ' if count == 8 else ''}{count} steps, by its own floor", seconds, base)
    base = _floor(project_id, "$pageview", "purchase")
    yield from _compared("(c) repeated steps, by its own floor", ask.persons(repeated), base)
    yield from _compared("steps that overlap, by the same floor", ask.persons(overlapping), base)
    for place, order in (("(d)", "strict"), ("(e)", "unordered")):
        yield from _compared(f"{place} {order}", ask.persons({**three, "funnel_order_type": order}), floor)
    split = {**three, "breakdown": "$city", "breakdown_type": "event"}
    yield from _compared("(f) steps of a breakdown with 25 values", ask("funnel_steps", split), floor)
    yield from _compared("steps without a breakdown", ask("funnel_steps", three), floor)
    correlations: tuple[tuple[str, dict[str, Any]], ...] = (
        ("events", {}),
        ("properties", {"funnel_correlation_names": ["$all"]}),
        ("event_with_properties", {"funnel_correlation_event_names": ["step 4"]}),
    )
    for kind, more in correlations:
        given = {**three, "funnel_step": 1, "funnel_correlation_type": kind, **more}
        yield from _compared(f"(g) correlation, {kind}", ask("correlation", given), floor)
    pageviews = {"events": _steps("$pageview"), "interval": "day"}
    base = _floor(project_id, "$pageview")
    yield Result("floor of one name: uniqExact(person_id)", base, "s")
    series: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("(h) stickiness", "stickiness_series", {**pageviews, "shown_as": "Stickiness"}),
        ("(i) lifecycle", "lifecycle_series", pageviews),
        ("daily active persons", "trend_series", {"events": [{**_steps("$pageview")[0], "math": "dau"}]}),
    )
    for name, kind, given in series:
        yield from _compared(f"{name}, by the floor of one name", ask(kind, given), base)
    yield Result(f"most memory of a question: {ask.greedy}", ask.memory / 1e6, "MB", "1,000")


def _compared(name: str, seconds: float, floor: float, aim: str = "") -> Iterator[Result]:
    yield Result(name, seconds, "s")
    yield Result(f"{name}: times the floor", seconds / floor, "x", aim)


class _Asking:
    """Asks as the worker does, within the worker's limits. ``memory`` is the most that ClickHouse used
    for a question, in bytes, and ``greedy`` says for which.
    """

    def __init__(self, project_id: int) -> None:
        from benchmarks.insights_data import COHORT
        from insights.filters.project import ProjectFacts

        self.facts = vars(ProjectFacts(project_id, cohorts={str(COHORT): "team"}))
        self.memory = 0
        self.greedy = ""

    def __call__(self, kind: str, given: Mapping[str, Any], **more: Any) -> float:
        seconds = best_of(_TRIES, lambda: self.answer(kind, given, **more))
        memory = _memory(lambda: self.answer(kind, given, **more))
        if memory > self.memory:
            names = ", ".join(str(step["id"]) for step in given["events"])
            sort = given.get("funnel_correlation_type") or given.get("funnel_order_type") or ""
            self.memory, self.greedy = memory, f"{kind} {sort} of {names}"
        return seconds

    def answer(self, kind: str, given: Mapping[str, Any], **more: Any) -> Any:
        from django.conf import settings

        from insights.limits import Limits
        from insights.questions import KINDS

        question = {"given": {**DATES, **given}, "project": self.facts, "now": NOW.timestamp(), **more}
        return KINDS[kind](question, Limits(seconds=PATIENCE, memory=settings.INSIGHTS_MEMORY))

    def persons(self, given: Mapping[str, Any]) -> float:
        """A page of the persons of a funnel."""
        return self("funnel_persons", given, **PAGE)


#: A page and whether there is another one.
PAGE = {"offset": 0, "rows": 101}


def _memory(run: Callable[[], object]) -> int:
    """Bytes that ClickHouse needs for a question at most, looked up all the time."""
    from core.clickhouse import client

    most = 0
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run)
        while not running.done():
            rows = client.inspect(
                "SELECT max(peak_memory_usage) FROM system.processes WHERE Settings['log_comment'] != ''"
            )
            most = max(most, int(rows[0][0]))
        running.result()
    return most


_FLOOR = f"SELECT uniqExact(e.person_id) FROM events AS e WHERE {ROWS}"


def _floor(project_id: int, *names: str) -> float:
    return _seconds(_FLOOR, project_id, names=names)


def _against_layered(
    project_id: int, ask: "_Asking", given: Mapping[str, Any], ours: float, aim: str, *, filtered: bool
) -> Iterator[Result]:
    kinds: tuple[tuple[str, Owners], ...] = (
        ("that looks up every distinct id", OF_ALL_IDS),
        ("that looks up who has moved", OF_MOVED_IDS),
    )
    for name, owners in kinds:
        seconds = _layered(project_id, given, ask, owners, filtered=filtered)
        yield Result(f"(a) a layered query {name}{', filtered' if filtered else ''}", seconds, "s")
        yield Result("(a) times the page", seconds / ours, "x", aim)


def _layered(
    project_id: int, given: Mapping[str, Any], ask: "_Asking", owners: Owners, *, filtered: bool
) -> float:
    from benchmarks.insights_data import NAMES
    from core.clickhouse import client

    statement = page_of_layered(owners, filtered=filtered)
    rows = client.query(statement, project_id=project_id, parameters={"names": list(NAMES[:3])})
    assert [str(person) for (person,) in rows] == ask.answer("funnel_persons", given, **PAGE)
    return _seconds(statement, project_id, names=NAMES[:3])


def _seconds(statement: str, project_id: int, *, names: tuple[str, ...]) -> float:
    from core.clickhouse import client

    parameters = {"names": sorted(set(names))}
    return best_of(_TRIES, lambda: client.query(statement, project_id=project_id, parameters=parameters))


def _over_http(stack: Stack, project: Mapping[str, Any], key: str) -> Iterator[Result]:
    """What a client sees: an answer from the cache, and ten questions at once beside captures."""
    from benchmarks.insights_data import NAMES

    http = httpx.Client(base_url=stack.url, headers={"Authorization": f"Bearer {key}"}, timeout=PATIENCE)
    path = f"/api/projects/{project['id']}/insights/funnel/"

    def ask(first: str, **more: Any) -> None:
        given = {"events": _steps(first, "add", "purchase"), "insight": "FUNNELS", **DATES, **more}
        http.post(path, json=given).raise_for_status()

    ask("sign up")
    waits = [best_of(1, lambda: ask("sign up")) for _ in range(50)]
    yield Result("a cached answer over HTTP, median", statistics.median(waits) * 1000, "ms", "20")
    idle = _captures(http, project["api_token"], lambda: time.sleep(3))
    started = time.perf_counter()
    with ThreadPoolExecutor(10) as pool:
        busy = _captures(
            http, project["api_token"], lambda: list(pool.map(ask, [*NAMES, "nothing", "never"][3:13]))
        )
    yield Result("ten different questions at once", time.perf_counter() - started, "s")
    yield Result("captures beside nothing, median", statistics.median(idle) * 1000, "ms")
    yield Result("captures beside ten questions, median", statistics.median(busy) * 1000, "ms")
    yield Result("captures beside ten questions, the slowest", max(busy) * 1000, "ms")


def _captures(http: httpx.Client, token: str, during: Callable[[], object]) -> list[float]:
    """Seconds of each of the captures that went on during something else."""
    seconds: list[float] = []
    is_over = threading.Event()

    def capture() -> None:
        event = {"api_key": token, "event": "seen", "distinct_id": "somebody"}
        while not is_over.is_set():
            seconds.append(best_of(1, lambda: http.post("/i/v0/e/", json=event).raise_for_status()))
            is_over.wait(0.02)

    thread = threading.Thread(target=capture)
    thread.start()
    try:
        during()
    finally:
        is_over.set()
        thread.join()
    return seconds
