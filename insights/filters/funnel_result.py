"""What is asked of a funnel as a whole: its steps, its trend, or the times that people take."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.filters.dates import Interval, read_interval
from core.filters.parameters import read_integer
from insights.filters.breakdown import EVERYBODY
from insights.filters.funnel import FunnelFilter, Visualisation, read_funnel, read_span, read_visualisation
from insights.filters.intervals import cut
from insights.filters.project import ProjectFacts
from insights.filters.selection import read_page

MOST_BINS = 90


@dataclass(frozen=True, slots=True)
class FunnelResult:
    """``from_step`` and ``to_step`` count from 0. ``periods`` are the starts of those of a trend and the end of the
    last; ``bins`` is null when their number follows from the data.
    """

    funnel: FunnelFilter
    visualisation: Visualisation
    from_step: int
    to_step: int
    interval: Interval
    periods: tuple[datetime, ...]
    bins: int | None


def read_funnel_result(given: Mapping[str, Any], *, project: ProjectFacts, now: datetime) -> FunnelResult:
    """Raises ``InvalidInput`` for what cannot be read."""
    funnel = read_funnel(given, project=project, now=now)
    visualisation, interval = read_visualisation(given), read_interval(given)
    from_step, to_step = read_span(given, visualisation, steps=len(funnel.steps))
    bins = read_integer(given, "bin_count")
    # Without a meaning here, but not whatever they are.
    read_page(given)
    if visualisation is Visualisation.TIME_TO_CONVERT and funnel.by_cohort():
        # There is one answer, and it tells nobody apart.
        funnel = funnel.of_cohort((EVERYBODY,))
    is_trend = visualisation is Visualisation.TRENDS
    return FunnelResult(
        funnel=funnel,
        visualisation=visualisation,
        from_step=from_step,
        to_step=to_step,
        interval=interval,
        periods=cut(funnel.dates, interval, zone=project.zone, week_start_day=project.week_start_day)
        if is_trend
        else (),
        bins=None if bins is None else min(max(bins, 1), MOST_BINS),
    )
