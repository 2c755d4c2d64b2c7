"""Requests to erase the events of persons, newest first, and what became of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

import orjson
from django.db import connection

from core.json import iso

Status = Literal["pending", "completed", "all"]


@dataclass(frozen=True, slots=True)
class DeletionPage:
    """``total`` counts the rows of all pages."""

    rows: list[dict[str, Any]]
    total: int


_STATUS: dict[Status, str] = {
    "all": "",
    "pending": "AND delete_verified_at IS NULL",
    "completed": "AND delete_verified_at IS NOT NULL",
}
_MATCHING = """
FROM core_deletionrequest
WHERE project_id = %(project_id)s AND erases_events {status}
    AND (%(person_uuid)s::uuid IS NULL OR person_uuid = %(person_uuid)s)
"""
_COLUMNS = """
id, person_uuid, user_id, stage, erases_person, counts_before::text, counts_after::text, created_at, removed_at,
delete_verified_at, scrubbed_at
"""
_COUNT = f"SELECT count(*) {_MATCHING}"
_LIST = f"SELECT {_COLUMNS} {_MATCHING} ORDER BY created_at DESC, id DESC LIMIT %(limit)s OFFSET %(offset)s"
_ONE = f"SELECT {_COLUMNS} FROM core_deletionrequest WHERE project_id = %s AND id = %s AND erases_events"  # noqa: S608 - constants


def list_deletions(
    project_id: int, *, status: Status, person_uuid: UUID | None, limit: int, offset: int
) -> DeletionPage:
    """A page of the requests of a project."""
    given = {"project_id": project_id, "person_uuid": person_uuid, "limit": limit, "offset": offset}
    with connection.cursor() as cursor:
        cursor.execute(_COUNT.format(status=_STATUS[status]), given)
        (total,) = cursor.fetchone()
        cursor.execute(_LIST.format(status=_STATUS[status]), given)
        return DeletionPage([_row(row) for row in cursor.fetchall()], total)


def get_deletion(project_id: int, deletion_id: int) -> dict[str, Any] | None:
    """One request of a project."""
    with connection.cursor() as cursor:
        cursor.execute(_ONE, [project_id, deletion_id])
        row = cursor.fetchone()
    return _row(row) if row else None


def _row(row: Sequence[Any]) -> dict[str, Any]:
    request_id, uuid, user_id, stage, erases_person, before, after, asked, removed, verified, scrubbed = row
    return {
        "id": request_id,
        "person_uuid": str(uuid),
        "status": "pending" if verified is None else "completed",
        "created_at": iso(asked),
        "delete_verified_at": iso(verified),
        "stage": stage,
        "person_deleted": erases_person,
        "requested_by": user_id,
        "counts_before": orjson.loads(before),
        "counts_after": orjson.loads(after) if after else None,
        "removed_at": iso(removed),
        "scrubbed_at": iso(scrubbed),
    }
