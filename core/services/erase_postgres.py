"""PostgreSQL's side of an erasure: what is on its way to ClickHouse, what ClickHouse refused, and who else's records
name the erased.

Every step may be repeated. Rows found are counted for the request that they belong to; of two requests about the
same distinct id one gets them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from core.models import DeletionRequest, Outbox
from core.outbox.freeze import NO_FREEZE
from core.services.cohorts.forget_named import count_files_naming, forget_rows_naming
from core.services.idempotency import count_answers_naming, forget_answers_naming
from core.services.journal import count_changes_naming, forget_changes_naming
from core.services.record_activity import count_entries_naming, forget_distinct_ids
from core.services.webhooks.forget import count_deliveries_naming, forget_deliveries_naming

#: Rows by request and store.
Counts = Mapping[int, Counter[str]]

#: Stores that are counted in PostgreSQL, as receipts name them.
EVENTS, CHANGES, UNDELIVERABLE = "postgres_events", "postgres_changes", "postgres_undeliverable"
TRACES = "postgres_traces"


@dataclass(frozen=True, slots=True)
class Request:
    """A pending request as the worker read it."""

    id: int
    project_id: int
    person_uuid: UUID
    stage: DeletionRequest.Stage
    revision: int
    erases_person: bool
    erases_events: bool
    asked_at: datetime
    #: Uuids and versions: rows of ClickHouse about them go below these.
    persons: Sequence[tuple[UUID, int]]


@dataclass(frozen=True, slots=True)
class CoveredId:
    """A distinct id of a request: ``core.models.deletion.DeletionId``."""

    request_id: int
    project_id: int
    distinct_id: str
    moment: datetime
    version: int | None


@dataclass(frozen=True, slots=True)
class Batch:
    """Requests that are carried out together, and their distinct ids."""

    requests: Sequence[Request]
    ids: Sequence[CoveredId]

    @property
    def request_ids(self) -> list[int]:
        return [request.id for request in self.requests]


# Both for themselves, and joined by hash (``_BY_HASH``): every line is read once, and not once for every name.
_COVERED = """
covered AS MATERIALIZED (
    SELECT i.request_id, i.project_id, i.distinct_id, i.version,
        -- Before all events, where none are to go.
        CASE WHEN r.erases_events THEN i.moment ELSE '-infinity' END AS moment
    FROM core_deletionid i JOIN core_deletionrequest r ON r.id = i.request_id
    WHERE i.request_id = ANY(%(requests)s)
)
"""
_PERSONS = """
persons AS MATERIALIZED (
    SELECT r.id AS request_id, r.project_id, one->>0 AS uuid, (one->>1)::bigint AS version
    FROM core_deletionrequest r, jsonb_array_elements(r.persons) AS one
    WHERE r.id = ANY(%(requests)s)
)
"""
_FROZEN = "SELECT unnest(row_ids) FROM core_deliverybatch"

_IN_BUFFER = """
b.project_id = c.project_id AND b.distinct_id = c.distinct_id AND b.created_at <= c.moment
"""
_ABOUT_ID = f"""
o.project_id = c.project_id AND o.line::json->>'distinct_id' = c.distinct_id
    AND o.target IN ('{Outbox.Target.FIRST_ID}', '{Outbox.Target.OVERRIDE}')
    AND (o.line::json->>'version')::bigint
"""
_ABOUT_PERSON = f"""
o.project_id = p.project_id AND o.line::json->>'id' = p.uuid AND o.target = '{Outbox.Target.PERSON}'
    AND (o.line::json->>'version')::bigint < p.version
"""

_REMOVE_EVENTS = f"""
WITH {_COVERED}, gone AS (
    DELETE FROM core_eventbuffer b USING covered c
    WHERE {_IN_BUFFER} AND b.id NOT IN ({_FROZEN} WHERE target = 'events')
    RETURNING c.request_id
)
SELECT request_id, '{EVENTS}', count(*) FROM gone GROUP BY 1
"""  # noqa: S608 - put together from constants

# The last row of each, which says that it is no more, goes its way: ClickHouse must not believe otherwise.
_REMOVE_CHANGES = f"""
WITH {_COVERED}, {_PERSONS}, of_ids AS (
    DELETE FROM core_outbox o USING covered c
    WHERE {_ABOUT_ID} < c.version AND o.id NOT IN ({_FROZEN} WHERE target <> 'events')
    RETURNING c.request_id
), of_persons AS (
    DELETE FROM core_outbox o USING persons p
    WHERE {_ABOUT_PERSON} AND o.id NOT IN ({_FROZEN} WHERE target <> 'events')
    RETURNING p.request_id
)
SELECT request_id, '{CHANGES}', count(*) FROM (SELECT * FROM of_ids UNION ALL SELECT * FROM of_persons) gone GROUP BY 1
"""  # noqa: S608 - put together from constants

# Of rows that were refused only the line tells the project; one that is no JSON is nobody's.
_REFUSED = f"""
refused AS (
    SELECT id, target, line, (line::json->>'project_id')::bigint AS project_id
    FROM (SELECT id, target, CASE WHEN line IS JSON OBJECT THEN line ELSE '{{}}' END AS line FROM core_undeliverable) r
), mine AS (
    SELECT o.id, c.request_id FROM refused o JOIN covered c ON
        o.project_id = c.project_id AND o.line::json->>'distinct_id' = c.distinct_id AND o.target = 'events'
        AND (o.line::json->>'received_at')::timestamp AT TIME ZONE 'UTC' <= c.moment
    UNION SELECT o.id, c.request_id FROM refused o JOIN covered c ON {_ABOUT_ID} <= c.version
    UNION SELECT o.id, p.request_id FROM refused o JOIN persons p ON {_ABOUT_PERSON}
)
"""  # noqa: S608 - put together from constants
_REMOVE_REFUSED = f"""
WITH {_COVERED}, {_PERSONS}, {_REFUSED}, gone AS (
    DELETE FROM core_undeliverable u USING mine WHERE u.id = mine.id RETURNING mine.request_id
)
SELECT request_id, '{UNDELIVERABLE}', count(*) FROM gone GROUP BY 1
"""  # noqa: S608 - put together from constants

# One line tells of many members of a cohort, most of whom stay. Its lists are as long as each other.
_REFUSED_MEMBERS = f"""
members AS (
    SELECT o.id, one.uuid, one.version, one.place, o.project_id
    FROM refused o, ROWS FROM (
        json_array_elements_text(o.line::json->'person_ids'), json_array_elements_text(o.line::json->'person_versions')
    ) WITH ORDINALITY AS one (uuid, version, place)
    WHERE o.target = '{Outbox.Target.MEMBERS}'
), members_mine AS (
    SELECT m.id, m.place, p.request_id FROM members m
    JOIN persons p ON p.project_id = m.project_id AND p.uuid = m.uuid AND m.version::bigint < p.version
)
"""  # noqa: S608 - a constant
# Whatever ClickHouse said of the line may quote it.
_STRIKE_REFUSED_MEMBERS = f"""
WITH {_COVERED}, {_PERSONS}, {_REFUSED}, {_REFUSED_MEMBERS}, remaining AS (
    SELECT id, json_agg(uuid ORDER BY place) FILTER (WHERE stays) AS ids,
        json_agg(version::bigint ORDER BY place) FILTER (WHERE stays) AS versions
    FROM (
        SELECT m.*, NOT EXISTS (SELECT FROM members_mine n WHERE (n.id, n.place) = (m.id, m.place)) AS stays
        FROM members m WHERE m.id IN (SELECT id FROM members_mine)
    ) AS named GROUP BY id
), gone AS (
    DELETE FROM core_undeliverable u USING remaining r WHERE u.id = r.id AND r.ids IS NULL
), struck AS (
    UPDATE core_undeliverable u SET error = 'Refused, as long as it named somebody who has been erased since.',
        line = (u.line::jsonb || jsonb_build_object('person_ids', r.ids, 'person_versions', r.versions))::text
    FROM remaining r WHERE u.id = r.id AND r.ids IS NOT NULL
)
SELECT request_id, '{UNDELIVERABLE}', count(*) FROM members_mine GROUP BY 1
"""  # noqa: S608 - put together from constants

_LEFT = f"""
WITH {_COVERED}, {_PERSONS}, {_REFUSED}, {_REFUSED_MEMBERS}
SELECT c.request_id, '{EVENTS}', count(*) FROM core_eventbuffer b JOIN covered c ON {_IN_BUFFER} GROUP BY 1
UNION ALL SELECT c.request_id, '{CHANGES}', count(*) FROM core_outbox o JOIN covered c ON {_ABOUT_ID} <= c.version
    GROUP BY 1
UNION ALL SELECT p.request_id, '{CHANGES}', count(*) FROM core_outbox o JOIN persons p ON {_ABOUT_PERSON} GROUP BY 1
UNION ALL SELECT request_id, '{UNDELIVERABLE}', count(*) FROM mine GROUP BY 1
UNION ALL SELECT request_id, '{UNDELIVERABLE}', count(*) FROM members_mine GROUP BY 1
"""  # noqa: S608 - put together from constants


def remove_waiting(cursor: CursorWrapper, batch: Batch) -> Counts:
    """Delete what waits for ClickHouse and is in no frozen batch, which must stay as it is; how much it was. Runs in a
    transaction, until whose end no batch is frozen.
    """
    cursor.execute(NO_FREEZE)
    return _counted(cursor, [_REMOVE_EVENTS, _REMOVE_CHANGES], batch)


def remove_refused(cursor: CursorWrapper, batch: Batch) -> Counts:
    """Delete what ClickHouse refused; how much it was."""
    return _counted(cursor, [_REMOVE_REFUSED, _STRIKE_REFUSED_MEMBERS], batch)


def count_left(cursor: CursorWrapper, batch: Batch) -> Counts:
    """What is still there of all that. Runs in a transaction."""
    return _counted(cursor, [_LEFT], batch)


#: What waits comes and goes faster than PostgreSQL counts it: where it believes in few rows, it would take seconds.
_BY_HASH = "SET LOCAL enable_nestloop = off"


def _counted(cursor: CursorWrapper, statements: Iterable[str], batch: Batch) -> Counts:
    counts: dict[int, Counter[str]] = defaultdict(Counter)
    cursor.execute(_BY_HASH)
    for statement in statements:
        cursor.execute(statement, {"requests": batch.request_ids})
        for request_id, store, rows in cursor.fetchall():
            counts[request_id][store] += rows
    return counts


#: Names that are looked for at once.
_NAMES = 2_000
#: Names are few and records many, whatever PostgreSQL thinks of a table that it has not analysed.
_BY_INDEX = "SET LOCAL enable_seqscan = off"


def forget_traces(batch: Batch) -> None:
    """Whatever else names the erased: changes of others that can be taken back, entries of their activity, kept
    answers, what webhooks are told, and files for cohorts.
    """
    for traces in _traces(batch):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_BY_INDEX)
            forget_changes_naming(cursor, traces.project_id, traces.names, until=traces.until)
            forget_distinct_ids(cursor, traces.project_id, traces.names)
            forget_answers_naming(cursor, traces.project_id, traces.names, until=traces.until)
            forget_deliveries_naming(cursor, traces.project_id, traces.names, until=traces.until)
            forget_rows_naming(cursor, traces.project_id, traces.names, until=traces.until)


def projects_with_traces(batch: Batch) -> set[int]:
    """Projects in which something is left of that."""
    found = set()
    for traces in _traces(batch):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_BY_INDEX)
            left = (
                count_changes_naming(cursor, traces.project_id, traces.names, until=traces.until)
                + count_entries_naming(cursor, traces.project_id, traces.names)
                + count_answers_naming(cursor, traces.project_id, traces.names, until=traces.until)
                + count_deliveries_naming(cursor, traces.project_id, traces.names, until=traces.until)
                + count_files_naming(cursor, traces.project_id, traces.names, until=traces.until)
            )
        if left:
            found.add(traces.project_id)
    return found


@dataclass(frozen=True, slots=True)
class _Traces:
    """Uuids and distinct ids of persons who go. What bears their names after ``until`` is about somebody new."""

    project_id: int
    names: Sequence[str]
    until: datetime


def _traces(batch: Batch) -> Iterator[_Traces]:
    """By project, a few at a time."""
    by_project: dict[int, set[str]] = defaultdict(set)
    until: dict[int, datetime] = {}
    for request in batch.requests:
        by_project[request.project_id] |= {str(uuid) for uuid, _ in request.persons}
        until[request.project_id] = max(until.get(request.project_id, request.asked_at), request.asked_at)
    for covered in batch.ids:
        if covered.version is not None:
            by_project[covered.project_id].add(covered.distinct_id)
            until[covered.project_id] = max(until[covered.project_id], covered.moment)
    for project_id, names in by_project.items():
        ordered = sorted(names)
        for start in range(0, len(ordered), _NAMES):
            yield _Traces(project_id, ordered[start : start + _NAMES], until[project_id])
