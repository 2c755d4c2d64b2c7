"""The state of a project's data in ClickHouse, as a text that changes with it."""

from dataclasses import dataclass
from datetime import UTC, datetime

from core.database import fetch_prepared
from core.outbox.data_versions import part_of_day

#: Seconds that a change may take to ClickHouse. While one takes longer, whoever has an older answer asks anew.
PROMISE = 1.0
#: No part is above.
_EVERY_DAY = 2**31 - 1

# Numbers of versions are random, so two sums are equal only where nothing has changed. The oldest row that waits stands
# for all: there is no index by project, and as a rule nothing waits for long. Cohorts are few, and each change of their
# members changes their row.
_VERSION = """
SELECT
    (SELECT coalesce(sum(version), 0)::text FROM core_dataversion
        WHERE project_id = %(project_id)s AND part <= %(last_part)s),
    CASE WHEN %(has_cohorts)s THEN (SELECT coalesce(string_agg(id || ':' || xmin::text, ',' ORDER BY id), '')
        FROM core_cohort WHERE project_id = %(project_id)s) ELSE '' END,
    coalesce(least(
        (SELECT created_at FROM core_eventbuffer ORDER BY id LIMIT 1),
        (SELECT created_at FROM core_outbox ORDER BY id LIMIT 1)
    ) < clock_timestamp() - make_interval(secs => %(promise)s), false)
"""


@dataclass(frozen=True, slots=True)
class DataVersion:
    """``text`` is equal for two answers only if the same had reached ClickHouse before both. With ``is_late`` something
    was accepted longer than ``PROMISE`` ago and may not have.
    """

    text: str
    is_late: bool


def data_version(project_id: int, *, last: datetime | None, has_cohorts: bool) -> DataVersion:
    """For a question about events up to ``last`` (null: any), and about cohorts or not."""
    last_part = _EVERY_DAY if last is None else part_of_day(last.astimezone(UTC).date())
    ((events, cohorts, is_late),) = fetch_prepared(
        _VERSION,
        {
            "project_id": project_id,
            "last_part": last_part,
            "has_cohorts": has_cohorts,
            "promise": PROMISE,
        },
    )
    return DataVersion(f"{events} {cohorts}".strip(), is_late)
