"""Stores a page of persons of another server: one transaction, whatever their number a handful of statements.

The rules are ``core.identity.take_over``'s; the row of each person says which version was written, so that the next
pass can tell who was changed here.
"""

from collections.abc import Sequence
from uuid import UUID

import orjson
from django.db.backends.utils import CursorWrapper

from core.identity.resolve import Identities
from core.identity.take_over import Known, Taken, take_over
from core.posthog.persons import SourcePerson
from core.services.identities import load, person_state, write
from core.services.transaction import Conflict

_ALIVE = """
SELECT id, uuid, properties::text, created_at, is_identified, version, last_seen_at FROM core_person
WHERE project_id = %s AND uuid = ANY(%s)
"""
_DIED = "SELECT uuid FROM core_persontombstone WHERE project_id = %s AND uuid = ANY(%s)"
_WRITTEN = """
SELECT uuid, version FROM core_importedperson
WHERE project_id = %s AND posthog_import_id = %s AND uuid = ANY(%s) AND version IS NOT NULL
"""
_NOTE = """
INSERT INTO core_importedperson
    (project_id, posthog_import_id, uuid, version, distinct_ids, problem, pass_number)
SELECT %s, %s, uuid, version, distinct_ids, problem, %s
FROM json_to_recordset(%s) AS new (uuid uuid, version bigint, distinct_ids integer, problem text)
ON CONFLICT (project_id, posthog_import_id, uuid) DO UPDATE SET
    version = excluded.version, distinct_ids = excluded.distinct_ids, problem = excluded.problem,
    pass_number = excluded.pass_number
"""


def take_persons(
    cursor: CursorWrapper,
    *,
    project_id: int,
    import_id: int,
    pass_number: int,
    persons: Sequence[SourcePerson],
) -> None:
    """Make ``persons`` persons of the project, in a transaction that ``change_persons`` runs. Raises ``Conflict``."""
    identities = load(cursor, project_id, list({one for person in persons for one in person.distinct_ids}))
    known = _known(cursor, identities, import_id, [person.uuid for person in persons])
    outcomes = [take_over(identities, person, known) for person in persons]
    write(cursor, identities)
    if any(taken.person is not None and taken.person.uuid != taken.given.uuid for taken in outcomes):
        # Somebody made a person of the same uuid after this transaction had looked.
        raise Conflict
    rows = [_row(taken) for taken in outcomes]
    cursor.execute(_NOTE, [project_id, import_id, pass_number, orjson.dumps(rows).decode()])


def _known(cursor: CursorWrapper, identities: Identities, import_id: int, uuids: list[UUID]) -> Known:
    project_id = identities.project_id
    alive = {mapping.person.uuid: mapping.person for mapping in identities.mappings.values()}
    cursor.execute(_ALIVE, [project_id, uuids])
    for person_id, *row in cursor.fetchall():
        # Who was found by a distinct id is known already, and is one person only.
        alive.setdefault(row[0], person_state(person_id, row))
    cursor.execute(_DIED, [project_id, uuids])
    died = frozenset(uuid for (uuid,) in cursor.fetchall()) - alive.keys()
    cursor.execute(_WRITTEN, [project_id, import_id, uuids])
    return Known(alive, died, dict(cursor.fetchall()))


def _row(taken: Taken) -> dict[str, object]:
    person = taken.person
    return {
        "uuid": taken.given.uuid,
        "version": person.version if person and taken.is_as_there else None,
        "distinct_ids": len(taken.given.distinct_ids) + taken.given.unfit_ids,
        "problem": taken.problem or "",
    }
