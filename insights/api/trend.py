"""``/api/projects/{project_id}/insights/trend/``: trends, stickiness and lifecycles as series of numbers."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.pages import with_parameters
from core.api.persons.documents import PROJECT_ID
from core.filters.parameters import merged, read_text
from insights.api.first_date import with_first_date
from insights.api.numbers import DrawnViewSet, answered_by
from insights.api.trend_results import lifecycle_results, stickiness_result, trend_result
from insights.api.trend_serializers import (
    TrendBodySerializer,
    TrendQuerySerializer,
    TrendSerializer,
)
from insights.charts.trend import insight_chart
from insights.filters.lifecycle import State, read_lifecycle
from insights.filters.project import ProjectFacts
from insights.filters.stickiness import read_stickiness_series
from insights.filters.trend_series import check_trend, read_trends

RESPONSES = answered_by(TrendSerializer)
#: What ``compare`` calls the two ranges.
COMPARED = ("current", "previous")

Given = Mapping[str, Any]
#: Gives the worker's answer to a question of a kind.
Ask = Callable[..., Any]
Results = list[dict[str, Any]]


class TrendViewSet(DrawnViewSet):
    """Series of numbers."""

    @extend_schema(
        operation_id="insights_trend_retrieve",
        parameters=[PROJECT_ID, TrendQuerySerializer],
        responses=RESPONSES,
    )
    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        """Series of numbers with links to the persons behind them; lists and objects as JSON text."""
        return self._answer(request, {})

    @extend_schema(
        operation_id="insights_trend_create",
        parameters=[
            PROJECT_ID,
            OpenApiParameter("offset", int, description="Beats the one of the body."),
        ],
        request=TrendBodySerializer,
        responses=RESPONSES,
    )
    def create(self, request: Request, **kwargs: Any) -> Response:
        """The same, for a question in the body. Repeat the body to follow `next`."""
        return self._answer(request, request.data)

    def _answer(self, request: Request, body: Any) -> Response:
        now = self.asking.now
        facts = ProjectFacts.of(self.project)
        about = {"project": asdict(facts), "now": now.timestamp()}
        given = with_first_date(
            merged(query=request.query_params, body=body),
            partial(self.asking, question={"given": {}, **about}),
            now=now,
        )
        check_trend(given, project=facts)
        asking = partial(self.asking, question={"given": given, **about})
        insight = _insight(given)
        results, offset = _INSIGHTS.get(insight, _trend)(given, facts, now, asking)
        following = None if offset is None else with_parameters(request, offset=offset)
        return self.answer_or_draw(
            results,
            lambda: insight_chart(insight, results, given, facts, has_more=following is not None),
            project=facts,
            next=following,
        )


def _insight(given: Given) -> str:
    """``shown_as`` wins over ``insight``, as it is older; everything that is neither of the others is a trend."""
    words = [read_text(given, name) for name in ("shown_as", "insight")]
    return next((word for word in words if word), "").strip().lower()


def _trend(given: Given, facts: ProjectFacts, now: datetime, asking: Ask) -> tuple[Results, int | None]:
    """The series, and the ``offset`` at which more values of the breakdown begin."""
    ranges = read_trends(given, project=facts, now=now)
    results: Results = []
    has_more = False
    if not ranges[0].series:
        return results, None
    for place, of_series in enumerate(asking("trend_series", last=ranges[0].selection.dates.last)):
        has_more = has_more or of_series["has_more"]
        for value, numbers in zip(of_series["values"], of_series["numbers"], strict=True):
            results.extend(
                trend_result(
                    given, trend, place, tuple(value), numbers[which], compared=_compared(ranges, which)
                )
                for which, trend in enumerate(ranges)
            )
    breakdown = ranges[0].breakdown
    return results, ranges[0].offset + breakdown.limit if breakdown and has_more else None


def _stickiness(given: Given, facts: ProjectFacts, now: datetime, asking: Ask) -> tuple[Results, None]:
    ranges = read_stickiness_series(given, project=facts, now=now)
    if not ranges[0]:
        return [], None
    found = asking("stickiness_series", last=ranges[0][0].selection.dates.last)
    results = [
        stickiness_result(
            given, stickiness, place, dict(found[which][place]), compared=_compared(ranges, which)
        )
        for place in range(len(ranges[0]))
        for which, stickiness in enumerate(of_range[place] for of_range in ranges)
    ]
    return results, None


def _lifecycle(given: Given, facts: ProjectFacts, now: datetime, asking: Ask) -> tuple[Results, None]:
    lifecycle = read_lifecycle(given, project=facts, now=now)
    if lifecycle is None or not lifecycle.bounds:
        return [], None
    found = asking("lifecycle_series", last=lifecycle.selection.dates.last)
    counts = {(State(state), place): count for state, place, count in found}
    return lifecycle_results(given, lifecycle, counts), None


def _compared(ranges: list[Any], which: int) -> str | None:
    return COMPARED[which] if len(ranges) > 1 else None


_INSIGHTS: dict[str, Callable[[Given, ProjectFacts, datetime, Ask], tuple[Results, int | None]]] = {
    "stickiness": _stickiness,
    "lifecycle": _lifecycle,
}
