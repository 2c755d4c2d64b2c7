"""The members of deleted cohorts go after a while; until then a cohort can be restored with them. What is told of files
goes after the same while: it names people.
"""

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
# What is left to do of one is for the worker, unless the cohort is deleted.
_FORGET_UPLOADS = """
DELETE FROM core_cohortuploadpart u USING core_cohort c
WHERE c.id = u.cohort_id AND u.created_at < now() - %(after)s
  AND ((u.due_at IS NULL AND c.filling_since IS NULL) OR (c.deleted AND c.deleted_at < now() - %(after)s))
"""
# Nobody goes on with a file that is not there.
_GIVE_UP = """
UPDATE core_cohort c SET filling_since = NULL
WHERE c.filling_since < now() - interval '1 hour'
  AND NOT EXISTS (SELECT 1 FROM core_cohortuploadpart u WHERE u.cohort_id = c.id)
"""


def purge_deleted() -> int:
    """Remove members of cohorts that were deleted a day ago, how many; and forget files of a day ago."""
    given: dict[str, Any] = {"after": _AFTER, "rows": _ROWS}
    with connection.cursor() as cursor:
        cursor.execute(_PURGE, given)
        (count,) = cursor.fetchone()
        cursor.execute(_COUNT, given)
        cursor.execute(_FORGET_UPLOADS, given)
        cursor.execute(_GIVE_UP, given)
    return int(count)
