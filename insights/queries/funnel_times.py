"""How long do actors take from one step of a funnel to a later one?

Each actor who reached the later step counts with the times of its best attempt (``insights.queries.funnel_steps``).
Rows: one a bin in which somebody is, with the least time, the width of a bin and the average of all. Reads what
``insights.queries.funnel_steps`` reads; the times wait in one array, 4 MB for 500,000 actors.
"""

from dataclasses import dataclass

from core.sql.text import Sql, sql, trusted
from insights.filters.funnel_result import FunnelResult
from insights.limits import Limits
from insights.queries.funnel_population import Population, find_population, rows_of
from insights.queries.funnel_steps import best_attempts

#: Bins at most, when their number follows from the data.
_USUAL_BINS = 60
#: Seconds, where all take equally long.
_LEAST_WIDTH = 60


@dataclass(frozen=True, slots=True)
class ConversionTimes:
    """``bins`` are where each begins, in seconds, and how many actors are in it; the last one begins where the others
    end.
    """

    bins: list[tuple[float, int]]
    average: float | None


def find_times(question: FunnelResult, *, limits: Limits) -> ConversionTimes:
    """Raises as ``insights.queries.funnel_population.find_population``."""
    people = find_population(question.funnel, limits=limits)
    rows = rows_of(times(question, people), question.funnel, limits=limits, purpose="funnel times")
    if not rows:
        return ConversionTimes([], None)
    least, width, bins, average, *_ = rows[0]
    counts = {place: count for *_, place, count in rows}
    return ConversionTimes(
        [(least + place * width, counts.get(place, 0)) for place in range(bins + 1)], average
    )


def times(question: FunnelResult, people: Population) -> Sql:
    """Rows ``least, width, bins, average, bin, count``; none when nobody got so far."""
    usual = f"least(greatest(ceil(cbrt(length(taken)) - 1e-9), 1), {_USUAL_BINS})"
    return sql(
        """SELECT least, width, bins, average, toUInt32(floor((seconds - least) / width)) AS bin, count()
        FROM (
            SELECT arrayMin(taken) AS least, toUInt32({bins}) AS bins, arrayAvg(taken) AS average,
                ceil((arrayMax(taken) - least) / bins) AS wide, if(wide = 0, {least_width}, wide) AS width, taken
            FROM (
                SELECT groupArray((best[{last}] - best[{first}]) / 1e6) AS taken
                FROM ({best}) WHERE reached >= {last}
            ) WHERE notEmpty(taken)
        ) ARRAY JOIN taken AS seconds
        GROUP BY least, width, bins, average, bin""",
        bins=trusted(usual if question.bins is None else str(question.bins)),
        least_width=trusted(str(_LEAST_WIDTH)),
        first=trusted(str(question.from_step + 1)),
        last=trusted(str(question.to_step + 1)),
        best=best_attempts(question.funnel, people),
    )
