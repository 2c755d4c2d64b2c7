"""Who an event belongs to now.

An event keeps the person that it was captured with. Where its distinct id has since moved to another person
(a merge, a split), ``person_distinct_id_overrides`` knows. The join costs about as much as a small funnel
(0.1 s for 1.2 M events and 20,000 overrides on two cores), so a project without overrides goes without:
that is one look-up by primary key.
"""

from dataclasses import dataclass

from core.clickhouse import client
from insights.sql.text import Sql, sql

_HAS_OVERRIDES = "SELECT 1 FROM person_distinct_id_overrides WHERE project_id = {project_id:Int64} LIMIT 1"


@dataclass(frozen=True, slots=True)
class Actors:
    """Events with who did them: ``source`` is for FROM and names the events ``e``, ``id`` is the person's
    id for each of them.
    """

    source: Sql
    id: Sql


_AS_CAPTURED = Actors(source=sql("events AS e"), id=sql("e.person_id"))
_RESOLVED = Actors(
    source=sql("""events AS e
        LEFT ANY JOIN (
            SELECT distinct_id, person_id FROM person_distinct_id_overrides FINAL
            WHERE project_id = {project_id:Int64} AND is_deleted = 0
        ) AS moved ON e.distinct_id = moved.distinct_id"""),
    id=sql("if(notEmpty(moved.distinct_id), moved.person_id, e.person_id)"),
)


def persons_of_events(*, overridden: bool) -> Actors:
    """``overridden``: whether any distinct id of the project has moved."""
    return _RESOLVED if overridden else _AS_CAPTURED


def has_overrides(project_id: int) -> bool:
    return bool(client.query(_HAS_OVERRIDES, project_id=project_id))
