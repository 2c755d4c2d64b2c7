"""Which form an answer takes."""

from collections.abc import Iterable

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

_ANY = "*/*"


class ContentNegotiation(DefaultContentNegotiation):
    """A ``format`` in the query string or at the end of the path wins over the ``Accept`` header."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """Raises ``Http404`` for a format that the route does not have, ``NotAcceptable`` when it has none of the
        accepted ones.
        """
        wanted = format_suffix or request.query_params.get("format")
        if not wanted and request.META.get("HTTP_ACCEPT", _ANY) == _ANY:
            # Most requests; the way below comes to the same.
            first = next(iter(renderers))
            return first, first.media_type
        if not wanted:
            chosen: tuple[BaseRenderer, str] = super().select_renderer(request, renderers)
            return chosen
        renderer: BaseRenderer = next(iter(self.filter_renderers(renderers, wanted)))
        return renderer, renderer.media_type
