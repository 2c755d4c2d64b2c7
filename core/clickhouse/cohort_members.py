"""Members of cohorts on loan to ClickHouse, for the criteria of one calculation at a time."""

from collections.abc import Iterator
from uuid import uuid4

from django.db import connection, transaction

from core.clickhouse import client

#: Members of one insert.
_ROWS = 50_000

_MEMBERS = """
SELECT p.uuid::text FROM core_cohortmember m
JOIN core_cohort c ON c.id = m.cohort_id AND c.project_id = m.project_id AND NOT c.deleted
JOIN core_person p ON p.id = m.person_id AND p.project_id = m.project_id
WHERE m.project_id = %s AND m.cohort_id = %s
"""


def forget() -> None:
    """Take all members back."""
    client.administer("TRUNCATE TABLE cohort_criteria_members")


def lend(project_id: int, cohort_id: int) -> None:
    """Put the members of a cohort into ``cohort_criteria_members``; none when the project has no such cohort."""
    for uuids in _pages(project_id, cohort_id):
        start = f'{{"project_id":{project_id},"cohort_id":{cohort_id},"person_id":"'
        lines = "".join(f'{start}{uuid}"}}\n' for uuid in uuids)
        client.insert_lines("cohort_criteria_members", lines.encode(), token=str(uuid4()))


def _pages(project_id: int, cohort_id: int) -> Iterator[list[str]]:
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute(_MEMBERS, [project_id, cohort_id])
        while rows := cursor.fetchmany(_ROWS):
            yield [uuid for (uuid,) in rows]
