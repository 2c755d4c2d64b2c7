"""``/api/projects/{project_id}/insights/funnel/``: the numbers of a funnel."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.persons.documents import PROJECT_ID
from core.filters.parameters import merged
from core.json import iso
from insights.api.funnel_results import steps_result, times_result, trends_result
from insights.api.funnel_serializers import (
    FunnelInsightBodySerializer,
    FunnelInsightQuerySerializer,
    FunnelInsightSerializer,
)
from insights.api.numbers import DrawnViewSet, answered_by
from insights.charts.funnel import funnel_chart
from insights.filters.funnel import Visualisation, read_visualisation
from insights.filters.funnel_result import FunnelResult, read_funnel_result
from insights.filters.project import ProjectFacts

RESPONSES = answered_by(FunnelInsightSerializer)


class FunnelInsightViewSet(DrawnViewSet):
    """The numbers of a funnel."""

    @extend_schema(
        operation_id="insights_funnel_retrieve",
        parameters=[PROJECT_ID, FunnelInsightQuerySerializer],
        responses=RESPONSES,
    )
    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        """Steps of a funnel with links to the persons behind them, its trend, or the times that people take; lists and
        objects as JSON text.
        """
        return self._answer(request, {})

    @extend_schema(
        operation_id="insights_funnel_create",
        parameters=[PROJECT_ID],
        request=FunnelInsightBodySerializer,
        responses=RESPONSES,
    )
    def create(self, request: Request, **kwargs: Any) -> Response:
        """The same, for a funnel in the body."""
        return self._answer(request, request.data)

    def _answer(self, request: Request, body: Any) -> Response:
        now = self.asking.now
        facts = ProjectFacts.of(self.project)
        given = merged(query=request.query_params, body=body)
        about = {"project": asdict(facts), "now": now.timestamp()}
        if given.get("date_from") == "all" and read_visualisation(given) is Visualisation.TRENDS:
            # A trend begins where there is something to see.
            first = self.asking("first_event", {"given": {}, **about})
            given["date_from"] = _day(first, now)
        asked = read_funnel_result(given, project=facts, now=now)
        asking = partial(self.asking, question={"given": given, **about}, last=asked.funnel.dates.last)
        result = _result(asked, given, asking)
        return self.answer_or_draw(result, lambda: funnel_chart(result, asked, facts), project=facts)


def _day(first: float | None, now: datetime) -> str | None:
    moment = now - timedelta(days=7) if first is None else datetime.fromtimestamp(first, UTC)
    return iso(moment)


def _result(asked: FunnelResult, given: Mapping[str, Any], asking: Any) -> Any:
    match asked.visualisation:
        case Visualisation.STEPS:
            if not asked.funnel.steps:
                return []
            return steps_result(asked.funnel, given, asking("funnel_steps"))
        case Visualisation.TRENDS:
            is_empty = not asked.funnel.steps or not asked.periods
            return [] if is_empty else trends_result(asked, asking("funnel_trends"))
        case Visualisation.TIME_TO_CONVERT:
            return times_result(asking("funnel_times") if asked.funnel.steps else None)
