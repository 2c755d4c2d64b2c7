"""Which cohorts a person is in."""

from typing import Any

from django.db import connection

_COHORTS = """
SELECT c.id, c.name, c.count FROM core_cohortmember m JOIN core_cohort c ON c.id = m.cohort_id
WHERE m.project_id = %s AND m.person_id = %s AND NOT c.deleted
ORDER BY c.id
"""


def cohorts_of_person(project_id: int, person_id: int) -> list[dict[str, Any]]:
    """Id, name and count of each, by id; deleted cohorts are left out."""
    with connection.cursor() as cursor:
        cursor.execute(_COHORTS, [project_id, person_id])
        return [{"id": pk, "name": name, "count": count} for pk, name, count in cursor.fetchall()]
