"""What the routes below ``insights/`` have in common: they answer with numbers, and tell how old these are."""

from typing import Any, ClassVar

from rest_framework.response import Response

from core.api.persons.documents import ERRORS
from core.api.persons.serializers import ErrorSerializer
from core.auth.scopes import ANALYSIS
from core.json import iso
from insights.api.views import AnalyticalViewSet


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


def answered_by(serializer: type[Any]) -> dict[Any, Any]:
    """The documented answers of a route of numbers."""
    return {200: serializer, **ERRORS, 503: ErrorSerializer, 504: ErrorSerializer}
