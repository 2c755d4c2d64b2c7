"""Claim: on 10 M events, a page of the persons of a 3-step, 14-day funnel takes at most 3 times as long as
``uniqExact(person_id)`` over the same rows, measured in the same run.

500,000 persons, nine event names over 28 days, in a chDB folder of its own, through the queries that the
server uses. Best of five.
``BENCH_FUNNEL_EVENTS`` changes the number of events.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import chdb
from clickhouse_connect.driver.binding import bind_query

from benchmarks.harness import Result, best_of
from core.filters.properties import PropertyGroup
from core.sql.text import Sql, sql
from insights.filters.funnel import FunnelPersons, read_funnel_persons
from insights.filters.project import ProjectFacts
from insights.queries.funnel import persons
from insights.queries.funnel_groups import groups
from insights.queries.funnel_reached import steps_reached
from insights.sql.events_between import events_between
from insights.sql.person_of_event import persons_of_events

EVENTS = int(os.environ.get("BENCH_FUNNEL_EVENTS", "10000000"))
EVENTS_A_PERSON = 20
OVERRIDES = 20_000
GROUPS = 5_000
PROJECT = 1
SCHEMA = Path(__file__).parent.parent / "core" / "clickhouse" / "schema"

NAMED: list[dict[str, Any]] = [
    {"id": "sign up"},
    {"id": "add to cart", "order": 1},
    {"id": "purchase", "order": 2},
]
#: The second step is part of the first, so one event could fill both.
SHARED: list[dict[str, Any]] = [
    {"id": "$pageview"},
    {
        "id": "$pageview",
        "order": 1,
        "properties": [{"key": "$current_url", "operator": "icontains", "value": "1"}],
    },
    {"id": "purchase", "order": 2},
]
TEAM = [{"key": "plan", "value": "team", "type": "person"}]
CHROME = [{"key": "$browser", "value": "Chrome"}]

_PERSON_ID = "reinterpretAsUUID(sipHash128(toUInt64({number})))"
_NAMES = """['$pageview', '$pageview', '$pageview', '$autocapture', '$autocapture', 'sign up', 'add to cart',
    'purchase', '$identify', 'search', 'share', 'invite']"""


class Engine:
    def __init__(self, folder: str) -> None:
        self.connection: Any = chdb.connect(folder)

    def run(self, statement: str) -> None:
        self.connection.query(statement)

    def seconds(self, query: Sql) -> float:
        text, parameters = query.rendered()
        bound, values = bind_query(text, {**parameters, "project_id": PROJECT})
        values = {name.removeprefix("param_"): value for name, value in values.items()}
        return best_of(5, lambda: self.connection.query(bound, "JSONCompactEachRow", params=values))


def run() -> Iterator[Result]:
    folder = tempfile.mkdtemp(prefix="persons-api-bench-")
    try:
        engine = Engine(folder)
        _fill(engine)
        yield from _measure(engine)
        engine.connection.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _measure(engine: Engine) -> Iterator[Result]:
    named, shared = _question(NAMED), _question(SHARED)
    floor, shared_floor = engine.seconds(_distinct_persons(named)), engine.seconds(_distinct_persons(shared))
    yield Result("floor: uniqExact(person_id), three names", floor, "s")
    for name, query, aim in (
        ("how many converted", _converted(named), "3, better 2.5"),
        ("a page of persons", persons(named, overridden=False), "3, better 2.5"),
        ("the page at offset 10,000", persons(_question(NAMED, offset=10_000), overridden=False), "3"),
        ("a page, person filter", persons(_question(NAMED, properties=TEAM), overridden=False), ""),
        ("a page, event filter", persons(_question(NAMED, properties=CHROME), overridden=False), ""),
    ):
        yield from _compared(name, engine.seconds(query), floor, aim)
    yield Result("floor of overlapping steps: uniqExact(person_id), two names", shared_floor, "s")
    page = engine.seconds(persons(shared, overridden=False))
    yield from _compared("a page of persons, overlapping steps", page, shared_floor, "")
    by_group = _question(NAMED, aggregation_group_type_index=0)
    yield from _compared(
        f"a page of {GROUPS:,} groups", engine.seconds(groups(by_group, overridden=False)), floor, ""
    )
    _move_distinct_ids(engine)
    page = engine.seconds(persons(named, overridden=True))
    yield from _compared(f"a page of persons, {OVERRIDES:,} overrides", page, floor, "")


def _compared(name: str, seconds: float, floor: float, aim: str) -> Iterator[Result]:
    yield Result(name, seconds, "s")
    yield Result(f"{name}, times the floor", seconds / floor, "x", aim)


def _question(steps: list[dict[str, Any]], **given: Any) -> FunnelPersons:
    dates = {"date_from": "2026-01-01", "date_to": "2026-01-14"}
    return read_funnel_persons(
        {"events": steps, "funnel_step": 3, **dates, **given},
        project=ProjectFacts(PROJECT),
        now=datetime(2026, 1, 28, tzinfo=UTC),
    )


def _distinct_persons(question: FunnelPersons) -> Sql:
    names = [step.id for step in question.funnel.steps if step.id is not None]
    where = events_between(question.funnel.dates, PropertyGroup(), persons_of_events(overridden=False), names)
    return sql("SELECT uniqExact(e.person_id) FROM events AS e WHERE {where}", where=where)


def _converted(question: FunnelPersons) -> Sql:
    reached = steps_reached(question.funnel, PropertyGroup(), persons_of_events(overridden=False))
    return sql("SELECT count() FROM ({reached}) WHERE reached = 3", reached=reached)


def _fill(engine: Engine) -> None:
    for file in sorted(SCHEMA.glob("*.sql")):
        for statement in (file.read_text() + "\n").split(";\n"):
            if statement.strip():
                engine.run(statement)
    count = EVENTS // EVENTS_A_PERSON
    person_id = _PERSON_ID.format(number="person")
    engine.run(f"""
        INSERT INTO events (project_id, uuid, event, distinct_id, person_id, person_mode,
            timestamp, received_at, properties, typed_keys, group_0)
        SELECT {PROJECT}, generateUUIDv4(), {_NAMES}[1 + rand(1) % 12],
            'user-' || toString(person), {person_id}, 'full',
            toDateTime64('2026-01-01 00:00:00', 6, 'UTC')
                + toIntervalMicrosecond(rand64(2) % (28 * 86400 * 1000000)) AS at,
            at,
            CAST(concat('{{"$browser":"', ['Chrome', 'Firefox', 'Safari'][1 + rand(3) % 3],
                '","$current_url":"https://example.com/', toString(rand(4) % 50),
                '","price":"', toString(rand(5) % 1000), '"}}') AS JSON),
            ['price'], 'company-' || toString(person % {GROUPS})
        FROM (SELECT rand(7) % {count} AS person FROM numbers({EVENTS}))""")
    engine.run(f"""
        INSERT INTO person (project_id, id, created_at, properties, typed_keys, is_identified, version, is_deleted)
        SELECT {PROJECT}, {person_id}, now64(6),
            CAST(concat('{{"email":"user-', toString(person), '@example.com",',
                '"plan":"', ['free', 'team'][1 + person % 2], '"}}') AS JSON),
            [], 1, 1, 0
        FROM (SELECT number AS person FROM numbers({count}))""")


def _move_distinct_ids(engine: Engine) -> None:
    to = _PERSON_ID.format(number="number * 7 + 1")
    engine.run(f"""
        INSERT INTO person_distinct_id_overrides (project_id, distinct_id, person_id, version, is_deleted)
        SELECT {PROJECT}, 'user-' || toString(number * 7), {to}, 1, 0 FROM numbers({OVERRIDES})""")
