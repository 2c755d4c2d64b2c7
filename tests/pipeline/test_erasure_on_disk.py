"""Erased and scrubbed, nothing about a person is in any file of the data folder, in any table, or in Valkey.

Secrets are planted wherever something about a person may be kept, each place with one of its own. They are random, so
they stand literally in what ClickHouse's compression writes, except where a block has them twice; blocks are also taken
apart. The same search finds every one of them before the erasure: one that finds nothing proves nothing.
"""

import json
import random
import re
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import httpx
import psycopg
import pytest
import redis
from psycopg import sql

from core.outbox.deliver import LOCK_SPACE
from core.outbox.freeze import EVENTS, TARGETS
from tests.clients import bearer, event
from tests.stack import Stack, free_port, temporary_stack

_DICE = random.SystemRandom()
#: Where a secret is planted. Small letters and digits: an index of ClickHouse has texts in small letters only.
PLACES = (
    "person property",
    "name of a person property",
    "property changed by the API",
    "event property",
    "name of an event property",
    "waiting event property",
    "refused event",
    "distinct id",
    "distinct id of a visitor",
    "distinct id of a merged person",
    "property of a merged person",
    "distinct id of a person split off",
    "distinct id in a file for a cohort",
    "property in a kept answer",
    "asked for",
)
EVERYBODY = 40
PATIENCE = 60


def secret() -> str:
    return "".join(_DICE.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=28))


@pytest.fixture
def stack() -> Iterator[Stack]:
    with temporary_stack() as running:
        yield running


class Client:
    """A project of the stack, and a key that may do everything."""

    def __init__(self, stack: Stack) -> None:
        project = json.loads(stack.command("create-project", "--name", "scrub", "--json"))
        key = json.loads(stack.command("create-key", "--label", "scrub", "--scopes", "*", "--json"))["key"]
        self.id: int = project["id"]
        self.token: str = project["api_token"]
        self.root = f"/api/projects/{self.id}/"
        self.persons = f"{self.root}persons/"
        self.http = httpx.Client(base_url=stack.url, headers=bearer(key), timeout=60)

    def capture(self, *events: dict[str, Any]) -> None:
        body = {"api_key": self.token, "batch": list(events)}
        self.http.post("/batch/", json=body).raise_for_status()

    def upload(self, text: str) -> None:
        """A file of persons for a static cohort."""
        files = {"csv": ("persons.csv", text, "text/csv")}
        cohort = {"name": "from a file", "is_static": "true"}
        self.http.post(f"{self.root}cohorts/", data=cohort, files=files).raise_for_status()

    def uuid(self, distinct_id: str) -> str:
        (row,) = self.http.get(self.persons, params={"distinct_id": distinct_id}).json()["results"]
        return str(row["uuid"])

    def post(self, path: str, body: object, **headers: str) -> Any:
        return self.http.post(f"{self.persons}{path}", json=body, headers=headers).raise_for_status().json()

    def get(self, path: str, **params: str) -> None:
        self.http.get(f"{self.persons}{path}", params=params)

    def wait_until_erased(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while self.http.get(f"{self.persons}deletion_status/", params={"status": "pending"}).json()["count"]:
            assert time.monotonic() < deadline


@contextmanager
def no_events_are_delivered(stack: Stack) -> Iterator[None]:
    with psycopg.connect(stack.environment["DATABASE_URL"], autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s, %s)", [LOCK_SPACE, TARGETS.index(EVENTS)])
        yield


def plant(client: Client, of: dict[str, str]) -> list[str]:
    """What becomes of a person whom the server knows well; the uuids of everybody who is to be erased."""
    main, visitor, merged = (
        of["distinct id"],
        of["distinct id of a visitor"],
        of["distinct id of a merged person"],
    )
    split = of["distinct id of a person split off"]
    # Of a receiver that is away: what it is to be told waits.
    webhook = {"url": f"http://127.0.0.1:{free_port()}/", "events": ["person.updated", "person.merged"]}
    client.http.post(f"{client.root}webhooks/", json=webhook).raise_for_status()
    # When the file comes it names nobody.
    in_file = of["distinct id in a file for a cohort"]
    client.upload(f"somebody 1\n{in_file}\n{of['person property']}\n")
    client.capture(*(event("a", f"somebody {n}", properties={"$set": {"n": n}}) for n in range(EVERYBODY)))
    client.capture(
        event("a", visitor),
        event("a", merged, properties={"$set": {"name": of["property of a merged person"]}}),
        event("a", main, properties={"$set": {"email": of["person property"]}}),
        event("a", main, properties={"$set": {of["name of a person property"]: 1}}),
        event("b", main, properties={"text": of["event property"], of["name of an event property"]: [1]}),
        event("$identify", main, properties={"$anon_distinct_id": visitor}),
        event("$create_alias", main, properties={"alias": in_file}),
    )
    uuid = client.uuid(main)
    client.post(f"{uuid}/merge/", {"distinct_id": merged})
    client.post(f"{uuid}/update_property/", {"key": "city", "value": of["property changed by the API"]})
    kept = {"key": "plan", "value": of["property in a kept answer"]}
    client.post(f"{uuid}/update_property/", kept, **{"Idempotency-Key": "once"})
    # Somebody who stays, and from whom one is split off who goes. The event that ties them is of the latter.
    ties = event("$identify", split, properties={"$anon_distinct_id": "somebody 0"})
    client.capture(ties, event("b", split))
    client.post(f"{client.uuid('somebody 0')}/split/", {"distinct_ids_to_split": [split]})
    return [uuid, client.uuid(split)]


def ask_about(client: Client, of: dict[str, str]) -> None:
    """Questions and mistakes with a secret in them: they come to the logs, to Valkey and to ClickHouse."""
    asked = of["asked for"]
    has = json.dumps([{"key": "email", "value": asked, "operator": "icontains", "type": "person"}])
    steps = json.dumps([{"id": "a", "order": 0}, {"id": "b", "order": 1}])
    client.get("", distinct_id=asked)
    client.get("", search=asked)
    client.get("", search=of["person property"][3:20])
    client.get("", properties=has)
    client.get("", properties=has, limit=asked)
    client.get(f"{asked}/")
    client.get("values/", key="email", value=asked)
    client.get("values/", key="email")
    client.get("properties/")
    client.get("properties_at_time/", distinct_id=of["distinct id"], timestamp="2027-01-01T00:00:00Z")
    client.get("funnel/", events=steps, funnel_step="1", properties=has)
    client.get("funnel/", events=steps, funnel_step="1")
    # Answers that have values of persons in them.
    by_email = {"events": json.dumps([{"id": "a"}]), "breakdown": "email", "breakdown_type": "person"}
    for more in ({}, {"async": "true"}):
        client.http.get(f"{client.root}insights/trend/", params={**by_email, **more}).raise_for_status()
    client.get(".csv")
    client.http.post(
        f"{client.persons}batch_by_distinct_ids/", json={"distinct_ids": [of["distinct id"], asked]}
    )
    client.http.post(f"{client.persons}bulk_delete/", json={"distinct_ids": [asked], "dry_run": asked})
    client.http.post("/batch/", content=f'{{"api_key": "{asked}"'.encode())


def refuse(stack: Stack, client: Client, of: dict[str, str]) -> None:
    """What is left of an event that ClickHouse would not take."""
    line = {
        "project_id": client.id,
        "uuid": "11111111-1111-4111-8111-111111111111",
        "event": "x",
        "distinct_id": of["distinct id"],
        "received_at": "2026-01-01 00:00:00.000000",
        "properties": {"text": of["refused event"]},
    }
    with psycopg.connect(stack.environment["DATABASE_URL"]) as database:
        database.execute(
            "INSERT INTO core_undeliverable (target, line, error, created_at) VALUES ('events', %s, 'no', now())",
            [json.dumps(line)],
        )


def write_tables_of_postgresql(stack: Stack) -> None:
    """Into their files: in the log of what is written (WAL), where a row is first, a page may end within a text. Files
    of the log lie ready to be used again after that, with what is in them.
    """
    with psycopg.connect(stack.environment["DATABASE_URL"], autocommit=True) as database:
        for _ in range(3):
            database.execute("SELECT pg_switch_wal()")
            database.execute("CHECKPOINT")


def blocks(data: bytes) -> Iterator[bytes]:
    """What is in a compressed file of ClickHouse: checksum, method (LZ4), both sizes, as many bytes, and again."""
    place = 16
    while place + 9 <= len(data) and data[place] == 0x82:
        end = place + int.from_bytes(data[place + 1 : place + 5], "little")
        yield unpacked(data[place + 9 : end])
        place = end + 16


def unpacked(block: bytes) -> bytes:
    """A block of LZ4: bytes as they are, then how far back and how long to copy, again and again."""
    whole, place = bytearray(), 0
    while place < len(block):
        token, place = block[place], place + 1
        length, place = _length(block, token >> 4, place)
        whole += block[place : place + length]
        place += length
        if place < len(block):
            start = len(whole) - int.from_bytes(block[place : place + 2], "little")
            length, place = _length(block, token & 15, place + 2)
            for offset in range(start, start + length + 4):
                whole.append(whole[offset])
    return bytes(whole)


def _length(block: bytes, short: int, place: int) -> tuple[int, int]:
    """A length that begins with four bits, and where it ends."""
    length, more = short, 255 if short == 15 else 0
    while more == 255:
        more, place = block[place], place + 1
        length += more
    return length, place


def files_with(folder: Path, secrets: dict[str, str]) -> dict[str, set[str]]:
    """By place of a secret: where it is found, in contents or in a name."""
    place_of = {text.encode(): place for place, text in secrets.items()}
    pattern = re.compile(b"|".join(place_of), re.IGNORECASE)
    found: dict[str, set[str]] = defaultdict(set)
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        texts = [name.encode()]
        try:
            if path.is_file():
                data = path.read_bytes()
                texts += [data, *blocks(data)]
        except FileNotFoundError:  # gone since it was listed
            continue
        for text in texts:
            for match in pattern.findall(text):
                found[place_of[match.lower()]].add(name)
    return found


# A set cannot be read; those that there are live in memory.
_TABLES = """
SELECT database, name FROM system.tables
WHERE database NOT IN ('system', 'INFORMATION_SCHEMA', 'information_schema') AND engine NOT LIKE '%View'
    AND engine != 'Set'
"""
#: Tables of the server itself in which a statement or a name could be kept.
_SYSTEM = ("mutations", "processes", "parts", "parts_columns", "errors", "warnings")


def tables_with(stack: Stack, secrets: dict[str, str]) -> dict[str, set[str]]:
    """By place of a secret: tables of ClickHouse with a row that has it."""
    client = stack.clickhouse()
    tables = [*client.query(_TABLES).result_rows, *(("system", name) for name in _SYSTEM)]
    found: dict[str, set[str]] = defaultdict(set)
    for database, table in tables:
        rows = client.raw_query(f"SELECT * FROM {database}.`{table}`", fmt="JSONEachRow").decode().lower()
        for place, text in secrets.items():
            if text in rows:
                found[place].add(f"{database}.{table}")
    return found


def postgresql_with(stack: Stack, secrets: dict[str, str]) -> dict[str, set[str]]:
    """By place of a secret: tables of PostgreSQL with a row that has it."""
    found: dict[str, set[str]] = defaultdict(set)
    with psycopg.connect(stack.environment["DATABASE_URL"]) as database:
        tables = database.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (table,) in tables:
            rows = database.execute(sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(table)))
            text = "\n".join(row for (row,) in rows)
            for place, one in secrets.items():
                if one in text:
                    found[place].add(table)
    return found


def valkey_with(stack: Stack, secrets: dict[str, str]) -> dict[str, set[str]]:
    """By place of a secret: keys of Valkey that have it in their name or in their value."""
    client: Any = redis.Redis.from_url(stack.environment["VALKEY_URL"])
    found: dict[str, set[str]] = defaultdict(set)
    for key in client.scan_iter(count=1000):
        kind = client.type(key)
        if kind == b"none":
            continue  # It has expired since it was listed.
        values: Any = {
            b"string": lambda key: client.get(key),
            b"hash": lambda key: client.hgetall(key),
            b"list": lambda key: client.lrange(key, 0, -1),
            b"set": lambda key: client.smembers(key),
            b"zset": lambda key: client.zrange(key, 0, -1),
        }[cast(bytes, kind)](key)
        text = f"{key!r} {values!r}"
        for place, one in secrets.items():
            if one in text:
                found[place].add(key.decode())
    return found


#: Tables of PostgreSQL in which something is planted; of ClickHouse's refusals and buffers there are places.
TABLES = {
    "core_activityentry",
    "core_cohortuploadpart",
    "core_eventbuffer",
    "core_idempotentrequest",
    "core_identitychange",
    "core_person",
    "core_persondistinctid",
    "core_undeliverable",
    "core_webhookdelivery",
}


def test_nothing_is_left_in_any_file(stack: Stack) -> None:
    secrets = {place: secret() for place in PLACES}
    client = Client(stack)
    uuids = plant(client, secrets)
    stack.command("drain")
    ask_about(client, secrets)
    refuse(stack, client, secrets)

    with no_events_are_delivered(stack):
        waiting = {"text": secrets["waiting event property"]}
        client.capture(event("c", secrets["distinct id"], properties=waiting))
        write_tables_of_postgresql(stack)
        before = files_with(stack.folder, secrets)
        in_tables = tables_with(stack, secrets)
        in_postgresql, in_valkey = postgresql_with(stack, secrets), valkey_with(stack, secrets)
        answer = client.post("bulk_delete/", {"ids": uuids, "delete_events": True})
        assert answer["persons_deleted"] == 2
        client.wait_until_erased()
    assert postgresql_with(stack, secrets) == {}
    # What was asked is not known to be about anybody.
    assert set(valkey_with(stack, secrets)) <= {"asked for"}
    stack.command("scrub", "--full")

    planted = set(PLACES) - {"asked for"}
    assert set(before) >= planted
    in_clickhouse = planted - {"waiting event property", "refused event", "property in a kept answer"}
    assert {place for place, names in before.items() if any("clickhouse/" in name for name in names)} >= (
        in_clickhouse
    )
    assert set(in_tables) >= in_clickhouse
    assert set().union(*in_postgresql.values()) == TABLES
    assert len(in_valkey["person property"]) >= 2
    assert nothing_but_names(tables_with(stack, secrets), "system.parts_columns")
    assert nothing_but_names(files_with(stack.folder, secrets), "clickhouse/")
    stack.command("doctor")

    # What a part had only in memory it may write at its end.
    assert stack.stop() == 0
    assert nothing_but_names(files_with(stack.folder, secrets), "clickhouse/")


def nothing_but_names(found: dict[str, set[str]], beginning: str) -> bool:
    """Which names properties have had stays in the structure of ClickHouse's columns: docs/howto/erase-a-person.md."""
    names = {"name of a person property", "name of an event property"}
    assert {place: where for place, where in found.items() if place not in names} == {}
    return all(one.startswith(beginning) for where in found.values() for one in where)
