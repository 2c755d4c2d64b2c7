"""The data of the benchmark of insights: events and persons in ClickHouse, a second time as JSON text for comparison.

Events have the properties of a template, so that JSON is read once and not for each event. What is asked about (who,
what, when) is a hash of an event's number, and the same in both tables.
"""

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from core.clickhouse import client

EVENTS = int(os.environ.get("BENCH_INSIGHTS_EVENTS", "10000000"))
EVENTS_A_PERSON = 20
PERSONS = EVENTS // EVENTS_A_PERSON
OVERRIDDEN = PERSONS // 50
PROPERTIES = 30
#: The cohort that every second person is in.
COHORT = 1
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
#: As many as they are likely.
_DRAWN = (*NAMES, "$pageview", "$pageview", "$pageview", "$autocapture")
#: Events of the template, and of one insert: they fit into memory with all their properties.
PORTION = 250_000
#: Seconds that merges may go on after the last insert.
_MERGES = 600


def fill(project_id: int) -> None:
    """``EVENTS`` events of ``PERSONS`` persons in 50 days from 2026-01-01 on, with a bar on standard error."""
    for statement in _CREATE:
        client.administer(statement)
    with _bar() as progress, ThreadPoolExecutor(2) as pool:
        task = progress.add_task("events", total=EVENTS)
        client.administer(_TEMPLATE.format(others=_others(), rows=min(PORTION, EVENTS)))
        for start in range(0, EVENTS, PORTION):
            rows = _ROWS.format(
                project=project_id,
                names=", ".join(f"'{name}'" for name in _DRAWN),
                name_count=len(_DRAWN),
                persons=PERSONS,
                person=_person_id("who"),
                start=start,
                count=min(PORTION, EVENTS - start),
            )
            inserts = [statement.format(rows=rows) for statement in (_INTO_EVENTS, _INTO_TEXT)]
            list(pool.map(client.administer, inserts))
            progress.update(task, advance=min(PORTION, EVENTS - start))
        client.administer(_PERSONS.format(project=project_id, person=_person_id("number"), persons=PERSONS))
        for statement in (_PERSONS_AS_TEXT, _MEMBERS):
            client.administer(statement.format(project=project_id, cohort=COHORT))
        to = _person_id("number * 50 + 1")
        client.administer(_OVERRIDES.format(project=project_id, person=to, overridden=OVERRIDDEN))
        client.administer(_IDS.format(project=project_id, person=_person_id("number"), persons=PERSONS))
        progress.add_task("merges", total=None)
        _wait_for_merges()


@contextmanager
def _bar() -> Iterator[Progress]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        yield progress


def _others() -> str:
    """The properties that nothing asks for, as a part of a JSON text."""
    return ", ',', ".join(
        f"""'"property {n}":"', toString(cityHash64(number, {100 + n}) % 1000), '"'"""
        for n in range(PROPERTIES - 2)
    )


def _person_id(number: str) -> str:
    return f"toUUID(lower(hex(MD5(concat('person-', toString({number}))))))"


def _wait_for_merges() -> None:
    until = time.monotonic() + _MERGES
    while client.inspect("SELECT 1 FROM system.merges LIMIT 1") and time.monotonic() < until:
        time.sleep(0.5)


_CREATE = (
    "CREATE TABLE template (place UInt32, text String, properties JSON) ENGINE = MergeTree ORDER BY place",
    """CREATE TABLE events_as_text (
        project_id Int64, event LowCardinality(String), distinct_id String, person_id UUID,
        timestamp DateTime64(6, 'UTC'), properties String
    )
    ENGINE = MergeTree PARTITION BY toYYYYMM(timestamp)
    ORDER BY (project_id, toDate32(timestamp), event, cityHash64(distinct_id))""",
)
_TEMPLATE = """
INSERT INTO template
SELECT number AS place,
    concat('{{"$browser":"', ['Chrome', 'Firefox', 'Safari'][1 + cityHash64(number, 3) % 3],
        '","$city":"City ', toString(cityHash64(number, 4) % 40), '",', {others}, '}}') AS text,
    CAST(text AS JSON)
FROM numbers({rows})
"""
_ROWS = """
SELECT {project} AS project_id, place + {start} AS number,
    [{names}][1 + cityHash64(number, 1) % {name_count}] AS event,
    'user-' || toString(cityHash64(number, 7) % {persons} AS who) AS distinct_id, {person} AS person_id,
    toDateTime64('2026-01-01 00:00:00', 6, 'UTC')
        + toIntervalMicrosecond(cityHash64(number, 2) % (50 * 86400 * 1000000)) AS timestamp,
    text, properties
FROM template WHERE place < {count}
"""
_INTO_EVENTS = """
INSERT INTO events (project_id, uuid, event, distinct_id, person_id, timestamp, received_at, properties)
SELECT project_id, generateUUIDv4(), event, distinct_id, person_id, timestamp, timestamp, properties FROM ({rows})
"""
_INTO_TEXT = """
INSERT INTO events_as_text SELECT project_id, event, distinct_id, person_id, timestamp, text FROM ({rows})
"""
_PERSONS = """
INSERT INTO person (project_id, id, created_at, properties, version, is_deleted)
SELECT {project}, {person}, toDateTime64('2026-01-01 00:00:00', 6, 'UTC') + toIntervalSecond(number % (50 * 86400)),
    CAST(concat('{{"email":"user-', toString(number), '@example.com","plan":"', ['free', 'team'][1 + number % 2], '"}}')
        AS JSON), 1, 0
FROM numbers({persons})
"""
_PERSONS_AS_TEXT = """
CREATE TABLE persons_as_text ENGINE = MergeTree ORDER BY (project_id, id) AS
SELECT project_id, id, version, is_deleted, toJSONString(properties) AS properties FROM person
WHERE project_id = {project}
"""
_MEMBERS = """
INSERT INTO cohort_members (project_id, cohort_id, person_id, person_version, version, is_deleted)
SELECT project_id, {cohort}, id, 1, 1, 0 FROM person
WHERE project_id = {project} AND properties.plan.:String = 'team'
"""
_OVERRIDES = """
INSERT INTO person_distinct_id_overrides (project_id, distinct_id, person_id, version, is_deleted)
SELECT {project}, 'user-' || toString(number * 50), {person}, 1, 0 FROM numbers({overridden})
"""
_IDS = """
INSERT INTO person_distinct_id (project_id, distinct_id, person_id, version, is_deleted)
SELECT {project} AS project_id, 'user-' || toString(number) AS distinct_id, {person} AS person_id, 0 AS version,
    0 AS is_deleted
FROM numbers({persons})
UNION ALL SELECT project_id, distinct_id, person_id, version, is_deleted FROM person_distinct_id_overrides
WHERE project_id = {project}
"""
