"""Walking from page to page of a large project while others write: everybody who is left alone comes exactly once.

``PERSONS_API_WALK`` is the number of persons.
"""

import os
import random
import threading
import time
from collections import Counter
from typing import Any
from uuid import UUID

import httpx
from django.db import connection

from core.models import Person
from core.outbox.drain import drain
from tests.clients import ProjectClient, bearer, event
from tests.persons import stores_agree

PERSONS = int(os.environ.get("PERSONS_API_WALK", "20000"))
PAGE = 1000 if PERSONS >= 100_000 else 200
WRITES_A_SECOND = 50

#: As if they had been captured: with what waits for ClickHouse, so that both stores agree in the end.
_PERSONS = """
WITH new AS (
    INSERT INTO core_person (project_id, uuid, properties, is_identified, version, created_at)
    SELECT %(project_id)s, gen_random_uuid(), jsonb_build_object('n', n::text), false, 0,
        timestamptz '2026-01-01' + (n / 10) * interval '1 second'
    FROM generate_series(1, %(persons)s) AS n
    RETURNING id, uuid, created_at, properties, 'u' || (properties->>'n') AS distinct_id
), ids AS (
    INSERT INTO core_persondistinctid (project_id, person_id, distinct_id, version)
    SELECT %(project_id)s, id, distinct_id, 0 FROM new
)
INSERT INTO core_outbox (project_id, target, line)
SELECT %(project_id)s, 'person', json_build_object(
    'project_id', %(project_id)s, 'id', uuid, 'created_at',
    to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
    'properties', properties, 'typed_keys', '[]'::json, 'is_identified', false, 'version', 0, 'is_deleted', 0)::text
FROM new
UNION ALL
SELECT %(project_id)s, 'person_distinct_id', json_build_object(
    'project_id', %(project_id)s, 'distinct_id', distinct_id, 'person_id', uuid, 'version', 0, 'is_deleted', 0)::text
FROM new
"""


class Writer(threading.Thread):
    """Fifty times a second: a birth, a changed property, a merge or a deletion. ``touched`` are the persons of before
    that may come, or not, or twice.
    """

    def __init__(self, project: ProjectClient) -> None:
        super().__init__()
        self.project = project
        self.touched: set[str] = set()
        self.written = 0
        self.stop = threading.Event()

    def run(self) -> None:
        chance = random.Random(1)
        started = time.monotonic()
        with httpx.Client(base_url=self.project.http.base_url, timeout=60) as http:
            while not self.stop.is_set():
                self._write(http, chance)
                self.written += 1
                self.stop.wait(max(0.0, started + self.written / WRITES_A_SECOND - time.monotonic()))

    def _write(self, http: httpx.Client, chance: random.Random) -> None:
        old, other = (f"u{chance.randint(1, PERSONS)}" for _ in range(2))
        match self.written % 4:
            case 0:
                self._capture(http, event("a", f"new{self.written}"))
            case 1:
                self._touch(old)
                self._capture(http, event("$set", old, properties={"$set": {"x": self.written}}))
            case 2:
                self._touch(old, other)
                self._capture(http, event("$merge_dangerously", old, properties={"alias": other}))
            case _:
                self._touch(old)
                http.post(
                    f"{self.project.persons_url}{self._uuid(old)}/split/", headers=bearer(self.project.key)
                )
                http.delete(f"{self.project.persons_url}{self._uuid(old)}/", headers=bearer(self.project.key))

    def _capture(self, http: httpx.Client, one: dict[str, Any]) -> None:
        assert http.post("/batch/", json={"api_key": self.project.token, "batch": [one]}).status_code == 200

    def _touch(self, *distinct_ids: str) -> None:
        self.touched |= {self._uuid(distinct_id) for distinct_id in distinct_ids}

    def _uuid(self, distinct_id: str) -> str:
        with connection.cursor() as cursor:
            cursor.execute(
                """SELECT p.uuid FROM core_persondistinctid m JOIN core_person p ON p.id = m.person_id
                WHERE m.project_id = %s AND m.distinct_id = %s""",
                [self.project.id, distinct_id],
            )
            row = cursor.fetchone()
        return str(row[0]) if row else str(UUID(int=0))


def test_everybody_who_is_left_alone_comes_once(project: ProjectClient) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_PERSONS, {"project_id": project.id, "persons": PERSONS})
        cursor.execute("ANALYZE core_person, core_persondistinctid")
    before = {str(uuid) for uuid in Person.objects.for_project(project.id).values_list("uuid", flat=True)}
    writer = Writer(project)
    writer.start()

    seen: Counter[str] = Counter()
    url: str | None = f"{project.persons_url}?limit={PAGE}"
    while url:
        answer = project.get(url).json()
        seen.update(row["uuid"] for row in answer["results"])
        url = answer["next"]
    writer.stop.set()
    writer.join()

    assert writer.written > 20
    # Those who were there from the beginning are still on their way to ClickHouse when there are many.
    assert drain(timeout_seconds=20 + PERSONS / 2_000) == 0
    assert stores_agree(project)
    untouched = before - writer.touched
    assert {uuid: seen[uuid] for uuid in untouched if seen[uuid] != 1} == {}
