"""The members of deleted cohorts go after a while; until then a cohort can be restored with them."""

from datetime import timedelta
from typing import Any

from django.db import connection

_AFTER = timedelta(days=1)
#: Rows of one statement; what is left is for the next start.
_ROWS = 50_000

_PURGE = """
WITH gone AS (
    DELETE FROM core_cohortmember WHERE id IN (
        SELECT m.id FROM core_cohort c JOIN core_cohortmember m ON m.cohort_id = c.id
        WHERE c.deleted AND c.deleted_at < now() - %(after)s LIMIT %(rows)s
    ) RETURNING cohort_id
)
SELECT count(*) FROM gone
"""
_COUNT = """
UPDATE core_cohort c SET count = 0
WHERE c.deleted AND c.count > 0 AND c.deleted_at < now() - %(after)s
  AND NOT EXISTS (SELECT 1 FROM core_cohortmember m WHERE m.cohort_id = c.id)
"""


def purge_deleted() -> int:
    """Remove members of cohorts that were deleted a day ago; how many."""
    given: dict[str, Any] = {"after": _AFTER, "rows": _ROWS}
    with connection.cursor() as cursor:
        cursor.execute(_PURGE, given)
        (count,) = cursor.fetchone()
        cursor.execute(_COUNT, given)
    return int(count)
