"""Claim: on 10 M events of 500,000 persons, a page of the persons of a 3-step funnel over 14 days takes at most 2.5
times as long as ``uniqExact(person_id)`` over the same rows, and a fifth of a layered query, a tenth with filters; the
cost of steps is linear up to 20; a cached answer takes less than 20 ms; no question needs more than 1 GB, and ten at
once neither fail nor starve capture.

50 days of events with 30 properties each, 2 % of the distinct ids overridden, in a stack of its own. Questions are what
the insights worker runs, within its limits; floors are statements to the same ClickHouse. The layered query is the
classic form of a funnel: for each step a nullable time, and its running minimum over the person's events from the last
to the first, once for each step, over properties as JSON text. ``BENCH_INSIGHTS_EVENTS`` changes the number of events.
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
from tests.stack import Stack, temporary_stack

EVENTS = int(os.environ.get("BENCH_INSIGHTS_EVENTS", "10000000"))
EVENTS_A_PERSON = 20
PERSONS = EVENTS // EVENTS_A_PERSON
OVERRIDDEN = PERSONS // 50
PROPERTIES = 30
#: Events of one insert, so that it fits into memory with all their properties.
PORTION = 250_000
DATES = {"date_from": "2026-01-20", "date_to": "2026-02-02"}
NOW = datetime(2026, 2, 20, tzinfo=UTC)
NAMES = (
    "sign up",
    "add",
    "purchase",
    "step 4",
    "share",
    "invite",
    "rate",
    "pay",
    "$pageview",
    "$autocapture",
)
CHROME = {"key": "$browser", "value": "Chrome", "type": "event"}
TEAM = {"key": "plan", "value": "team", "type": "person"}
#: Seconds for anything.
PATIENCE = 120


def run() -> Iterator[Result]:
    with temporary_stack() as stack:
        project = json.loads(stack.command("create-project", "--name", "bench", "--json"))
        key = json.loads(stack.command("create-key", "--label", "bench", "--scopes", "*", "--json"))["key"]
        os.environ.update(stack.environment)
        import django

        django.setup()
        _fill(project["id"])
        yield from _questions(project["id"])
        yield from _over_http(stack, project, key)


def _steps(*names: str) -> list[dict[str, Any]]:
    return [{"id": name, "type": "events", "order": place} for place, name in enumerate(names)]


def _questions(project_id: int) -> Iterator[Result]:
    three = {"events": _steps("sign up", "add", "purchase"), "funnel_step": 3}
    both = {**three, "properties": [CHROME, TEAM]}
    repeated = {"events": _steps("$pageview", "$pageview", "purchase"), "funnel_step": 3}
    # The second step is a part of the first, so one event could fill both.
    part = {**_steps("$pageview")[0], "properties": [{"key": "$city", "operator": "icontains", "value": "1"}]}
    overlapping = {
        "events": [*_steps("$pageview"), {**part, "order": 1}, {"id": "purchase", "order": 2}],
        "funnel_step": 3,
    }
    ask = _Asking(project_id)
    floor = _floor(project_id, "sign up", "add", "purchase")
    yield Result("floor: uniqExact(person_id), three names, 14 days", floor, "s")
    layered, layered_filtered = _layered(project_id, filtered=False), _layered(project_id, filtered=True)
    yield Result("a layered query", layered, "s")
    yield Result("a layered query with an event and a person filter", layered_filtered, "s")
    plain, filtered = ask.persons(three), ask.persons(both)
    yield from _compared("(a) 3 ordered steps, a page of persons", plain, floor, "2.5")
    yield Result("(a) a layered query, times that", layered / plain, "x", "5 or more")
    yield from _compared("(a) the same with an event and a person filter", filtered, floor)
    yield Result("(a) a layered query with these, times that", layered_filtered / filtered, "x", "10 or more")
    for count in (2, 4, 8, 16, 20):
        names = NAMES[:count]
        seconds = ask.persons({"events": _steps(*names), "funnel_step": count})
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
        given = {**three, "funnel_correlation_type": kind, **more}
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


def _compared(name: str, seconds: float, floor: float, aim: str = "") -> Iterator[Result]:
    yield Result(name, seconds, "s")
    yield Result(f"{name}: times the floor", seconds / floor, "x", aim)


class _Asking:
    """Asks as the worker does, within the worker's limits. Best of three."""

    def __init__(self, project_id: int) -> None:
        from insights.filters.project import ProjectFacts

        self.facts = vars(ProjectFacts(project_id))

    def __call__(self, kind: str, given: Mapping[str, Any], **more: Any) -> float:
        from django.conf import settings

        from insights.limits import Limits
        from insights.questions import KINDS

        question = {"given": {**DATES, **given}, "project": self.facts, "now": NOW.timestamp(), **more}
        limits = Limits(seconds=PATIENCE, memory=settings.INSIGHTS_MEMORY)
        return best_of(3, lambda: KINDS[kind](question, limits))

    def persons(self, given: Mapping[str, Any]) -> float:
        """A page of the persons of a funnel."""
        return self("funnel_persons", given, offset=0, rows=101)


_WHERE = """
    e.project_id = {project_id:Int64}
    AND toDate32(e.timestamp) BETWEEN '2026-01-20' AND '2026-02-02' AND has({names:Array(String)}, e.event)
"""
_FLOOR = f"SELECT uniqExact(e.person_id) FROM events AS e WHERE {_WHERE}"


def _floor(project_id: int, *names: str) -> float:
    return _seconds(_FLOOR, project_id, names=sorted(set(names)))


def _seconds(sql: str, project_id: int, **parameters: Any) -> float:
    from core.clickhouse import client

    return best_of(3, lambda: client.query(sql, project_id=project_id, parameters=parameters))


_LAYERED = """
WITH stepped AS (
    SELECT if(notEmpty(o.distinct_id), o.person_id, e.person_id) AS person, e.timestamp AS at,
        if(e.event = 'sign up', at, NULL) AS at_1, if(e.event = 'add', at, NULL) AS at_2,
        if(e.event = 'purchase', at, NULL) AS at_3
    FROM events_as_text AS e
    LEFT JOIN (
        SELECT distinct_id, argMax(person_id, version) AS person_id FROM person_distinct_id_overrides
        WHERE project_id = {{project_id:Int64}} GROUP BY distinct_id
    ) AS o ON o.distinct_id = e.distinct_id
    {join}
    WHERE {where} {filter}
), once AS (
    SELECT person, at, at_1, min(at_2) OVER later AS at_2, min(at_3) OVER later AS at_3 FROM stepped
    WINDOW later AS (PARTITION BY person ORDER BY at DESC ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
), cleaned AS (
    SELECT person, at, at_1, at_2, if(at_3 < at_2, NULL, at_3) AS at_3 FROM once
), twice AS (
    SELECT person, at_1, at_2, min(at_3) OVER later AS at_3 FROM cleaned
    WINDOW later AS (PARTITION BY person ORDER BY at DESC ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
), reached AS (
    SELECT person, max(multiIf(
        at_2 >= at_1 AND at_3 >= at_2 AND at_3 <= at_1 + INTERVAL 14 DAY, 3,
        at_2 >= at_1 AND at_2 <= at_1 + INTERVAL 14 DAY, 2, 1
    )) AS steps
    FROM twice WHERE at_1 IS NOT NULL GROUP BY person
)
SELECT person FROM reached WHERE steps = 3 ORDER BY person LIMIT 101
"""
_PERSONS_OF_TEAM = """
    JOIN (
        SELECT id FROM (
            SELECT id, argMax(properties, version) AS properties FROM persons_as_text GROUP BY id
        ) WHERE JSONExtractString(properties, 'plan') = 'team'
    ) AS p ON p.id = person
"""


def _layered(project_id: int, *, filtered: bool) -> float:
    statement = _LAYERED.format(
        where=_WHERE,
        join=_PERSONS_OF_TEAM if filtered else "",
        filter="AND JSONExtractString(e.properties, '$browser') = 'Chrome'" if filtered else "",
    )
    return _seconds(statement, project_id, names=["sign up", "add", "purchase"])


def _over_http(stack: Stack, project: Mapping[str, Any], key: str) -> Iterator[Result]:
    """What a client sees: an answer from the cache, and ten questions at once beside captures."""
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
        busy = _captures(http, project["api_token"], lambda: list(pool.map(ask, NAMES[3:13])))
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


_PERSON_ID = "toUUID(lower(hex(MD5(concat('person-', toString({number}))))))"
_CREATE_TEXT = """
CREATE TABLE events_as_text (
    project_id Int64, event LowCardinality(String), distinct_id String, person_id UUID, timestamp DateTime64(6, 'UTC'),
    properties String
)
ENGINE = MergeTree PARTITION BY toYYYYMM(timestamp)
ORDER BY (project_id, toDate32(timestamp), event, cityHash64(distinct_id))
"""
# The same rows whenever they are asked for.
_ROWS = """
SELECT {project}, [{names}][1 + cityHash64(number, 1) % {name_count}] AS event,
    'user-' || toString(cityHash64(number, 7) % {persons} AS who) AS distinct_id, {person} AS person_id,
    toDateTime64('2026-01-01 00:00:00', 6, 'UTC')
        + toIntervalMicrosecond(cityHash64(number, 2) % (50 * 86400 * 1000000)) AS timestamp,
    concat('{{"$browser":"', ['Chrome', 'Firefox', 'Safari'][1 + cityHash64(number, 3) % 3],
        '","$city":"City ', toString(cityHash64(number, 4) % 40), '",', {others}, '}}') AS properties
FROM numbers({start}, {count})
"""
_INTO_TEXT = "INSERT INTO events_as_text {rows}"
_INTO_EVENTS = """
INSERT INTO events (project_id, uuid, event, distinct_id, person_id, timestamp, received_at, properties)
SELECT {project}, generateUUIDv4(), event, distinct_id, person_id, timestamp, timestamp, CAST(properties AS JSON)
FROM ({rows})
"""
_PERSONS = """
INSERT INTO person (project_id, id, created_at, properties, version, is_deleted)
SELECT {project}, {person}, now64(6),
    CAST(concat('{{"email":"user-', toString(number), '@example.com","plan":"', ['free', 'team'][1 + number % 2], '"}}')
        AS JSON), 1, 0
FROM numbers({persons})
"""
_PERSONS_AS_TEXT = """
CREATE TABLE persons_as_text ENGINE = MergeTree ORDER BY id AS
SELECT id, version, toJSONString(properties) AS properties FROM person WHERE project_id = {project}
"""
_OVERRIDES = """
INSERT INTO person_distinct_id_overrides (project_id, distinct_id, person_id, version, is_deleted)
SELECT {project}, 'user-' || toString(number * 50), {person}, 1, 0 FROM numbers({overridden})
"""


def _fill(project_id: int) -> None:
    from core.clickhouse import client

    others = ", ',', ".join(
        f"""'"property {n}":"', toString(cityHash64(number, {100 + n}) % 1000), '"'"""
        for n in range(PROPERTIES - 2)
    )
    names = (*NAMES, "$pageview", "$pageview", "$pageview", "$autocapture")
    client.administer(_CREATE_TEXT)
    for start in range(0, EVENTS, PORTION):
        rows = _ROWS.format(
            project=project_id,
            names=", ".join(f"'{name}'" for name in names),
            name_count=len(names),
            persons=PERSONS,
            person=_PERSON_ID.format(number="who"),
            others=others,
            start=start,
            count=min(PORTION, EVENTS - start),
        )
        for statement in (_INTO_TEXT, _INTO_EVENTS):
            client.administer(statement.format(rows=rows, project=project_id))
    person = _PERSON_ID.format(number="number")
    client.administer(_PERSONS.format(project=project_id, person=person, persons=PERSONS))
    client.administer(_PERSONS_AS_TEXT.format(project=project_id))
    to = _PERSON_ID.format(number="number * 50 + 1")
    client.administer(_OVERRIDES.format(project=project_id, person=to, overridden=OVERRIDDEN))
