"""What are the numbers of a series, point by point, and by the values of a breakdown?

Reads ``events`` of the dates and of the series' name (by the sorting key: project, day, name). Only where persons are
asked about it resolves them through ``person_distinct_id_overrides`` (where the project has any) and reads ``person``:
numbers of persons are of those who exist, as in the lists behind them; numbers of events are of all events, also of
those that belong to nobody.

The bounds of what the points look at cut the range into pieces, each of which belongs to some points. There are three
forms:

* Each piece belongs to one point: its aggregate is the number.
* Points look at everything up to their end, and numbers add up (events, sums), or count who has been there (persons,
  groups, sessions: each counts in the piece where it appears first): the numbers of the pieces are added up here.
* Else (points overlap) each event, or each actor of a piece, is given to all points of its piece.

An event that is stored twice is counted once: by its key; for maths of a property the table is read with ``FINAL``.

Cost, 3 M events of 150,000 persons, 14 days of one name, as times of ``uniqExact(person_id)`` over the same rows: 1.1
for persons a day, 1.5 for events, 2.4 for a property, 4.6 for events a person, 9 for persons of seven days. Cumulative:
1.5 for persons and events, 3 to 5 for a property, 13 for events a person. A breakdown adds 3 for finding its values.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from math import isfinite
from typing import Any

from core.clickhouse import client
from core.filters.dates import DateRange
from core.sql.patterns import check_patterns
from core.sql.text import Sql, integer, join, sql, texts, trusted
from insights.filters.breakdown import Breakdown, Value
from insights.filters.maths import Aggregate, Math, Of
from insights.filters.series import Series
from insights.filters.trend_series import Display, Trend
from insights.limits import Limits
from insights.sql.breakdown import event_value, joined_owners
from insights.sql.counted import Counted, all_counted, asks_persons, counts_persons, existing_counted
from insights.sql.maths import HOW_MANY, SESSION, aggregate_of, property_number
from insights.sql.person_of_event import has_overrides
from insights.sql.pieces import piece_of

#: The value of the one series that there is without a breakdown.
WHOLE: Value = ()
Number = int | float
_SECOND = timedelta(seconds=1)
_NO_VALUE = sql("CAST([] AS Array(String))")


@dataclass(frozen=True, slots=True)
class Values:
    """Values of a breakdown, most frequent first, and whether there are more."""

    values: list[Value]
    has_more: bool


def find_values(trend: Trend, series: Series, *, limits: Limits) -> Values:
    """The values that have a series of their own. Raises as ``find_numbers`` does."""
    if trend.breakdown is None:
        return Values([WHOLE], has_more=False)
    if not trend.bounds:
        return Values([], has_more=False)
    if trend.breakdown.by_cohort:
        return Values(trend.breakdown.cohorts[trend.offset :], has_more=False)
    query = frequent_values(trend, series, trend.breakdown, overridden=_overridden(trend, series))
    rows = _rows(trend, query, limits)
    values = [tuple(value) for value, _ in rows]
    return Values(values[: trend.breakdown.limit], has_more=len(values) > trend.breakdown.limit)


def find_numbers(
    trend: Trend, series: Series, values: Sequence[Value], *, limits: Limits
) -> dict[Value, list[Number]]:
    """The number of each point, by value.

    Raises ``InvalidInput`` for a bad pattern, ``ClickHouseUnavailable`` or ``QueryTooHeavy``.
    """
    if trend.breakdown is not None and trend.breakdown.by_cohort:
        of_each = (
            (value, find_numbers(trend.of_cohort(value), series, [WHOLE], limits=limits)) for value in values
        )
        return {value: found[WHOLE] for value, found in of_each}
    points = trend.looked_at(series.math)
    if not points or not values:
        return {value: [0] * len(points) for value in values}
    pieces = pieces_of(points)
    query = numbers(trend, series, values, pieces, overridden=_overridden(trend, series))
    found: dict[Value, dict[int, Number]] = {value: {} for value in values}
    for place, value, number in _rows(trend, query, limits):
        found[tuple(value)][place] = number if number is not None and isfinite(number) else 0
    if _adds_up(trend, series.math):
        return {value: _added_up(of_pieces, len(points)) for value, of_pieces in found.items()}
    return {
        value: [of_points.get(place, 0) for place in range(len(points))] for value, of_points in found.items()
    }


def _overridden(trend: Trend, series: Series) -> bool:
    return asks_persons(trend.selection, series, trend.breakdown) and has_overrides(
        trend.selection.project_id
    )


def _rows(trend: Trend, query: Sql, limits: Limits) -> Sequence[Sequence[Any]]:
    check_patterns(trend.filters())
    text, parameters = query.rendered()
    return client.query(
        text,
        project_id=trend.selection.project_id,
        parameters=parameters,
        settings=limits.settings(purpose="trend"),
    )


@dataclass(frozen=True, slots=True)
class Pieces:
    """``starts`` of the pieces, from the first one that a point looks at to the last; ``end`` of the last one. Piece k
    belongs to the points ``lows[k]`` to before ``highs[k]``.
    """

    starts: tuple[datetime, ...]
    end: datetime
    lows: tuple[int, ...]
    highs: tuple[int, ...]

    @property
    def are_points(self) -> bool:
        """Whether each piece is a point."""
        return all(high == low + 1 == place + 1 for place, (low, high) in enumerate(self._belongings()))

    def _belongings(self) -> Sequence[tuple[int, int]]:
        return list(zip(self.lows, self.highs, strict=True))


def pieces_of(points: Sequence[DateRange]) -> Pieces:
    """The pieces between all bounds of ``points``, whose first and last times must not go back from point to point."""
    firsts = [point.first for point in points]
    ends = [point.last + _SECOND for point in points]
    bounds = sorted({*firsts, *ends})
    starts = bounds[:-1]
    return Pieces(
        starts=tuple(starts),
        end=bounds[-1],
        lows=tuple(bisect_right(ends, start) for start in starts),
        highs=tuple(bisect_right(firsts, start) for start in starts),
    )


def frequent_values(trend: Trend, series: Series, breakdown: Breakdown, *, overridden: bool) -> Sql:
    """Values of the events in the range, most frequent first, of equally frequent ones the larger text; one more than
    the limit.
    """
    counted = _by_value(all_counted(trend.selection, series, overridden=overridden), breakdown)
    return sql(
        """SELECT {value} AS value, {how_many} AS events FROM {source} WHERE {where}
        GROUP BY value ORDER BY events DESC, value DESC LIMIT {limit} OFFSET {offset}""",
        value=event_value(breakdown, counted.actors),
        how_many=HOW_MANY,
        source=counted.source,
        where=counted.where,
        limit=integer(breakdown.limit + 1),
        offset=integer(trend.offset),
    )


def numbers(
    trend: Trend, series: Series, values: Sequence[Value], pieces: Pieces, *, overridden: bool
) -> Sql:
    """Rows ``place, value, number`` of points, or of pieces when these add up; without what has no events."""
    dates = DateRange(pieces.starts[0].astimezone(UTC), pieces.end.astimezone(UTC) - _SECOND)
    selection = replace(trend.selection, dates=dates)
    count = existing_counted if counts_persons(series.math) else all_counted
    counted = count(selection, series, overridden=overridden)
    value = _NO_VALUE
    if trend.breakdown is not None:
        value = event_value(trend.breakdown, counted.actors)
        kept = sql("has([{values}], {value})", values=join(", ", map(texts, values)), value=value)
        counted = _by_value(counted, trend.breakdown).narrowed(kept)
    if _adds_up(trend, series.math):
        return _first_pieces(series.math, value, counted, pieces)
    if pieces.are_points:
        return _points(series.math, value, counted, pieces)
    return _overlapping_points(series.math, value, counted, pieces)


def _by_value(counted: Counted, breakdown: Breakdown) -> Counted:
    owners = joined_owners(breakdown, counted.actors)
    return replace(counted, source=sql("{events}{owners}", events=counted.source, owners=owners))


def _adds_up(trend: Trend, math: Math) -> bool:
    """Whether the number of a point is the sum of those of the pieces up to it."""
    if trend.display is not Display.CUMULATIVE:
        return False
    return math.of in (Of.EVENTS, Of.ACTORS, Of.SESSIONS) or math.aggregate is Aggregate.SUM


def _added_up(of_pieces: dict[int, Number], count: int) -> list[Number]:
    return list(accumulate(of_pieces.get(piece, 0) for piece in range(count)))


def _whose(math: Math, counted: Counted) -> Sql | None:
    """Of what there are how many different ones, null when that is not the question."""
    if math.of is Of.ACTORS:
        return counted.actors.id
    return SESSION if math.of is Of.SESSIONS else None


def _first_pieces(math: Math, value: Sql, counted: Counted, pieces: Pieces) -> Sql:
    """Everybody, and every session, counts in the first piece; events and sums in their own."""
    whose = _whose(math, counted)
    if whose is None:
        return _points(math, value, counted, pieces)
    return sql(
        """SELECT place, value, count() FROM (
            SELECT {whose} AS whose, {value} AS value, min({piece}) AS place FROM {source} WHERE {where}
            GROUP BY whose, value HAVING isNotNull(whose)
        ) GROUP BY place, value""",
        whose=whose,
        value=value,
        piece=piece_of(pieces.starts),
        source=counted.source,
        where=counted.where,
    )


def _points(math: Math, value: Sql, counted: Counted, pieces: Pieces) -> Sql:
    """The pieces are points."""
    piece = piece_of(pieces.starts)
    if math.of is Of.EVENTS_OF_ACTORS:
        return sql(
            """SELECT place, value, {number} FROM (
                SELECT {piece} AS place, {value} AS value, {actor} AS actor, {how_many} AS events
                FROM {source} WHERE {where} GROUP BY place, value, actor
            ) GROUP BY place, value""",
            number=aggregate_of(sql("events"), math),
            piece=piece,
            value=value,
            actor=counted.actors.id,
            how_many=HOW_MANY,
            source=counted.source,
            where=counted.where,
        )
    whose = _whose(math, counted)
    if math.of is Of.PROPERTY:
        number = aggregate_of(property_number(math), math)
    else:
        number = HOW_MANY if whose is None else sql("uniqExact({whose})", whose=whose)
    return sql(
        """SELECT {piece} AS place, {value} AS value, {number} FROM {source} WHERE {where}
        GROUP BY place, value""",
        piece=piece,
        value=value,
        number=number,
        source=counted.source,
        where=counted.where,
    )


def _overlapping_points(math: Math, value: Sql, counted: Counted, pieces: Pieces) -> Sql:
    """What is counted is gathered piece by piece, then given to each point of the piece."""
    if math.of is Of.EVENTS_OF_ACTORS:
        return sql(
            """SELECT place, value, {number} FROM (
                SELECT arrayJoin({points}) AS place, value, actor, sum(events) AS events FROM (
                    SELECT {piece} AS piece, {value} AS value, {actor} AS actor, {how_many} AS events
                    FROM {source} WHERE {where} GROUP BY piece, value, actor
                ) GROUP BY place, value, actor
            ) GROUP BY place, value""",
            number=aggregate_of(sql("events"), math),
            points=_points_of_piece(pieces),
            piece=piece_of(pieces.starts),
            value=value,
            actor=counted.actors.id,
            how_many=HOW_MANY,
            source=counted.source,
            where=counted.where,
        )
    whose = _whose(math, counted)
    if whose is None:
        rows, number = sql("SELECT"), aggregate_of(sql("one"), math)
        one = property_number(math)
    else:
        rows, number = sql("SELECT DISTINCT"), sql("uniqExact(one)")
        one = whose
    return sql(
        """SELECT arrayJoin({points}) AS place, value, {number} FROM (
            {rows} {piece} AS piece, {value} AS value, {one} AS one FROM {source} WHERE {where}
        ) GROUP BY place, value""",
        points=_points_of_piece(pieces),
        number=number,
        rows=rows,
        piece=piece_of(pieces.starts),
        value=value,
        one=one,
        source=counted.source,
        where=counted.where,
    )


def _points_of_piece(pieces: Pieces) -> Sql:
    return sql(
        "range({lows}[piece + 1], {highs}[piece + 1])",
        lows=trusted(str(list(pieces.lows))),
        highs=trusted(str(list(pieces.highs))),
    )
