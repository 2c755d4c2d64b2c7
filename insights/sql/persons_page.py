"""A page of the persons among the actors of a question."""

from core.filters.properties import PropertyGroup
from core.sql.conditions import ON_PERSONS, group_condition
from core.sql.text import Sql, all_of, integer, sql
from insights.filters.selection import Page


def persons_page(actors: Sql, of_persons: PropertyGroup, page: Page, *, found: Sql | None) -> Sql:
    """Ids, by id, of those of ``actors`` (a query for ids) who exist, pass ``of_persons`` and are ``found`` (a
    condition on rows of ``person``; null: all).

    Who is no actor is left out before anything else is read. That may come before ``FINAL``: all versions of a person
    have the same id.
    """
    conditions = [group_condition(of_persons, ON_PERSONS)] if of_persons.members else []
    if found is not None:
        conditions.append(found)
    return sql(
        """SELECT id FROM person FINAL PREWHERE project_id = {project_id:Int64} AND id IN ({actors})
        WHERE {conditions} ORDER BY project_id, id LIMIT {limit} OFFSET {offset}""",
        actors=actors,
        conditions=all_of(conditions),
        limit=integer(page.limit),
        offset=integer(page.offset),
    )
