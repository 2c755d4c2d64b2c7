"""Who is in a cohort, for queries: ``cohort_members`` in ClickHouse, a replica of PostgreSQL's members."""

from collections.abc import Mapping

from core.sql.text import Sql, integer, sql, text, trusted

#: What waits for ClickHouse, by cohort: lines as ``cohort_member_changes`` gets them.
WaitingMembers = Mapping[int, str]

_SHAPE = trusted("'person_ids Array(UUID), version UInt64, is_deleted UInt8'")


def is_member(person: Sql, cohort_id: int, waiting: WaitingMembers) -> Sql:
    """Whether ``person``, an expression for a uuid, is in the cohort; nobody is in one that the project has not.

    What is ``waiting`` counts, too.
    """
    return sql("{person} IN ({members})", person=person, members=member_ids(cohort_id, waiting))


def member_ids(cohort_id: int, waiting: WaitingMembers) -> Sql:
    """A question for the ``person_id`` of each member, once."""
    lines = waiting.get(cohort_id)
    if lines is None:
        return sql(
            """SELECT person_id FROM cohort_members FINAL
            WHERE project_id = {project_id:Int64} AND cohort_id = {cohort}""",
            cohort=integer(cohort_id),
        )
    return sql(
        """SELECT person_id FROM (
            SELECT person_id, version, is_deleted FROM cohort_members
            WHERE project_id = {project_id:Int64} AND cohort_id = {cohort}
            UNION ALL
            SELECT arrayJoin(person_ids) AS person_id, version, is_deleted FROM format(JSONEachRow, {shape}, {lines})
        ) GROUP BY person_id HAVING argMax(is_deleted, version) = 0""",
        cohort=integer(cohort_id),
        shape=_SHAPE,
        lines=text(lines),
    )
