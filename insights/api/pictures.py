"""Answers of insights as SVG, by ``?format=svg``: drawn in the worker from the result that is there."""

from collections.abc import Mapping
from typing import Any

from django.utils.cache import add_never_cache_headers
from drf_spectacular.utils import OpenApiParameter
from rest_framework.renderers import BaseRenderer
from rest_framework.response import Response

from core.api.renderers import JSONRenderer
from insights.api.views import AnalyticalSchema
from insights.charts.chart import Chart
from insights.filters.project import ProjectFacts
from insights.run import Asking

#: Opened by itself, a picture runs nothing and fetches nothing. Its shapes have styles of their own.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
FORMAT = OpenApiParameter(
    "format",
    str,
    enum=["json", "svg"],
    description="`svg`: the same result as a picture. Errors, and answers that come later, are JSON all the same.",
)


class DrawnSchema(AnalyticalSchema):
    """With the parameter that asks for a picture."""

    def get_override_parameters(self) -> list[Any]:
        return [*super().get_override_parameters(), FORMAT]


class SVGRenderer(BaseRenderer):
    """A picture; everything else (errors, what comes later) stays JSON."""

    media_type = "image/svg+xml"
    format = "svg"
    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        response = (renderer_context or {}).get("response")
        if isinstance(data, str):
            if response is not None:
                response["Content-Security-Policy"] = _POLICY
                add_never_cache_headers(response)
            return data.encode()
        if response is not None:
            response["Content-Type"] = JSONRenderer.media_type
        return JSONRenderer().render(data)


#: ``renderer_classes`` of a view that answers in both forms.
JSON_OR_SVG = (JSONRenderer, SVGRenderer)


def picture(asking: Asking, chart: Chart, project: ProjectFacts) -> Response:
    """The picture of ``chart``. Raises what ``asking`` raises."""
    # A chart is drawn the same way whenever it is; of the project its id matters, which the answer belongs to.
    question = {
        "given": {},
        "project": {"id": project.id, "timezone": project.timezone},
        "now": asking.now.timestamp(),
        "chart": chart.as_json(),
    }
    return Response(asking("chart", question))
