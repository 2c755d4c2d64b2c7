"""ClickHouse's side of the deletion of a project: every row of it goes by mutations that write the parts anew, a
partition at a time, so the bytes go as well. A patch, as erasures of persons write it, would have to name every row.
"""

from datetime import datetime, timedelta

from django.conf import settings

from core.advisory_lock import in_turn
from core.clickhouse import client
from core.clickhouse.mutations import wait_for_mutations
from core.clickhouse.squash import REWRITING

#: Tables with rows of projects, by what receipts call them.
STORES = {
    "clickhouse_events": "events",
    "clickhouse_persons": "person",
    "clickhouse_persons_in_order": "person_newest_first",
    "clickhouse_members": "cohort_members",
    "clickhouse_distinct_ids": "person_distinct_id",
    "clickhouse_overrides": "person_distinct_id_overrides",
    "clickhouse_squash": "overrides_to_squash",
    "clickhouse_groups": "groups",
}
#: By which clocks may differ.
_SKEW = timedelta(seconds=5)


def count_rows(project_id: int) -> dict[str, int]:
    """Rows of the project by store, those that count for nothing included."""
    counts = {}
    for store, table in STORES.items():
        sql = f"SELECT count() FROM {table} WHERE project_id = {{project_id:Int64}}"  # noqa: S608 - a constant
        ((rows,),) = client.query(sql, project_id=project_id)
        counts[store] = int(rows)
    return counts


_PARTITIONS = "SELECT DISTINCT _partition_id FROM {table} WHERE project_id = {{project_id:Int64}} ORDER BY 1"
_DELETE = "ALTER TABLE {table} DELETE IN PARTITION ID '{partition}' WHERE project_id = {{project_id:Int64}}"


def remove(project_id: int) -> None:
    """Delete every row of the project. Raises ``ClickHouseUnavailable`` or ``ClickHouseRefused``."""
    for table in STORES.values():
        for (partition,) in client.query(_PARTITIONS.format(table=table), project_id=project_id):
            # Whoever else rewrites, or erases persons, comes between two partitions.
            with in_turn(*REWRITING):
                client.administer(
                    _DELETE.format(table=table, partition=partition), parameters={"project_id": project_id}
                )
                wait_for_mutations(table, command="%DELETE%project_id%")


_OLD = """
SELECT count() FROM system.parts
WHERE database = {database:String} AND table IN {tables:Array(String)} AND NOT active
  AND remove_time <= {moment:DateTime}
"""


def has_old_parts(moment: datetime) -> bool:
    """Whether parts are still on the disk that were no longer needed at ``moment``, by a clock that may be another."""
    parameters = {
        "database": settings.CLICKHOUSE["database"],
        "tables": list(STORES.values()),
        "moment": moment + _SKEW,
    }
    return client.inspect(_OLD, parameters=parameters) != [(0,)]
