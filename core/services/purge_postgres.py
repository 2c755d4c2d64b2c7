"""PostgreSQL's side of the deletion of a project: its rows go a few thousand at a time, each part in a transaction that
also counts it in the receipt, so a worker that is killed neither loses nor repeats anything.
"""

from collections.abc import Mapping

import orjson
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from core.outbox.freeze import NO_FREEZE

#: Rows of one transaction.
PART = 10_000

#: Tables with rows of projects, by what receipts call them, in the order in which they go. Distinct ids refer to
#: persons, calculations and files to cohorts. Members go after their persons: triggers would tell ClickHouse of them
#: else.
TABLES: Mapping[str, str] = {
    "postgres_distinct_ids": "core_persondistinctid",
    "postgres_persons": "core_person",
    "postgres_members": "core_cohortmember",
    "postgres_calculations": "core_cohortcalculation",
    "postgres_uploads": "core_cohortuploadpart",
    "postgres_cohorts": "core_cohort",
    "postgres_tombstones": "core_persontombstone",
    "postgres_distinct_id_tombstones": "core_distinctidtombstone",
    "postgres_journal": "core_identitychange",
    "postgres_groups": "core_group",
    "postgres_group_types": "core_grouptype",
    "postgres_webhook_deliveries": "core_webhookdelivery",
    "postgres_webhooks": "core_webhook",
    "postgres_answers": "core_idempotentrequest",
    "postgres_imports": "core_eventimport",
    "postgres_imported_persons": "core_importedperson",
    "postgres_posthog_imports": "core_posthogimport",
    "postgres_activity": "core_activityentry",
    "postgres_data_versions": "core_dataversion",
}
#: Buffers of what is on its way to ClickHouse.
BUFFERS: Mapping[str, str] = {"postgres_events": "core_eventbuffer", "postgres_changes": "core_outbox"}
#: What ClickHouse refused.
REFUSED = "postgres_undeliverable"
STORES = (*TABLES, *BUFFERS, REFUSED)

#: Where no index leads to the rows of a project, another one does.
_BY = {
    "core_cohortmember": "cohort_id = ANY(ARRAY(SELECT id FROM core_cohort WHERE project_id = %(project_id)s))",
    "core_cohortcalculation": "cohort_id = ANY(ARRAY(SELECT id FROM core_cohort WHERE project_id = %(project_id)s))",
    "core_cohortuploadpart": "cohort_id = ANY(ARRAY(SELECT id FROM core_cohort WHERE project_id = %(project_id)s))",
    "core_webhookdelivery": "webhook_id = ANY(ARRAY(SELECT id FROM core_webhook WHERE project_id = %(project_id)s))",
}
_OF_PROJECT = "project_id = %(project_id)s"
_DELETE = """
DELETE FROM {table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM {table} WHERE {condition} LIMIT %(part)s))
"""
_ADD = """
UPDATE core_projectdeletion SET counts_before = counts_before || jsonb_build_object(
    %(store)s::text, coalesce((counts_before->>%(store)s)::bigint, 0) + %(rows)s
) WHERE project_id = %(project_id)s
"""


def purge_tables(project_id: int) -> None:
    """Delete every row of the project but for what is on its way to ClickHouse."""
    for store, table in TABLES.items():
        # Then what no cohort and no webhook leads to.
        for condition in filter(None, (_BY.get(table), _OF_PROJECT)):
            while _delete_part(project_id, store, table, condition) >= PART:
                pass


def _delete_part(project_id: int, store: str, table: str, condition: str) -> int:
    given = {"project_id": project_id, "part": PART}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_DELETE.format(table=table, condition=condition), given)
        rows = int(cursor.rowcount)
        _add(cursor, project_id, store, rows)
        return rows


def add_counts(project_id: int, counts: Mapping[str, int]) -> None:
    """Note rows that were found elsewhere."""
    with connection.cursor() as cursor:
        for store, rows in counts.items():
            _add(cursor, project_id, store, rows)


def _add(cursor: CursorWrapper, project_id: int, store: str, rows: int) -> None:
    if rows:
        cursor.execute(_ADD, {"project_id": project_id, "store": store, "rows": rows})


_FROZEN = "SELECT unnest(row_ids) FROM core_deliverybatch WHERE {which}"
_REMOVE_EVENTS = f"""
DELETE FROM core_eventbuffer WHERE {_OF_PROJECT} AND id NOT IN ({_FROZEN.format(which="target = 'events'")})
"""  # noqa: S608 - put together from constants
_REMOVE_CHANGES = f"""
DELETE FROM core_outbox WHERE {_OF_PROJECT} AND id NOT IN ({_FROZEN.format(which="target <> 'events'")})
"""  # noqa: S608 - put together from constants


@transaction.atomic
def purge_waiting(project_id: int) -> None:
    """Delete what waits for ClickHouse and is in no frozen batch, which must stay as it is."""
    with connection.cursor() as cursor:
        cursor.execute(NO_FREEZE)
        for store, statement in zip(BUFFERS, (_REMOVE_EVENTS, _REMOVE_CHANGES), strict=True):
            cursor.execute(statement, {"project_id": project_id})
            _add(cursor, project_id, store, cursor.rowcount)


_REFUSED = """
(CASE WHEN line IS JSON OBJECT THEN line::json->>'project_id' END)::bigint = %(project_id)s
"""


@transaction.atomic
def purge_refused(project_id: int) -> None:
    """Delete what ClickHouse refused: of that only the line tells the project."""
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM core_undeliverable WHERE {_REFUSED}", {"project_id": project_id})  # noqa: S608
        _add(cursor, project_id, REFUSED, cursor.rowcount)


def count_rows(project_id: int) -> dict[str, int]:
    """What is left, by store."""
    conditions = {
        **{store: (table, _OF_PROJECT) for store, table in {**TABLES, **BUFFERS}.items()},
        REFUSED: ("core_undeliverable", _REFUSED),
    }
    counts = {}
    with connection.cursor() as cursor:
        for store, (table, condition) in conditions.items():
            cursor.execute(f"SELECT count(*) FROM {table} WHERE {condition}", {"project_id": project_id})  # noqa: S608
            counts[store] = int(cursor.fetchone()[0])
    return counts


def waits_for_delivery(project_id: int) -> bool:
    """Whether something of the project is still on its way."""
    with connection.cursor() as cursor:
        for table in BUFFERS.values():
            cursor.execute(
                f"SELECT EXISTS (SELECT 1 FROM {table} WHERE {_OF_PROJECT})",  # noqa: S608 - constants
                {"project_id": project_id},
            )
            if cursor.fetchone()[0]:
                return True
    return False


_ROW = "DELETE FROM core_project WHERE id = %s AND deleted_at IS NOT NULL"
_NOBODYS = "UPDATE core_user SET current_project_id = NULL WHERE current_project_id = %s"


@transaction.atomic
def delete_row(project_id: int) -> None:
    """Delete the row of the project itself. Raises ``IntegrityError`` while others refer to it: who came late."""
    with connection.cursor() as cursor:
        cursor.execute(_NOBODYS, [project_id])
        cursor.execute(_ROW, [project_id])


#: Whose dead rows are made free: all of the above.
_VACUUM = (*TABLES.values(), *BUFFERS.values(), "core_undeliverable", "core_project")


def vacuum() -> None:
    """Make the space of deleted rows free, and forget what was noted about frequent values."""
    with connection.cursor() as cursor:
        for table in _VACUUM:
            cursor.execute(f"VACUUM (ANALYZE) {table}")


_NOTE = """
UPDATE core_projectdeletion SET stage = %(stage)s, {also} WHERE project_id = %(project_id)s AND stage = %(before)s
"""
_ALSO = {
    "accepted": "removed_at = NULL",
    "sealed": "removed_at = NULL",
    "removed": "removed_at = clock_timestamp()",
    "verified": "delete_verified_at = clock_timestamp(), counts_after = %(counts)s",
    "scrubbed": "scrubbed_at = clock_timestamp()",
}


def note_stage(project_id: int, *, before: str, after: str, counts: Mapping[str, int] | None = None) -> None:
    """Move a deletion on, or back."""
    given: dict[str, int | str] = {
        "project_id": project_id,
        "before": before,
        "stage": after,
        "counts": orjson.dumps(dict(counts or {})).decode(),
    }
    with connection.cursor() as cursor:
        cursor.execute(_NOTE.format(also=_ALSO[after]), given)
