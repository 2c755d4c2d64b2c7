"""What is there, in any store, that a request to erase was about?

The distinct ids themselves are forgotten when nothing of them is left, so this looks for their digests, which
PostgreSQL and ClickHouse make of every id that they have.
"""

from collections import defaultdict
from datetime import datetime
from typing import Any

import orjson
from django.db import connection

from core.clickhouse import about_ids
from core.clickhouse.erase import Table

_IDS = """
SELECT encode(i.digest, 'hex'), CASE WHEN r.erases_events THEN i.moment END, i.version
FROM core_deletionid i JOIN core_deletionrequest r ON r.id = i.request_id
WHERE r.project_id = %(project_id)s AND r.id = %(request)s
"""
_PERSONS = """
SELECT created_at, persons::text FROM core_deletionrequest WHERE project_id = %(project_id)s AND id = %(request)s
"""

_WAITING = """
WITH covered AS (
    SELECT i.digest, i.version, i.moment FROM core_deletionid i JOIN core_deletionrequest r ON r.id = i.request_id
    WHERE r.project_id = %(project_id)s AND r.id = %(request)s
), persons AS (
    SELECT one->>0 AS uuid, (one->>1)::bigint AS version
    FROM core_deletionrequest r, jsonb_array_elements(r.persons) AS one
    WHERE r.project_id = %(project_id)s AND r.id = %(request)s
), refused AS (
    SELECT target, line
    FROM (SELECT target, CASE WHEN line IS JSON OBJECT THEN line ELSE '{}' END AS line FROM core_undeliverable) u
    WHERE (line::json->>'project_id')::bigint = %(project_id)s
), changes AS (
    SELECT 'postgres_changes' AS store, target, line FROM core_outbox WHERE project_id = %(project_id)s
    UNION ALL SELECT 'postgres_undeliverable', target, line FROM refused WHERE target <> 'events'
)
SELECT 'postgres_events', count(*) FROM core_eventbuffer b JOIN covered c
    ON substr(sha256(convert_to(b.distinct_id, 'UTF8')), 1, 16) = c.digest AND b.created_at <= c.moment
WHERE b.project_id = %(project_id)s AND %(events)s
UNION ALL
SELECT 'postgres_undeliverable', count(*) FROM refused b JOIN covered c
    ON substr(sha256(convert_to(b.line::json->>'distinct_id', 'UTF8')), 1, 16) = c.digest
    AND (b.line::json->>'received_at')::timestamp AT TIME ZONE 'UTC' <= c.moment
WHERE b.target = 'events' AND %(events)s
UNION ALL
SELECT b.store, count(*) FROM changes b JOIN covered c
    ON substr(sha256(convert_to(b.line::json->>'distinct_id', 'UTF8')), 1, 16) = c.digest
    AND (b.line::json->>'version')::bigint <= c.version
WHERE b.target IN ('person_distinct_id', 'person_distinct_id_overrides') GROUP BY 1
UNION ALL
SELECT b.store, count(*) FROM changes b JOIN persons p
    ON b.line::json->>'id' = p.uuid AND (b.line::json->>'version')::bigint < p.version
WHERE b.target = 'person' GROUP BY 1
UNION ALL
SELECT 'postgres_undeliverable', count(*) FROM refused b, ROWS FROM (
    json_array_elements_text(b.line::json->'person_ids'), json_array_elements_text(b.line::json->'person_versions')
) AS member (uuid, version) JOIN persons p ON p.uuid = member.uuid AND member.version::bigint < p.version
WHERE b.target = 'cohort_member_changes'
"""

# By the indexes identity_changes_by_name, idempotent_answers_by_name and webhook_deliveries_by_name.
_TRACES = """
SELECT (
    SELECT count(*) FROM core_identitychange
    WHERE project_id + 0 = %(project_id)s AND created_at <= %(until)s AND (jsonb_path_query_array(state, '$.*.uuid')
        || jsonb_path_query_array(state, '$.*.distinct_id')
        || jsonb_path_query_array(state, '$.distinct_ids[*]')) ?| %(uuids)s
) + (
    SELECT count(*) FROM core_idempotentrequest
    WHERE project_id + 0 = %(project_id)s AND created_at + interval '0' <= %(until)s
        AND jsonb_path_query_array(answer::jsonb, 'strict $.** ? (@.type() == "string")') ?| %(uuids)s
) + (
    SELECT count(*) FROM core_webhookdelivery
    WHERE project_id + 0 = %(project_id)s AND created_at <= %(until)s AND names && %(uuids)s::text[]
) + (
    SELECT count(*) FROM core_cohortuploadpart u, LATERAL (
        SELECT one->>'value' AS value FROM jsonb_array_elements(u.unmatched) AS one UNION ALL SELECT unnest(u.named)
    ) AS named
    WHERE u.project_id = %(project_id)s AND (u.created_at <= %(until)s AND lower(named.value) = ANY(%(uuids)s)
        OR EXISTS (
            SELECT FROM core_deletionid i WHERE i.request_id = %(request)s AND i.version IS NOT NULL
                AND u.created_at <= i.moment AND i.digest = substr(sha256(convert_to(named.value, 'UTF8')), 1, 16)
        ))
)
"""


def check_erasure(project_id: int, request_id: int) -> dict[str, int]:
    """Rows by store, of which all should be 0 once the request is completed.

    Raises ``ClickHouseUnavailable`` or ``QueryTooHeavy``.
    """
    given: dict[str, Any] = {"project_id": project_id, "request": request_id}
    counts: dict[str, int] = dict.fromkeys(_STORES, 0)
    with connection.cursor() as cursor:
        cursor.execute(_IDS, given)
        ids = cursor.fetchall()
        cursor.execute(_PERSONS, given)
        asked_at, text = cursor.fetchone()
        persons = orjson.loads(text)
        has_events = any(moment is not None for _, moment, _ in ids)
        cursor.execute(_WAITING, {**given, "events": has_events})
        for store, rows in cursor.fetchall():
            counts[store] += rows
        cursor.execute(_TRACES, {**given, "until": asked_at, "uuids": [uuid for uuid, _ in persons]})
        counts["postgres_traces"] = cursor.fetchone()[0]
    by_moment: dict[datetime, list[str]] = defaultdict(list)
    by_version: dict[int, list[str]] = defaultdict(list)
    for digest, moment, version in ids:
        if moment is not None:
            by_moment[moment].append(digest)
        if version is not None:
            by_version[version].append(digest)
    for moment, digests in by_moment.items():
        counts["clickhouse_events"] += about_ids.count_events_received(project_id, digests, until=moment)
    for version, digests in by_version.items():
        for table, store in _MAPPINGS:
            counts[store] += about_ids.count_mappings(table, project_id, digests, version=version)
    for uuid, version in persons:
        for table, store in _PERSON_TABLES:
            counts[store] += about_ids.count_person(table, project_id, uuid, version=version)
    return counts


_MAPPINGS = (
    ("person_distinct_id", "clickhouse_distinct_ids"),
    ("person_distinct_id_overrides", "clickhouse_overrides"),
)
_PERSON_TABLES: tuple[tuple[Table, str], ...] = (
    ("person", "clickhouse_persons"),
    ("person_newest_first", "clickhouse_persons_in_order"),
    ("cohort_members", "clickhouse_members"),
)
#: As receipts name them (``core.services.erase.ALL_STORES``), but for kept answers, which are new by then.
_STORES = (
    "postgres_events",
    "postgres_changes",
    "postgres_undeliverable",
    "postgres_traces",
    "clickhouse_events",
    "clickhouse_persons",
    "clickhouse_persons_in_order",
    "clickhouse_members",
    "clickhouse_distinct_ids",
    "clickhouse_overrides",
)
