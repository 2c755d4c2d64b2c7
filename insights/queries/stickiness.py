"""Who was active in how many of the hours, days, weeks or months of a range?

Reads ``events`` of the dates and of the series' name (by the sorting key: project, day, name), resolved through
``person_distinct_id_overrides`` where the project has any, and ``person`` for who exists and passes filters of persons.
Active is who has an event of the series; an event that is stored twice changes nothing.

Cost, 3 M events of 150,000 persons, 14 days of one name: 2.6 times ``uniqExact(person_id)`` over the same rows. A page
of persons comes in the order of the table, which stops being read when the page is full.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from core.clickhouse import client
from core.filters.properties import Source
from core.sql.patterns import check_patterns
from core.sql.text import Sql, all_of, integer, sql
from insights.filters.maths import ACTIVITY
from insights.filters.series import Series
from insights.filters.split_sources import split_sources
from insights.filters.stickiness import Stickiness, StickinessPersons
from insights.limits import Limits
from insights.sql.counted import Counted, all_counted, existing_counted
from insights.sql.person_of_event import has_overrides
from insights.sql.persons_page import persons_page
from insights.sql.pieces import piece_of
from insights.sql.search import groups_with_text, persons_with_text


def find_actors(question: StickinessPersons, *, offset: int, rows: int, limits: Limits) -> list[str]:
    """Ids of persons, or keys of groups; at most ``rows`` from ``offset`` on.

    Raises ``InvalidInput`` for a bad pattern, ``ClickHouseUnavailable`` or ``QueryTooHeavy``.
    """
    build = persons if question.stickiness.series.math.group_type_index is None else groups
    paged = replace(question, page=replace(question.page, offset=offset, limit=rows))
    found = _rows(question.stickiness, build(paged, overridden=_is_overridden(question.stickiness)), limits)
    return [str(actor) for (actor,) in found]


def find_counts(question: Stickiness, *, limits: Limits) -> dict[int, int]:
    """How many were active in so many periods, by the number of periods. Raises as ``find_actors`` does."""
    if not question.bounds:
        return {}
    found = _rows(question, counts(question, overridden=_is_overridden(question)), limits)
    return {int(periods): int(count) for periods, count in found}


def _is_overridden(question: Stickiness) -> bool:
    return has_overrides(question.selection.project_id)


def _rows(question: Stickiness, query: Sql, limits: Limits) -> Sequence[Sequence[Any]]:
    check_patterns(question.filters())
    text, parameters = query.rendered()
    return client.query(
        text,
        project_id=question.selection.project_id,
        parameters=parameters,
        settings=limits.settings(purpose="stickiness"),
    )


def persons(question: StickinessPersons, *, overridden: bool) -> Sql:
    """A page of ids of persons, by id. ``overridden``: whether any distinct id of the project has moved."""
    asked = question.stickiness
    of_persons, of_events = split_sources(asked.selection.properties, Source.PERSON)
    limited = replace(asked, selection=replace(asked.selection, properties=of_events))
    counted = all_counted(limited.selection, _activity(asked), overridden=overridden)
    actors = sql(
        "SELECT actor FROM ({active}) WHERE periods = {periods}",
        active=_active(limited, counted),
        periods=integer(question.periods),
    )
    search, dates = question.page.search, asked.selection.dates
    found = None if search is None else persons_with_text(search, dates, of_events, counted.actors)
    return persons_page(actors, of_persons, question.page, found=found)


def groups(question: StickinessPersons, *, overridden: bool) -> Sql:
    """A page of keys of groups, by key."""
    asked = question.stickiness
    counted = all_counted(asked.selection, _activity(asked), overridden=overridden)
    conditions = [sql("periods = {periods}", periods=integer(question.periods))]
    if question.page.search is not None and asked.series.math.group_type_index is not None:
        conditions.append(
            groups_with_text(
                question.page.search,
                asked.series.math.group_type_index,
                asked.selection.dates,
                asked.selection.properties,
                counted.actors,
            )
        )
    return sql(
        "SELECT actor FROM ({active}) WHERE {conditions} ORDER BY actor LIMIT {limit} OFFSET {offset}",
        active=_active(asked, counted),
        conditions=all_of(conditions),
        limit=integer(question.page.limit),
        offset=integer(question.page.offset),
    )


def counts(question: Stickiness, *, overridden: bool) -> Sql:
    """Rows ``periods, count``."""
    counted = existing_counted(question.selection, _activity(question), overridden=overridden)
    return sql("SELECT periods, count() FROM ({active}) GROUP BY periods", active=_active(question, counted))


def _activity(question: Stickiness) -> Series:
    """Of the math only matters whether groups are counted."""
    counts_groups = question.series.math.group_type_index is not None
    return question.series if counts_groups else replace(question.series, math=ACTIVITY)


def _active(question: Stickiness, counted: Counted) -> Sql:
    """Rows ``actor, periods`` of everyone with an event."""
    return sql(
        "SELECT {actor} AS actor, uniqExact({piece}) AS periods FROM {source} WHERE {where} GROUP BY actor",
        actor=counted.actors.id,
        piece=piece_of(question.bounds[:-1]),
        source=counted.source,
        where=counted.where,
    )
