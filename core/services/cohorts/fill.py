"""Fills a static cohort with many persons before the request is answered, in short transactions of their own: persons
are locked only as long as their batch takes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID

import orjson
from django.db.backends.utils import CursorWrapper

from core.models.person import EMAIL_START
from core.services.cohorts.read_csv import NamedPersons, Naming
from core.services.cohorts.request_calculation import INTERRUPTED
from core.services.cohorts.static_members import BATCH, join_by_uuid, join_cohort, lock_persons
from core.services.transaction import Conflict, change_persons

#: Rows of a file after which is noted how far it has come; a multiple of ``BATCH``.
_TOLD_EVERY = 5 * BATCH


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A row of a file that names nobody. ``row`` is its line, from 1."""

    row: int
    value: str
    reason: str


@dataclass(slots=True)
class Report:
    """What became of a file: ``rows`` with a value, of which ``matched`` name somebody."""

    naming: Naming
    rows: int
    matched: int = 0
    unmatched: list[Unmatched] = field(default_factory=list)


def fill_by_uuids(*, project_id: int, cohort_id: int, uuids: Sequence[UUID]) -> None:
    """Those of ``uuids`` who exist become members."""
    for start in range(0, len(uuids), BATCH):
        batch = uuids[start : start + BATCH]
        change_persons(
            project_id, partial(join_by_uuid, project_id=project_id, cohort_id=cohort_id, uuids=batch)
        )


def fill_by_csv(*, project_id: int, cohort_id: int, persons: NamedPersons) -> Report:
    """Those whom the file names become members; who was named and is not there is in the report."""
    report = Report(persons.naming, rows=len(persons.values))
    of: dict[str, Any] = {"project_id": project_id, "cohort_id": cohort_id}
    change_persons(project_id, partial(_begin, **of))
    try:
        for start in range(0, len(persons.values), BATCH):
            batch = slice(start, start + BATCH)
            join = partial(_join, **of, naming=persons.naming, values=persons.values[batch])
            _note(report, persons, batch, change_persons(project_id, join))
            if batch.stop % _TOLD_EVERY == 0 or batch.stop >= report.rows:
                done = min(batch.stop, report.rows)
                change_persons(project_id, partial(_tell, **of, report=report, done=done))
    except BaseException:
        change_persons(project_id, partial(_end, **of, error=INTERRUPTED))
        raise
    change_persons(project_id, partial(_end, **of, error=None))
    return report


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


def _note(report: Report, persons: NamedPersons, batch: slice, matched: set[str]) -> None:
    for line, value in zip(persons.lines[batch], persons.values[batch], strict=True):
        if value in matched:
            report.matched += 1
            continue
        is_no_uuid = persons.naming is Naming.PERSON and _canonical(value) is None
        reason = _NO_UUID if is_no_uuid else _NOBODY[persons.naming]
        report.unmatched.append(Unmatched(line, value, reason))


_BEGIN = (
    "UPDATE core_cohort SET filling_since = now() WHERE id = %(cohort_id)s AND project_id = %(project_id)s"
)


def _begin(cursor: CursorWrapper, **of: Any) -> None:
    cursor.execute(_BEGIN, of)


_TELL = """
UPDATE core_cohort SET upload = %(upload)s WHERE id = %(cohort_id)s AND project_id = %(project_id)s
"""


def _tell(cursor: CursorWrapper, *, report: Report, done: int, **of: Any) -> None:
    """How far the file has come, for whoever looks meanwhile."""
    told = {"naming": report.naming, "rows": report.rows, "done": done, "matched": report.matched}
    cursor.execute(_TELL, {**of, "upload": orjson.dumps(told).decode()})


_END = """
UPDATE core_cohort SET filling_since = NULL, last_calculation = now(),
    errors_calculating = %(errors)s, last_error_message = %(error)s
WHERE id = %(cohort_id)s AND project_id = %(project_id)s
"""


def _end(cursor: CursorWrapper, *, error: str | None, **of: Any) -> None:
    cursor.execute(_END, {**of, "error": error, "errors": int(error is not None)})
