"""Takes persons who go out of what files for static cohorts say: out of the rows that wait to be looked up, and out of
the reports of rows that named nobody. Such a row was about nobody known, but whom it names may have come later, or be
known under an address that is written another way.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.backends.utils import CursorWrapper

#: What a report gives as the reason where a row named somebody who has been erased since.
ERASED = "what it named has been erased"

_OF_PROJECT = "u.project_id = %(project_id)s AND u.created_at <= coalesce(%(until)s::timestamptz, 'infinity')"
# Lists that PostgreSQL knows when it plans are looked up by hash.
_IS_NAMED = "(value = ANY(%(names)s::text[]) OR lower(value) = ANY(%(in_small_letters)s::text[]))"
_WAITING = "unnest(u.named) WITH ORDINALITY AS waiting (value, place)"
_TOLD = """
(
    SELECT one, one->>'value' AS value, place
    FROM jsonb_array_elements(u.unmatched) WITH ORDINALITY AS told (one, place)
) AS told
"""
_NAMES_ONE = f"""
(EXISTS (SELECT FROM {_WAITING} WHERE {_IS_NAMED}) OR EXISTS (SELECT FROM {_TOLD} WHERE {_IS_NAMED}))
"""  # noqa: S608 - put together from constants
# The row stays: on which line it is, and that it named nobody, is about the file.
_FORGET = f"""
UPDATE core_cohortuploadpart u SET
    named = CASE WHEN u.named IS NOT NULL THEN
        ARRAY(SELECT CASE WHEN NOT {_IS_NAMED} THEN value END FROM {_WAITING} ORDER BY place)
    END,
    unmatched = (
        SELECT coalesce(jsonb_agg(CASE WHEN {_IS_NAMED} THEN one || %(instead)s ELSE one END ORDER BY place), '[]')
        FROM {_TOLD}
    )
WHERE {_OF_PROJECT} AND {_NAMES_ONE}
"""  # noqa: S608 - put together from constants
_COUNT = f"""
SELECT count(*) FROM core_cohortuploadpart u WHERE {_OF_PROJECT} AND {_NAMES_ONE}
"""  # noqa: S608 - put together from constants
_HAS_FILES = "SELECT EXISTS (SELECT 1 FROM core_cohortuploadpart WHERE project_id = %s)"


def has_files(cursor: CursorWrapper, project_id: int) -> bool:
    """Whether anything is kept of what files say: it is for a day."""
    cursor.execute(_HAS_FILES, [project_id])
    return bool(cursor.fetchone()[0])


def forget_rows_naming(
    cursor: CursorWrapper, project_id: int, names: Sequence[str], *, until: datetime | None
) -> None:
    """Leave nothing but its line of each row that has one of these uuids, distinct ids or e-mail addresses, whatever
    its file calls them and in small letters or capitals; of files that came up to ``until``, null: of all.
    """
    instead = f'{{"value": "", "reason": "{ERASED}"}}'
    cursor.execute(_FORGET, {**_given(project_id, names, until), "instead": instead})


def count_files_naming(
    cursor: CursorWrapper, project_id: int, names: Sequence[str], *, until: datetime
) -> int:
    """How many parts of files have such rows."""
    cursor.execute(_COUNT, _given(project_id, names, until))
    return int(cursor.fetchone()[0])


def _given(project_id: int, names: Sequence[str], until: datetime | None) -> dict[str, Any]:
    in_small_letters = [name.lower() for name in names]
    return {
        "project_id": project_id,
        "names": list(names),
        "in_small_letters": in_small_letters,
        "until": until,
    }
