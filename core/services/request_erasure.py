"""Notes what has to be erased, in the transaction of what goes at once; ``core.services.erase`` does the rest."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import orjson
from django.db import transaction
from django.db.backends.utils import CursorWrapper

from core.outbox.wake import wake_erasure


@dataclass(frozen=True, slots=True)
class ErasedId:
    """A distinct id, and the version at which it died; null when its person stays."""

    distinct_id: str
    version: int | None


@dataclass(frozen=True, slots=True)
class Erasure:
    """What is to be erased of one person. ``persons`` are uuids, its own and those of persons that had merged into it,
    with the version below which ClickHouse's rows about them go.
    """

    person_uuid: UUID
    ids: Sequence[ErasedId]
    persons: Sequence[tuple[UUID, int]]


# A person has one pending request. Another one joins it: the worker starts anew, and the time of the request stays.
_REQUEST = """
WITH asked AS MATERIALIZED (SELECT clock_timestamp() AS at)
INSERT INTO core_deletionrequest AS r (
    project_id, person_uuid, user_id, erases_person, erases_events, stage, revision, persons, counts_before, created_at
)
SELECT %(project_id)s, new.person_uuid, %(user_id)s, %(erases_person)s, %(erases_events)s, 'accepted', 0, new.persons,
    '{}', asked.at
FROM asked, json_to_recordset(%(requests)s) AS new (person_uuid uuid, persons jsonb)
ORDER BY new.person_uuid
ON CONFLICT (project_id, person_uuid, erases_events) WHERE delete_verified_at IS NULL DO UPDATE
SET revision = r.revision + 1, stage = 'accepted', removed_at = NULL, persons = r.persons || excluded.persons,
    erases_person = r.erases_person OR excluded.erases_person,
    -- What was counted in ClickHouse and is not deleted yet will be counted again.
    counts_before = CASE WHEN r.stage = 'sealed' THEN (
        SELECT coalesce(jsonb_object_agg(store, rows), '{}') FROM jsonb_each(r.counts_before) AS found (store, rows)
        WHERE NOT starts_with(store, 'clickhouse_')
    ) ELSE r.counts_before END
RETURNING person_uuid, id, (SELECT at FROM asked)
"""

_COVER = """
INSERT INTO core_deletionid AS i (project_id, request_id, digest, distinct_id, moment, version)
SELECT %(project_id)s, new.request_id, substr(sha256(convert_to(new.distinct_id, 'UTF8')), 1, 16), new.distinct_id,
    %(moment)s, new.version
FROM json_to_recordset(%(ids)s) AS new (request_id bigint, distinct_id text, version bigint)
ON CONFLICT (request_id, digest) DO UPDATE
SET distinct_id = excluded.distinct_id, moment = excluded.moment, version = greatest(i.version, excluded.version)
"""


def request_erasure(
    cursor: CursorWrapper,
    project_id: int,
    erasures: Sequence[Erasure],
    *,
    erases_person: bool,
    erases_events: bool,
    user_id: int | None,
) -> None:
    """Note ``erasures`` of persons that the transaction has locked, as the last thing that it does: events received
    up to now are covered.
    """
    requests = [
        {"person_uuid": one.person_uuid, "persons": [[str(uuid), version] for uuid, version in one.persons]}
        for one in erasures
    ]
    cursor.execute(
        _REQUEST,
        {
            "project_id": project_id,
            "user_id": user_id,
            "erases_person": erases_person,
            "erases_events": erases_events,
            "requests": orjson.dumps(requests).decode(),
        },
    )
    noted = cursor.fetchall()
    request_of = {person_uuid: request_id for person_uuid, request_id, _ in noted}
    ids = [
        {
            "request_id": request_of[one.person_uuid],
            "distinct_id": covered.distinct_id,
            "version": covered.version,
        }
        for one in erasures
        for covered in one.ids
    ]
    if ids:
        cursor.execute(
            _COVER, {"project_id": project_id, "moment": noted[0][2], "ids": orjson.dumps(ids).decode()}
        )
    transaction.on_commit(wake_erasure)
