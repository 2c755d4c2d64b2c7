"""Carries out requests to erase, many at once, until a count finds nothing of them in any store.

Each stage of a request is committed before the next one begins and may be repeated, so a worker that is killed loses
nothing: the next one goes on. In turn:

1. *Sealed.* Transactions that began before the request end; what they left for ClickHouse is deleted where it waits in
   PostgreSQL; batches that were frozen before are delivered. Nothing received before the request can come to ClickHouse
   from then on. What is there is counted.
2. *Removed.* ClickHouse is told to delete it.
3. *Verified.* PostgreSQL and ClickHouse are asked how much is left. Only nothing will do; else it begins anew.

The bytes leave the disk later (``core.services.scrub``). See ``docs/decisions/0009-erasure.md``.
"""

import logging
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID

import orjson
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from core.advisory_lock import in_turn, only_one
from core.answers import Forgotten, answers_left, forget_answers
from core.at_once import at_once
from core.clickhouse import erase as clickhouse
from core.clickhouse.squash import REWRITING
from core.models import DeletionRequest
from core.outbox.data_versions import ALL, note_changed
from core.outbox.deliver import deliver_changes, finish_batch
from core.outbox.freeze import EVENTS
from core.services.erase_postgres import (
    TRACES,
    Batch,
    Counts,
    CoveredId,
    Request,
    count_left,
    forget_traces,
    projects_with_traces,
    remove_refused,
    remove_waiting,
)
from core.services.open_transactions import wait_until_over
from core.services.places import forget_places

logger = logging.getLogger(__name__)

#: The advisory lock of the one erasure that runs.
LOCK = (7_263_004, 0)
#: Requests, and distinct ids after which no further request joins, that are carried out together.
MOST_REQUESTS = 2_000
MOST_IDS = 100_000
#: Seconds that an erasure waits for the delivery of what was frozen before it.
PATIENCE = 60.0
_LOOK = 0.02

Stage = DeletionRequest.Stage

#: Receipts' names of ClickHouse's tables.
STORES: dict[clickhouse.Table, str] = {
    "events": "clickhouse_events",
    "person": "clickhouse_persons",
    "person_newest_first": "clickhouse_persons_in_order",
    "cohort_members": "clickhouse_members",
    "person_distinct_id": "clickhouse_distinct_ids",
    "person_distinct_id_overrides": "clickhouse_overrides",
}
#: Kept answers to questions about the project: any of them may be about anybody, so all go.
ANSWERS = "valkey_answers"
#: Everything that must be gone.
ALL_STORES = (
    "postgres_events",
    "postgres_changes",
    "postgres_undeliverable",
    TRACES,
    *STORES.values(),
    ANSWERS,
)


class NotDelivered(Exception):
    """Delivery does not come to an end; the erasure goes on later."""


def erase_waiting() -> int:
    """Carry out what was asked for; how many requests were verified. What another process is at is left to it.

    Raises ``ClickHouseUnavailable``, ``TransactionsOpen`` or ``NotDelivered``; the next call goes on.
    """
    erased = 0
    # Once more after the lock is free: a request that came while another process let go of it would else wait for a
    # wake-up.
    while done := _erase_alone():
        erased += done
    return erased


def _erase_alone() -> int:
    erased = 0
    with only_one(*LOCK) as is_alone:
        after = 0
        while is_alone and (batch := _next_batch(after)) is not None:
            erased += _erase(batch)
            after = batch.requests[-1].id
    return erased


_REQUESTS = """
SELECT r.id, r.project_id, r.person_uuid, r.stage, r.revision, r.erases_person, r.erases_events, r.created_at,
    r.persons::text, (SELECT count(*) FROM core_deletionid i WHERE i.request_id = r.id)
FROM core_deletionrequest r WHERE r.delete_verified_at IS NULL AND r.id > %s ORDER BY r.id LIMIT %s
"""
_IDS = """
SELECT request_id, project_id, distinct_id, moment, version FROM core_deletionid WHERE request_id = ANY(%s)
"""


def _next_batch(after: int) -> Batch | None:
    """The oldest pending requests with a number above ``after``; null when there are none."""
    requests: list[Request] = []
    ids = 0
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_REQUESTS, [after, MOST_REQUESTS])
        for request, count in map(_read, cursor.fetchall()):
            if requests and ids + count > MOST_IDS:
                break
            ids += count
            requests.append(request)
        if not requests:
            return None
        cursor.execute(_IDS, [[request.id for request in requests]])
        return Batch(requests, [CoveredId(*row) for row in cursor.fetchall()])


def _read(row: tuple[Any, ...]) -> tuple[Request, int]:
    """A request and the number of its distinct ids."""
    request_id, project_id, uuid, stage, revision, erases_person, erases_events, asked_at, persons, ids = row
    request = Request(
        id=request_id,
        project_id=project_id,
        person_uuid=uuid,
        stage=Stage(stage),
        revision=revision,
        erases_person=erases_person,
        erases_events=erases_events,
        asked_at=asked_at,
        persons=[(UUID(uuid), version) for uuid, version in orjson.loads(persons)],
    )
    return request, ids


def _erase(batch: Batch) -> int:
    fresh = _only(batch, [request for request in batch.requests if request.stage == Stage.ACCEPTED])
    noted = partial(clickhouse.note, _ids_to_erase(batch), _persons_to_erase(batch))
    _, (run,) = at_once(partial(_stop_what_waits, fresh), [noted])
    with in_turn(*REWRITING):
        before = _finish_and_count(batch, fresh, run)
        clickhouse.check_noted(run)
        _note_sealed(fresh, before)
        found = [table for table in clickhouse.TABLES if any(STORES[table] in one for one in before.values())]
        clickhouse.remove(found, run)
        left = _note_removed_and_count(batch, run)
        # An empty table would have found nothing.
        clickhouse.check_noted(run)
        closed = _note_verified(batch, left)
        clickhouse.forget()
        for table in found:
            clickhouse.apply_patches(table)
    return closed


def _only(batch: Batch, requests: Sequence[Request]) -> Batch:
    wanted = {request.id for request in requests}
    return Batch(requests, [covered for covered in batch.ids if covered.request_id in wanted])


def _projects(batch: Batch) -> set[int]:
    return {request.project_id for request in batch.requests}


def _stop_what_waits(batch: Batch) -> None:
    """Nothing received before the requests can come to ClickHouse any more when this returns, but what was on its way
    already.
    """
    if not batch.requests:
        return
    # Also those that began after the request, and before its transaction was over: they may have seen the persons, and
    # a calculation may have queued them as members of a cohort.
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (now,) = cursor.fetchone()
    wait_until_over(now)
    with transaction.atomic(), connection.cursor() as cursor:
        _add_counts(cursor, remove_waiting(cursor, batch))


def _finish_and_count(batch: Batch, fresh: Batch, run: clickhouse.Run) -> Counts:
    """Have everything delivered that was on its way when ``fresh`` requests were read, and count what ClickHouse has.

    Events take longest to count, and nothing that the rest waits for changes them any more: both are done at once.
    """
    tokens, newest = _on_its_way() if fresh.requests else ([], 0)
    _wait_for_delivery(tokens=tokens)
    others, (events,) = at_once(
        partial(_finish_and_count_others, fresh, run, newest),
        [partial(clickhouse.find_events, run)],
    )
    return _by_request(batch, {"events": events, **others}, for_each=False)


def _finish_and_count_others(
    fresh: Batch, run: clickhouse.Run, newest: int
) -> Mapping[clickhouse.Table, Sequence[clickhouse.Found]]:
    if fresh.requests:
        forget_traces(fresh)
        forget_places({str(uuid) for request in fresh.requests for uuid, _ in request.persons})
        _wait_for_delivery(newest=newest)
        with transaction.atomic(), connection.cursor() as cursor:
            _add_counts(cursor, remove_refused(cursor, fresh))
    return clickhouse.count(run, [table for table in clickhouse.TABLES if table != "events"])


# Rows that came later need not be waited for: a worker that is slow or dead holds up an erasure as little as can be.
_OPEN = "SELECT token FROM core_deliverybatch WHERE target = 'events'"
_NEWEST = "SELECT coalesce(max(id), 0) FROM core_outbox"
_LEFT = """
SELECT EXISTS (SELECT 1 FROM core_deliverybatch WHERE token = ANY(%s))
    OR EXISTS (SELECT 1 FROM core_outbox WHERE id <= %s)
"""


def _on_its_way() -> tuple[list[UUID], int]:
    """The token of the batch of events that is open now, if there is one, and the newest change."""
    with connection.cursor() as cursor:
        cursor.execute(_OPEN)
        tokens = [token for (token,) in cursor.fetchall()]
        cursor.execute(_NEWEST)
        (newest,) = cursor.fetchone()
    return tokens, newest


def _wait_for_delivery(*, tokens: Sequence[UUID] = (), newest: int = 0) -> None:
    """Until these batches, and all changes up to ``newest``, are in ClickHouse.

    Raises ``NotDelivered`` or ``ClickHouseUnavailable``.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_LEFT, [list(tokens), newest])
            if cursor.fetchone() == (False,):
                return
        if time.monotonic() >= deadline:
            raise NotDelivered("rows that were frozen before an erasure do not reach ClickHouse")
        # Whoever delivers goes on; when nobody does, this does it.
        finish_batch(EVENTS)
        deliver_changes()
        time.sleep(_LOOK)


def _ids_to_erase(batch: Batch) -> list[clickhouse.IdToErase]:
    """Each distinct id once, up to the latest that a request says."""
    about = {request.id: request for request in batch.requests}
    found: dict[tuple[int, str], clickhouse.IdToErase] = {}
    for covered in batch.ids:
        request = about[covered.request_id]
        version = clickhouse.NONE if covered.version is None else covered.version
        one = clickhouse.IdToErase(
            project_id=covered.project_id,
            distinct_id=covered.distinct_id,
            moment=clickhouse.microseconds(covered.moment) if request.erases_events else clickhouse.NONE,
            version=version,
            # Where events stay, their override still says whose they are; a squash folds it (``core.services.scrub``).
            override_version=version if request.erases_events else clickhouse.NONE,
        )
        key = covered.project_id, covered.distinct_id
        known = found.get(key, one)
        found[key] = replace(
            one,
            moment=max(one.moment, known.moment),
            version=max(one.version, known.version),
            override_version=max(one.override_version, known.override_version),
        )
    return list(found.values())


def _persons_to_erase(batch: Batch) -> list[clickhouse.PersonToErase]:
    versions: dict[tuple[int, UUID], int] = defaultdict(int)
    for request in batch.requests:
        for uuid, version in request.persons:
            key = request.project_id, uuid
            versions[key] = max(versions[key], version)
    return [
        clickhouse.PersonToErase(project_id, uuid, version)
        for (project_id, uuid), version in versions.items()
    ]


def _by_request(
    batch: Batch, rows_of: Mapping[clickhouse.Table, Sequence[clickhouse.Found]], *, for_each: bool
) -> Counts:
    """Rows that several requests are about count for one of them, with ``for_each`` for each of them."""
    counts: dict[int, Counter[str]] = defaultdict(Counter)
    for table, rows in rows_of.items():
        if not rows:
            continue
        about = _requests_about(batch, table)
        for found in rows:
            requests = about[found.project_id, found.name]
            for request_id in requests if for_each else requests[-1:]:
                counts[request_id][STORES[table]] += found.rows
    return counts


def _requests_about(batch: Batch, table: clickhouse.Table) -> Mapping[tuple[int, str], list[int]]:
    """By project and name, of a distinct id or of a person: the requests because of which rows of ``table`` go."""
    about: dict[tuple[int, str], list[int]] = defaultdict(list)
    if table in clickhouse.OF_PERSONS:
        for request in batch.requests:
            for uuid in {uuid for uuid, _ in request.persons}:
                about[request.project_id, str(uuid)].append(request.id)
        return about
    with_events = {request.id for request in batch.requests if request.erases_events}
    for covered in batch.ids:
        is_dead, has_events = covered.version is not None, covered.request_id in with_events
        if (is_dead or table == "events") and (has_events or table == "person_distinct_id"):
            about[covered.project_id, covered.distinct_id].append(covered.request_id)
    return about


def _note_removed_and_count(batch: Batch, run: clickhouse.Run) -> Counts:
    """Note that ClickHouse has deleted everything, and count what is left in any store."""
    counts: dict[int, Counter[str]] = defaultdict(Counter)
    # First: what waits here must not come there between two looks, the wrong way round.
    with transaction.atomic(), connection.cursor() as cursor:
        in_postgres = count_left(cursor, batch)
    (forgotten, named), (in_clickhouse,) = at_once(
        lambda: (_note_removed(batch), projects_with_traces(batch)), [partial(clickhouse.count, run)]
    )
    for part in (in_postgres, _by_request(batch, in_clickhouse, for_each=True)):
        for request_id, found in part.items():
            counts[request_id] += found
    answers = answers_left(forgotten)
    for request in batch.requests:
        if request.project_id in named and request.erases_person:
            counts[request.id][TRACES] += 1
        counts[request.id][ANSWERS] += answers[request.project_id]
    return counts


_ADD = """
UPDATE core_deletionrequest r SET counts_before = (
    SELECT jsonb_object_agg(store, rows) FROM (
        SELECT store, sum(rows::bigint) AS rows
        FROM (SELECT * FROM jsonb_each_text(r.counts_before) UNION ALL SELECT * FROM jsonb_each_text(new.counts))
            AS part (store, rows)
        GROUP BY store
    ) AS added
)
FROM json_to_recordset(%s) AS new (id bigint, counts jsonb)
WHERE r.id = new.id AND new.counts <> '{}'
"""


def _add_counts(cursor: CursorWrapper, counts: Counts) -> None:
    """Note rows that were found, in the transaction in which they are counted for the only time."""
    rows = [{"id": request_id, "counts": dict(found)} for request_id, found in counts.items()]
    cursor.execute(_ADD, [orjson.dumps(rows).decode()])


# A request that another one has joined since it was read stays where it is, to be done again.
_ADVANCE = """
UPDATE core_deletionrequest r SET stage = %(stage)s, {also}
FROM json_to_recordset(%(requests)s) AS new (id bigint, revision int)
WHERE r.id = new.id AND r.revision = new.revision AND r.delete_verified_at IS NULL
RETURNING r.id
"""


def _advance(
    cursor: CursorWrapper, requests: Iterable[Request], stage: Stage, also: str, **more: Any
) -> set[int]:
    """Move requests to a stage; the numbers of those that could be moved."""
    rows = [{"id": request.id, "revision": request.revision} for request in requests]
    cursor.execute(
        _ADVANCE.format(also=also), {"stage": stage, "requests": orjson.dumps(rows).decode(), **more}
    )
    return {request_id for (request_id,) in cursor.fetchall()}


def _note_sealed(batch: Batch, before: Counts) -> None:
    found = {request_id: before[request_id] for request_id in batch.request_ids if request_id in before}
    with transaction.atomic(), connection.cursor() as cursor:
        _advance(cursor, batch.requests, Stage.SEALED, "removed_at = NULL")
        # Also for a request that another one has joined: what was found goes now, and the next turn does not find it.
        _add_counts(cursor, found)


def _note_removed(batch: Batch) -> Mapping[int, Forgotten]:
    """And forget what was answered before: what there was, by project."""
    with transaction.atomic(), connection.cursor() as cursor:
        _advance(
            cursor, batch.requests, Stage.REMOVED, "removed_at = coalesce(removed_at, clock_timestamp())"
        )
        note_changed(cursor, ((project_id, ALL) for project_id in _projects(batch)))
    forgotten = forget_answers(_projects(batch))
    # As of rows that several requests are about, the last one of a project gets them.
    last = {request.project_id: request.id for request in batch.requests}
    found = {
        last[project_id]: Counter({ANSWERS: one.answers})
        for project_id, one in forgotten.items()
        if one.answers
    }
    if found:
        with transaction.atomic(), connection.cursor() as cursor:
            _add_counts(cursor, found)
    return forgotten


_FORGET_IDS = "UPDATE core_deletionid SET distinct_id = NULL WHERE request_id = ANY(%s)"


def _note_verified(batch: Batch, left: Mapping[int, Counter[str]]) -> int:
    """Close the requests of which nothing is left, and send the others back to the start; how many were closed."""
    gone = [request for request in batch.requests if not any(left.get(request.id, {}).values())]
    others = [request for request in batch.requests if any(left.get(request.id, {}).values())]
    nothing = orjson.dumps(dict.fromkeys(ALL_STORES, 0)).decode()
    with transaction.atomic(), connection.cursor() as cursor:
        closed = _advance(
            cursor,
            gone,
            Stage.VERIFIED,
            "counts_after = %(nothing)s, delete_verified_at = clock_timestamp()",
            nothing=nothing,
        )
        cursor.execute(_FORGET_IDS, [list(closed)])
        # Not those that another request has joined since: of them more is to go than was looked for.
        reopened = _advance(cursor, others, Stage.ACCEPTED, "removed_at = NULL")
    for request_id in sorted(reopened):
        logger.warning("deletion %d is not complete: %s are left", request_id, dict(left[request_id]))
    return len(closed)
