"""Notes what webhooks are told, in the transaction of the change and as the last thing that it does: persons are told
of as they are then. Nothing is written for a project without a webhook that wants it.

Whoever changes a person has locked it, so what is noted about a person is in the order of its changes. Who joins or
leaves a cohort is noted by triggers (``core/migrations/0011_webhooks.py``).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
from django.db import transaction
from django.db.backends.utils import CursorWrapper

from core.outbox.wake import wake_webhooks
from core.services.webhooks.events import PERSON_DELETED, PERSON_MERGED, PERSON_SPLIT, PERSON_UPDATED

#: Distinct ids of a person, and persons of a split, that an event names.
MOST_NAMED = 100
#: Digests of distinct ids that the end of a person names.
MOST_DIGESTS = 1000
#: Bytes of SHA-256 of a distinct id: as many as are kept of it after its death.
DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to the person ``uuid``. ``others`` are further persons that it concerns; ``names`` are uuids and
    distinct ids in ``more``, which is told besides the person.
    """

    event: str
    uuid: UUID
    others: Sequence[UUID] = ()
    names: Sequence[str] = ()
    more: dict[str, Any] = field(default_factory=dict)


def updated(uuid: UUID) -> Change:
    """The person is new, or something of it has changed."""
    return Change(PERSON_UPDATED, uuid)


def merged(survivor: UUID, loser: UUID, distinct_ids: Sequence[str]) -> Change:
    """``loser`` is gone; these distinct ids of its are the survivor's."""
    few = list(distinct_ids[:MOST_NAMED])
    return Change(
        PERSON_MERGED,
        survivor,
        others=[loser],
        names=[str(loser), *few],
        more={"merged_person": {"uuid": loser, "distinct_ids": few}},
    )


def split(person: UUID, parts: Sequence[tuple[UUID, Sequence[str]]]) -> Change:
    """``parts`` are persons of their own, with distinct ids that were the person's."""
    few = parts[:MOST_NAMED]
    return Change(
        PERSON_SPLIT,
        person,
        others=[uuid for uuid, _ in parts],
        names=[name for uuid, ids in few for name in (str(uuid), *ids[:MOST_NAMED])],
        more={
            "new_persons": [{"uuid": uuid, "distinct_ids": list(ids[:MOST_NAMED])} for uuid, ids in few],
            "has_more_new_persons": len(parts) > MOST_NAMED,
        },
    )


def deleted(person: UUID, distinct_ids: Sequence[str]) -> Change:
    """Nothing of the person is left but its uuid, and digests of its distinct ids."""
    digests = [hashlib.sha256(name.encode()).digest()[:DIGEST_BYTES].hex() for name in distinct_ids]
    return Change(
        PERSON_DELETED,
        person,
        more={
            "person": {
                "uuid": person,
                "distinct_id_digests": digests[:MOST_DIGESTS],
                "has_more_distinct_ids": len(digests) > MOST_DIGESTS,
            }
        },
    )


_IS_WANTED = """
SELECT EXISTS (SELECT 1 FROM core_webhook WHERE project_id = %s AND enabled AND events && %s::varchar[])
"""
_MOMENT = """'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'"""

_TOLD = f"""
SELECT gen_random_uuid() AS event_id, new.event, array_prepend(new.uuid, new.others) AS persons,
    CASE WHEN p.id IS NULL THEN new.names
        ELSE array_prepend(p.uuid::text, new.names) || ids.few::text[] END AS names,
    CASE WHEN p.id IS NULL THEN new.more ELSE new.more || jsonb_build_object('person', jsonb_build_object(
        'uuid', p.uuid,
        'distinct_ids', to_jsonb(ids.few),
        'has_more_distinct_ids', ids.has_more,
        'properties', p.properties,
        'is_identified', p.is_identified,
        'created_at', to_char(p.created_at AT TIME ZONE 'UTC', {_MOMENT}),
        'version', p.version
    )) END AS data,
    clock_timestamp() AS at, new.place
FROM ROWS FROM (json_to_recordset(%(changes)s) AS (event text, uuid uuid, others uuid[], names text[], more jsonb))
    WITH ORDINALITY AS new (event, uuid, others, names, more, place)
LEFT JOIN core_person p
    ON p.project_id = %(project_id)s AND p.uuid = new.uuid AND new.event <> '{PERSON_DELETED}'
CROSS JOIN LATERAL (
    SELECT coalesce((array_agg(distinct_id ORDER BY id))[:{MOST_NAMED}], '{{}}') AS few,
        count(*) > {MOST_NAMED} AS has_more
    FROM (
        SELECT id, distinct_id FROM core_persondistinctid m
        WHERE m.project_id = %(project_id)s AND m.person_id = p.id ORDER BY id LIMIT {MOST_NAMED} + 1
    ) AS oldest
) AS ids
"""  # noqa: S608 - put together from constants
# Each event is made once, and gets its id, before it is multiplied by the webhooks that want it.
_NOTE = f"""
WITH told AS MATERIALIZED ({_TOLD})
INSERT INTO core_webhookdelivery (
    project_id, webhook_id, event_id, event, persons, names, data, state, attempts, created_at, queued_at, due_at
)
SELECT %(project_id)s, w.id, told.event_id, told.event, told.persons, told.names, told.data, 'waiting', 0,
    told.at, told.at, told.at
FROM told JOIN core_webhook w ON w.project_id = %(project_id)s AND w.enabled AND told.event = ANY(w.events)
ORDER BY told.place, w.id
"""  # noqa: S608 - put together from constants


def tell(cursor: CursorWrapper, project_id: int, changes: Sequence[Change]) -> None:
    """Note ``changes``, in their order, for the webhooks that want them. Not of persons who merged away or died, but
    by ``merged`` and ``deleted``.
    """
    if not changes:
        return
    # Far cheaper than to find out by making the events.
    cursor.execute(_IS_WANTED, [project_id, list({one.event for one in changes})])
    if cursor.fetchone() == (False,):
        return
    rows = [
        {
            "event": one.event,
            "uuid": one.uuid,
            "others": list(one.others),
            "names": list(one.names),
            "more": one.more,
        }
        for one in changes
    ]
    cursor.execute(
        _NOTE,
        {"project_id": project_id, "changes": orjson.dumps(rows).decode()},
    )
    if cursor.rowcount:
        transaction.on_commit(wake_webhooks)
