"""Fills both stores with as many persons as one likes.

All that a person has follows from its number, by the same expressions in PostgreSQL's SQL and in ClickHouse's, so the
replica has what the truth has. Both are left as in a server that has been running for a while: PostgreSQL vacuumed and
with statistics, as autovacuum does; ClickHouse's parts merged, as it does in the background.
"""

import hashlib
from uuid import UUID

import psycopg

#: Every person has one distinct id, every fifth one a second.
SECOND_ID_EVERY = 5
#: Persons of one insert into ClickHouse.
_PORTION = 250_000

#: The numbers in it are what PostgreSQL's and ClickHouse's properties have besides texts.
_PERSON = """
INSERT INTO core_person (project_id, uuid, properties, is_identified, version, created_at, last_seen_at)
SELECT {project_id}, md5('{project_id}-' || n)::uuid,
    jsonb_build_object(
        'email', 'person-' || n || '@example.org', 'name', 'Person ' || n, 'company', 'Company ' || n % 5000,
        'plan', (ARRAY['free', 'team', 'scale'])[1 + n % 3], 'language', (ARRAY['en', 'de', 'fr', 'pt'])[1 + n % 4],
        '$browser', (ARRAY['Chrome', 'Firefox', 'Safari'])[1 + n % 3],
        '$os', (ARRAY['Linux', 'Windows', 'Mac OS X', 'iOS', 'Android'])[1 + n % 5],
        '$geoip_country_code', (ARRAY['DE', 'US', 'BR', 'IN', 'FR', 'JP', 'GB'])[1 + n % 7],
        '$geoip_city_name', 'City ' || n % 900, '$initial_referring_domain', 'site-' || n % 200 || '.example.com',
        '$initial_current_url', 'https://example.com/landing/' || n % 1000, 'utm_source', 'source-' || n % 40,
        'signed_up_on', '2025-01-' || lpad((1 + n % 28)::text, 2, '0'), 'seats', n % 100, 'is_admin', n % 2 = 0
    ),
    n % 2 = 0, 1, timestamptz '2025-01-01T00:00:00Z' + n * interval '20 seconds', '2026-01-01T00:00:00Z'
FROM generate_series(0, {count} - 1) AS n
"""
_IDS = """
INSERT INTO core_persondistinctid (project_id, person_id, distinct_id, version)
SELECT {project_id}, p.id, kind || n, 0
FROM generate_series(0, {count} - 1) AS n
JOIN core_person p ON p.project_id = {project_id} AND p.uuid = md5('{project_id}-' || n)::uuid
CROSS JOIN unnest(ARRAY['user-', 'device-']) WITH ORDINALITY AS kinds (kind, place)
WHERE place = 1 OR n % {second_id_every} = 0
ORDER BY n, place
"""

_UUID = "toUUID(lower(hex(MD5(concat('{project_id}-', toString(n))))))"
# The text forms of the same properties (core/events/text_form.py).
_REPLICA_PERSON = f"""
INSERT INTO person (project_id, id, created_at, properties, typed_keys, is_identified, version, is_deleted)
SELECT {{project_id}}, {_UUID}, toDateTime64('2025-01-01 00:00:00', 6, 'UTC') + toIntervalSecond(n * 20),
    CAST(toJSONString(map(
        'email', 'person-' || toString(n) || '@example.org', 'name', 'Person ' || toString(n),
        'company', 'Company ' || toString(n % 5000),
        'plan', ['free', 'team', 'scale'][1 + n % 3], 'language', ['en', 'de', 'fr', 'pt'][1 + n % 4],
        '$browser', ['Chrome', 'Firefox', 'Safari'][1 + n % 3],
        '$os', ['Linux', 'Windows', 'Mac OS X', 'iOS', 'Android'][1 + n % 5],
        '$geoip_country_code', ['DE', 'US', 'BR', 'IN', 'FR', 'JP', 'GB'][1 + n % 7],
        '$geoip_city_name', 'City ' || toString(n % 900),
        '$initial_referring_domain', 'site-' || toString(n % 200) || '.example.com',
        '$initial_current_url', 'https://example.com/landing/' || toString(n % 1000),
        'utm_source', 'source-' || toString(n % 40),
        'signed_up_on', '2025-01-' || leftPad(toString(1 + n % 28), 2, '0'),
        'seats', toString(n % 100), 'is_admin', ['true', 'false'][1 + n % 2]
    )) AS JSON),
    ['seats', 'is_admin'], n % 2 = 0, 1, 0
FROM (SELECT number + {{start}} AS n FROM numbers({{count}}))
SETTINGS input_format_try_infer_dates = 0, input_format_try_infer_datetimes = 0
"""
_REPLICA_IDS = f"""
INSERT INTO person_distinct_id (project_id, distinct_id, person_id, version, is_deleted)
SELECT {{project_id}}, concat(kind, toString(n)), {_UUID}, 0, 0
FROM (SELECT number + {{start}} AS n FROM numbers({{count}}))
ARRAY JOIN if(n % {SECOND_ID_EVERY} = 0, ['user-', 'device-'], ['user-']) AS kind
"""


def uuid_of(project_id: int, number: int) -> UUID:
    """The uuid of the project's person with this number; spread over the index, as real ones are."""
    return UUID(hashlib.md5(f"{project_id}-{number}".encode(), usedforsecurity=False).hexdigest())


def make_persons(connection: psycopg.Connection, project_id: int, count: int) -> None:
    """Give an empty project ``count`` persons in both stores. Django must be set up."""
    from core.clickhouse import client

    connection.autocommit = True
    numbers = {"project_id": project_id, "count": count, "second_id_every": SECOND_ID_EVERY}
    connection.execute(_PERSON.format(**numbers))
    connection.execute(_IDS.format(**numbers))
    connection.execute("VACUUM (ANALYZE) core_person, core_persondistinctid")
    for start in range(0, count, _PORTION):
        portion = {"project_id": project_id, "start": start, "count": min(_PORTION, count - start)}
        client.administer(_REPLICA_PERSON.format(**portion))
        client.administer(_REPLICA_IDS.format(**portion))
    client.administer("OPTIMIZE TABLE person")
    client.administer("OPTIMIZE TABLE person_distinct_id")
