"""Fills a static cohort with persons who are named one by one, in short transactions of their own: persons are locked
only as long as their batch takes.

A file is stored first, in parts of a batch each (``core.models.cohort_upload``). Who sent a small one waits for all of
them; a large one is for the worker, which also goes on with what a process that died has left.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

import orjson
from django.db import OperationalError, connection, transaction
from django.db.backends.utils import CursorWrapper

from core.models.person import EMAIL_START
from core.services.cohorts.forget_named import ERASED
from core.services.cohorts.read_csv import NamedPersons, Naming
from core.services.cohorts.request_calculation import INTERRUPTED
from core.services.cohorts.static_members import BATCH, join_by_uuid, join_cohort, lock_persons
from core.services.cohorts.wake import wake_calculation
from core.services.transaction import Conflict, change_persons

logger = logging.getLogger(__name__)

#: Rows of a file that who sent it waits for: a second or two.
MOST_AT_ONCE = 5_000
#: How often a worker takes up a part before it gives up.
_MOST_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A row of a file that names nobody. ``row`` is its line, from 1."""

    row: int
    value: str
    reason: str


def fill_by_uuids(*, project_id: int, cohort_id: int, uuids: Sequence[UUID]) -> None:
    """Those of ``uuids`` who exist become members."""
    for start in range(0, len(uuids), BATCH):
        batch = uuids[start : start + BATCH]
        change_persons(
            project_id, partial(join_by_uuid, project_id=project_id, cohort_id=cohort_id, uuids=batch)
        )


def fill_by_csv(*, project_id: int, cohort_id: int, persons: NamedPersons) -> list[Unmatched] | None:
    """Those whom the file names become members. The rows that name nobody; null when a worker goes on with it."""
    is_small = len(persons.values) <= MOST_AT_ONCE
    of: dict[str, Any] = {"project_id": project_id, "cohort_id": cohort_id}
    parts = change_persons(project_id, partial(_store, **of, persons=persons, is_small=is_small))
    if not is_small:
        return None
    found = [change_persons(project_id, partial(_fill, part_id=part_id)) for part_id in parts]
    done = [rows for rows in found if rows is not None]
    # Whoever takes longer than a minute may find a worker at it.
    return [row for rows in done for row in rows] if len(done) == len(found) else None


_BEGIN = (
    "UPDATE core_cohort SET filling_since = now() WHERE id = %(cohort_id)s AND project_id = %(project_id)s"
)
_FORGET_DONE = """
DELETE FROM core_cohortuploadpart
WHERE cohort_id = %(cohort_id)s AND project_id = %(project_id)s AND due_at IS NULL
"""
_NUMBER = "SELECT coalesce(max(upload), 0) + 1 FROM core_cohortuploadpart WHERE cohort_id = %(cohort_id)s"
# Who sends a small file has a minute for it.
_ADD = """
INSERT INTO core_cohortuploadpart
    (project_id, cohort_id, upload, naming, rows, named, lines, due_at, attempts, matched, unmatched, created_at)
VALUES (%(project_id)s, %(cohort_id)s, %(upload)s, %(naming)s, %(rows)s, %(named)s, %(lines)s,
    now() + %(lease)s * interval '1 minute', 0, 0, '[]', now())
RETURNING id
"""


def _store(
    cursor: CursorWrapper, *, project_id: int, cohort_id: int, persons: NamedPersons, is_small: bool
) -> list[int]:
    """The parts of the file, to be done. What is told of an earlier file is forgotten; parts of it that are not done
    yet stay to be done.
    """
    of: dict[str, Any] = {"project_id": project_id, "cohort_id": cohort_id}
    cursor.execute(_BEGIN, of)
    cursor.execute(_FORGET_DONE, of)
    cursor.execute(_NUMBER, of)
    given = {**of, "upload": cursor.fetchone()[0], "naming": persons.naming.value, "lease": int(is_small)}
    parts = []
    for start in range(0, len(persons.values), BATCH):
        batch = slice(start, start + BATCH)
        named, lines = persons.values[batch], persons.lines[batch]
        cursor.execute(_ADD, {**given, "named": named, "lines": lines, "rows": len(named)})
        parts.append(cursor.fetchone()[0])
    _tell(cursor, **of)
    if not is_small:
        transaction.on_commit(wake_calculation)
    return parts


def fill_waiting() -> None:
    """Look up every part of a file that nobody else is at."""
    while taken := _take():
        part_id, project_id, cohort_id, attempts = taken
        if attempts > _MOST_ATTEMPTS:
            change_persons(project_id, partial(_give_up, project_id=project_id, cohort_id=cohort_id))
            continue
        try:
            change_persons(project_id, partial(_fill, part_id=part_id))
        except OperationalError:
            raise
        except Exception:
            # It is due again in a minute.
            logger.exception("a part of a file for cohort %s could not be looked up", cohort_id)


# Whoever takes a part has a minute for it. In the order in which files came.
_TAKE = """
UPDATE core_cohortuploadpart SET due_at = now() + interval '1 minute', attempts = attempts + 1
WHERE id = (
    SELECT u.id FROM core_cohortuploadpart u
    JOIN core_cohort c ON c.id = u.cohort_id JOIN core_project p ON p.id = u.project_id
    WHERE u.due_at <= now() AND NOT c.deleted AND p.deleted_at IS NULL
    ORDER BY u.id LIMIT 1 FOR NO KEY UPDATE OF u SKIP LOCKED
)
RETURNING id, project_id, cohort_id, attempts
"""


def _take() -> tuple[int, int, int, int] | None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_TAKE)
        taken: tuple[int, int, int, int] | None = cursor.fetchone()
        return taken


# Somebody else who is at it will be done with it.
_LOCK = """
SELECT project_id, cohort_id, naming, named, lines FROM core_cohortuploadpart
WHERE id = %s AND due_at IS NOT NULL
FOR NO KEY UPDATE SKIP LOCKED
"""
_DONE = """
UPDATE core_cohortuploadpart SET named = NULL, lines = NULL, due_at = NULL, matched = %(matched)s,
    unmatched = %(unmatched)s
WHERE id = %(part_id)s
"""
_END = """
UPDATE core_cohort SET filling_since = NULL, last_calculation = now(), errors_calculating = 0, last_error_message = NULL
WHERE id = %(cohort_id)s AND project_id = %(project_id)s
  AND NOT EXISTS (SELECT 1 FROM core_cohortuploadpart WHERE cohort_id = %(cohort_id)s AND due_at IS NOT NULL)
"""


def _fill(cursor: CursorWrapper, *, part_id: int) -> list[Unmatched] | None:
    """Look up a part, and note how far the file has come. The rows that name nobody; null when the part is no longer to
    be done.
    """
    cursor.execute(_LOCK, [part_id])
    found = cursor.fetchone()
    if found is None:
        return None
    project_id, cohort_id, naming, named, lines = found
    of: dict[str, Any] = {"project_id": project_id, "cohort_id": cohort_id}
    naming = Naming(naming)
    matched = _join(cursor, **of, naming=naming, values=[value for value in named if value is not None])
    unmatched = [
        Unmatched(line, value or "", _reason(naming, value))
        for line, value in zip(lines, named, strict=True)
        if value not in matched
    ]
    given: dict[str, Any] = {
        "part_id": part_id,
        "matched": len(named) - len(unmatched),
        "unmatched": orjson.dumps(unmatched).decode(),
    }
    cursor.execute(_DONE, given)
    # Since persons joined, the cohort is locked: of two who do the last parts, the later one sees that none is left.
    _tell(cursor, **of)
    cursor.execute(_END, of)
    return unmatched


_BY_DISTINCT_ID = """
SELECT distinct_id, person_id FROM core_persondistinctid
WHERE project_id = %(project_id)s AND distinct_id = ANY(%(values)s)
"""
_BY_UUID = """
SELECT uuid::text, id FROM core_person WHERE project_id = %(project_id)s AND uuid = ANY(%(values)s::uuid[])
"""
# The indexed start of the address finds the candidates, the whole address decides.
_BY_EMAIL = f"""
SELECT v.value, p.id FROM unnest(%(values)s::text[]) AS v (value)
JOIN core_person p ON p.project_id = %(project_id)s AND p.email_start = left(v.value, {EMAIL_START})
    AND p.properties->>'email' = v.value
"""  # noqa: S608 - a constant
_FIND = {Naming.DISTINCT_ID: _BY_DISTINCT_ID, Naming.PERSON: _BY_UUID, Naming.EMAIL: _BY_EMAIL}
_NOBODY = {
    Naming.DISTINCT_ID: "no person has this distinct id",
    Naming.PERSON: "no person has this uuid",
    Naming.EMAIL: "no person has this e-mail address",
}
_NO_UUID = "not a uuid"


def _join(
    cursor: CursorWrapper, *, project_id: int, cohort_id: int, naming: Naming, values: Sequence[str]
) -> set[str]:
    """Add who is named; those of ``values`` that name somebody."""
    canonical = {value: _canonical(value) if naming is Naming.PERSON else value for value in values}
    wanted = sorted({name for name in canonical.values() if name is not None})
    cursor.execute(_FIND[naming], {"project_id": project_id, "values": wanted})
    found = cursor.fetchall()
    ids = {person_id for _, person_id in found}
    if set(lock_persons(cursor, project_id, list(ids))) != ids:
        raise Conflict
    join_cohort(cursor, project_id, cohort_id, list(ids))
    names = {name for name, _ in found}
    return {value for value, name in canonical.items() if name in names}


def _canonical(text: str) -> str | None:
    """A uuid as PostgreSQL writes it; null for what is none."""
    try:
        return str(UUID(text))
    except ValueError:
        return None


def _reason(naming: Naming, value: str | None) -> str:
    if value is None:
        return ERASED
    is_no_uuid = naming is Naming.PERSON and _canonical(value) is None
    return _NO_UUID if is_no_uuid else _NOBODY[naming]


# Of the latest file.
_TELL = """
UPDATE core_cohort SET upload = (
    SELECT jsonb_build_object('naming', max(naming), 'rows', sum(rows),
        'done', coalesce(sum(rows) FILTER (WHERE due_at IS NULL), 0), 'matched', sum(matched))
    FROM core_cohortuploadpart WHERE cohort_id = %(cohort_id)s
      AND upload = (SELECT max(upload) FROM core_cohortuploadpart WHERE cohort_id = %(cohort_id)s)
) WHERE id = %(cohort_id)s AND project_id = %(project_id)s
"""


def _tell(cursor: CursorWrapper, **of: Any) -> None:
    """How far the file has come, for whoever looks meanwhile."""
    cursor.execute(_TELL, of)


_FAIL = """
UPDATE core_cohort SET filling_since = NULL, errors_calculating = errors_calculating + 1,
    last_error_at = now(), last_error_message = %(error)s
WHERE id = %(cohort_id)s AND project_id = %(project_id)s
"""


def _give_up(cursor: CursorWrapper, **of: Any) -> None:
    cursor.execute(_FAIL, {**of, "error": INTERRUPTED})
    drop_file(cursor, **of)


_DROP = """
DELETE FROM core_cohortuploadpart
WHERE cohort_id = %(cohort_id)s AND project_id = %(project_id)s AND due_at IS NOT NULL
"""


def drop_file(cursor: CursorWrapper, *, project_id: int, cohort_id: int) -> None:
    """What is left of a file is not looked up; who was found stays a member."""
    cursor.execute(_DROP, {"project_id": project_id, "cohort_id": cohort_id})
