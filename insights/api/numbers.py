"""What the routes below ``insights/`` have in common: they answer with numbers, and tell how old these are."""

from collections.abc import Callable
from typing import Any, ClassVar

from rest_framework.response import Response

from core.api.persons.documents import ERRORS
from core.api.persons.serializers import ErrorSerializer
from core.auth.scopes import ANALYSIS
from core.json import iso
from insights.api.pictures import JSON_OR_SVG, DrawnSchema, SVGRenderer, picture
from insights.api.views import AnalyticalViewSet
from insights.charts.chart import Chart
from insights.filters.project import ProjectFacts


class NumbersViewSet(AnalyticalViewSet):
    """Base of the routes of numbers, which take the same question by GET and by POST."""

    scopes: ClassVar = {"retrieve": (ANALYSIS,), "create": (ANALYSIS,)}

    def answer(self, result: Any, **more: Any) -> Response:
        """``result`` with ``more`` and what is known of its age."""
        return Response(
            {
                "result": result,
                **more,
                "last_refresh": iso(self.asking.last_refresh),
                "is_cached": self.asking.is_cached,
            }
        )


class DrawnViewSet(NumbersViewSet):
    """Base of those whose numbers can be drawn."""

    schema = DrawnSchema()
    renderer_classes = JSON_OR_SVG

    def answer_or_draw(
        self, result: Any, chart: Callable[[], Chart], *, project: ProjectFacts, **more: Any
    ) -> Response:
        """``result`` as in ``answer``, or the picture of ``chart``, as it was asked for."""
        if isinstance(self.request.accepted_renderer, SVGRenderer):
            return picture(self.asking, chart(), project)
        return self.answer(result, **more, timezone=project.timezone)


def answered_by(serializer: type[Any]) -> dict[Any, Any]:
    """The documented answers of a route of numbers."""
    return {200: serializer, **ERRORS, 503: ErrorSerializer, 504: ErrorSerializer}
