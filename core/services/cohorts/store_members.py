"""The result of a calculation becomes the members of a cohort, in one transaction: readers see the old members or the
new ones. Only what differs is written.

No person is locked, for a million locks would make merges and deletions wait. Persons who go while the transaction is
open are taken care of afterwards: a deleted one is removed, a merged one becomes the one it was merged into.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.backends.utils import CursorWrapper

from core.models import Outbox
from core.outbox.append import append_lines
from core.outbox.lines import members_line
from core.outbox.wake import wake_webhooks
from core.services.cohorts.static_members import lock_persons
from core.services.transaction import change_persons

#: Seconds for transactions to end that may not have seen the new members.
_PATIENCE = 5.0
_LOOK = 0.02
#: Changes of the journal whose transactions may have been open when the calculation began.
_OPEN_CHANGES = 1000


class Overtaken(Exception):
    """Another calculation of the cohort was asked for meanwhile, or it was deleted; nothing was stored."""


class DoesNotAddUp(Exception):
    """With these differences the members are not as many as were found; nothing was stored."""


@dataclass(frozen=True, slots=True)
class Calculated:
    """Whose members these are, and the row of ``core_cohortcalculation`` that tells of it. ``journal`` is where the
    journal stood when the calculation began (``journal_end``).
    """

    project_id: int
    cohort_id: int
    run_id: int
    version: int
    journal: int
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Found:
    """Who meets the criteria: ``count`` persons. ``joining`` are their uuids, one a line, and nobody else is to be a
    member; or, where ``leaving`` is not null, those of them who were no members of the replica, and ``leaving`` are
    its members who do not meet the criteria.
    """

    count: int
    joining: bytes
    leaving: bytes | None
    #: What was asked, and what it took: milliseconds, rows and bytes, null where ClickHouse does not tell.
    main_query: str
    query_ms: int
    read_rows: int | None
    memory_bytes: int | None


_JOURNAL_END = "SELECT coalesce(max(id), 0) FROM core_identitychange"


def journal_end() -> int:
    """A place in the journal before which everything is finished."""
    with connection.cursor() as cursor:
        cursor.execute(_JOURNAL_END)
        return max(0, int(cursor.fetchone()[0]) - _OPEN_CHANGES)


def store_members(calculated: Calculated, found: Found, *, replace: bool) -> None:
    """The persons who were found are the members now; with ``replace`` false they join those that are there.

    Raises ``Overtaken``, and ``DoesNotAddUp`` when the replica that ``found`` was compared with has not what is here.
    """
    stored = change_persons(
        calculated.project_id, lambda cursor: _store(cursor, calculated, found, replace=replace)
    )
    if stored.added:
        _wait_for_older_transactions(stored.at)
        change_persons(calculated.project_id, lambda cursor: _repair(cursor, calculated, stored))


@dataclass(frozen=True, slots=True)
class _Stored:
    added: int
    #: No new row has a lower number.
    first_row: int
    at: datetime


_TABLE = "CREATE TEMPORARY TABLE {table} (uuid uuid NOT NULL) ON COMMIT DROP"
# Who was found and merged away since is who it was merged into.
_WANTED = """
CREATE TEMPORARY TABLE cohort_wanted ON COMMIT DROP AS
SELECT p.id FROM cohort_found f JOIN core_person p ON p.uuid = f.uuid AND p.project_id = %(project_id)s
UNION
SELECT p.id FROM core_identitychange j
JOIN cohort_found f ON f.uuid = (j.state->'loser'->>'uuid')::uuid
JOIN core_person p ON p.id = j.owner_id AND p.project_id = j.project_id
WHERE j.id > %(journal)s AND j.project_id = %(project_id)s AND j.kind = 'merge'
"""
_ROW = "SELECT nextval('core_cohortmember_id_seq')"
# A table of its own: PostgreSQL, which may know nothing yet of a cohort that was stored a moment ago, would expect one
# row where there are a million, and look through all of them for each.
_LEAVING = """
CREATE TEMPORARY TABLE cohort_leaving ON COMMIT DROP AS
SELECT person_id FROM core_cohortmember WHERE cohort_id = %(cohort_id)s AND project_id = %(project_id)s
EXCEPT SELECT id FROM cohort_wanted
"""
_LEAVING_NAMED = """
CREATE TEMPORARY TABLE cohort_leaving ON COMMIT DROP AS
SELECT p.id AS person_id FROM cohort_left l
JOIN core_person p ON p.uuid = l.uuid AND p.project_id = %(project_id)s
"""
# A member that a merge moves at this moment is compared again and stays: it is another person by then.
_REMOVE = """
DELETE FROM core_cohortmember m USING cohort_leaving leaving
WHERE m.cohort_id = %(cohort_id)s AND m.project_id = %(project_id)s AND m.person_id = leaving.person_id
"""
# Those who were compared are no members as a rule.
_ADD_NAMED = """
INSERT INTO core_cohortmember (project_id, cohort_id, person_id)
SELECT %(project_id)s, %(cohort_id)s, id FROM cohort_wanted ORDER BY id
"""
_ADD = """
INSERT INTO core_cohortmember (project_id, cohort_id, person_id)
SELECT %(project_id)s, %(cohort_id)s, w.id FROM (
    SELECT id FROM cohort_wanted
    EXCEPT SELECT person_id FROM core_cohortmember
    WHERE cohort_id = %(cohort_id)s AND project_id = %(project_id)s
) w ORDER BY w.id
"""
_LOCK = """
SELECT 1 FROM core_cohort
WHERE id = %(cohort_id)s AND project_id = %(project_id)s AND pending_version = %(version)s AND NOT deleted
FOR NO KEY UPDATE
"""
# Statements of their own, after the lock: whoever changes the count has been waited for.
_COUNT = (
    "SELECT count(*) FROM core_cohortmember WHERE cohort_id = %(cohort_id)s AND project_id = %(project_id)s"
)
_FINISH = """
UPDATE core_cohort SET count = %(count)s, version = %(version)s, is_calculating = false,
    last_calculation = %(started_at)s, errors_calculating = 0, last_error_at = NULL, last_error_message = NULL
WHERE id = %(cohort_id)s AND project_id = %(project_id)s
RETURNING clock_timestamp()
"""
_DONE = """
UPDATE core_cohortcalculation SET finished_at = clock_timestamp(), count = %(count)s, query_ms = %(query_ms)s,
    read_rows = %(read_rows)s, memory_bytes = %(memory_bytes)s, written_rows = %(written_rows)s,
    main_query = %(main_query)s
WHERE project_id = %(project_id)s AND id = %(run_id)s
"""
# Hashes and sorts of a million ids stay in memory. One calculation runs at a time.
_MEMORY = "SET LOCAL work_mem = '128MB'"


def _store(cursor: CursorWrapper, calculated: Calculated, found: Found, *, replace: bool) -> _Stored:
    given: dict[str, Any] = {
        "project_id": calculated.project_id,
        "cohort_id": calculated.cohort_id,
        "version": calculated.version,
        "journal": calculated.journal,
        "started_at": calculated.started_at,
        "run_id": calculated.run_id,
        "main_query": found.main_query,
        "query_ms": found.query_ms,
        "read_rows": found.read_rows,
        "memory_bytes": found.memory_bytes,
    }
    cursor.execute(_MEMORY)
    _take_uuids(cursor, "cohort_found", found.joining)
    cursor.execute(_WANTED, given)
    cursor.execute("ANALYZE cohort_wanted")
    cursor.execute(_ROW)
    (first_row,) = cursor.fetchone()
    removed = 0
    if replace:
        if found.leaving is None:
            cursor.execute(_LEAVING, given)
        else:
            _take_uuids(cursor, "cohort_left", found.leaving)
            cursor.execute(_LEAVING_NAMED, given)
        cursor.execute("ANALYZE cohort_leaving")
        cursor.execute(_REMOVE, given)
        removed = cursor.rowcount
    added = _add(cursor, _ADD if found.leaving is None else _ADD_NAMED, given)
    cursor.execute(_LOCK, given)
    if cursor.fetchone() is None:
        raise Overtaken
    cursor.execute(_COUNT, given)
    (count,) = cursor.fetchone()
    if found.leaving is not None and count != found.count:
        raise DoesNotAddUp
    cursor.execute(_FINISH, {**given, "count": count})
    (at,) = cursor.fetchone()
    cursor.execute(_DONE, {**given, "count": count, "written_rows": added + removed})
    transaction.on_commit(wake_webhooks)
    return _Stored(added=added, first_row=first_row, at=at)


def _take_uuids(cursor: CursorWrapper, table: str, uuids: bytes) -> None:
    """A temporary table of uuids, one a line."""
    cursor.execute(_TABLE.format(table=table))
    with cursor.db.wrap_database_errors, cursor.copy(f"COPY {table} FROM STDIN") as copy:
        copy.write(uuids)
    cursor.execute(f"ANALYZE {table}")


def _add(cursor: CursorWrapper, statement: str, given: dict[str, Any]) -> int:
    """Who is no member yet becomes one; how many. Hardly ever does a merge put somebody among them at this moment, and
    to expect that at every row takes twice as long.
    """
    try:
        with transaction.atomic():
            cursor.execute(statement, given)
    except IntegrityError:
        cursor.execute(f"{statement} ON CONFLICT DO NOTHING", given)
    return int(cursor.rowcount)


_OLDER = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
  AND xact_start <= %s
"""


def _wait_for_older_transactions(at: datetime) -> None:
    """A merge or a deletion that began before the members were there did not see them. What outlasts the wait (an
    export, say) changes no person as a rule, and the next calculation makes good what it does.
    """
    deadline = time.monotonic() + _PATIENCE
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute(_OLDER, [at])
            if cursor.fetchone() == (0,):
                return
            time.sleep(_LOOK)


_GONE = """
DELETE FROM core_cohortmember m
WHERE m.id > %(first_row)s AND m.cohort_id = %(cohort_id)s AND m.project_id = %(project_id)s
  AND NOT EXISTS (SELECT 1 FROM core_person p WHERE p.id = m.person_id)
RETURNING m.person_id
"""
_MERGES = """
SELECT owner_id, (state->'loser'->>'uuid')::uuid FROM core_identitychange
WHERE id > %(journal)s AND project_id = %(project_id)s AND kind = 'merge'
  AND (state->'loser'->>'id')::bigint = ANY(%(gone)s)
"""
_VERSION = "SELECT nextval('core_cohortmember_version_seq')"
_JOIN = """
INSERT INTO core_cohortmember (project_id, cohort_id, person_id)
SELECT %(project_id)s, %(cohort_id)s, id FROM unnest(%(survivors)s::bigint[]) AS id ORDER BY id
ON CONFLICT DO NOTHING
"""
_CORRECT = (
    "UPDATE core_cohort SET count = count + %(more)s WHERE id = %(cohort_id)s AND project_id = %(project_id)s"
)


def _repair(cursor: CursorWrapper, calculated: Calculated, stored: _Stored) -> None:
    """Persons who went while the members were being stored."""
    given: dict[str, Any] = {
        "project_id": calculated.project_id,
        "cohort_id": calculated.cohort_id,
        "journal": calculated.journal,
        "first_row": stored.first_row,
    }
    cursor.execute(_GONE, given)
    gone = [person_id for (person_id,) in cursor.fetchall()]
    if not gone:
        return
    cursor.execute(_MERGES, {**given, "gone": gone})
    merges = cursor.fetchall()
    _queue_losers(cursor, calculated, [uuid for _, uuid in merges])
    survivors = lock_persons(cursor, calculated.project_id, [owner_id for owner_id, _ in merges])
    cursor.execute(_JOIN, {**given, "survivors": survivors})
    cursor.execute(_CORRECT, {**given, "more": cursor.rowcount - len(gone)})


def _queue_losers(cursor: CursorWrapper, calculated: Calculated, uuids: Sequence[UUID]) -> None:
    """Tell ClickHouse that persons who were merged away are no members. The trigger that tells of everybody else does
    not find them any more. Of those who were deleted the erasure takes every row away.
    """
    if not uuids:
        return
    cursor.execute(_VERSION)
    (version,) = cursor.fetchone()
    line = members_line(
        project_id=calculated.project_id,
        cohort_id=calculated.cohort_id,
        version=version,
        gone=uuids,
    )
    append_lines(cursor, calculated.project_id, Outbox.Target.MEMBERS, [line])
