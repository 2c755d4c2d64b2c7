"""What the analytical routes have in common: kept answers, and answers that are fetched later."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import redis
from drf_spectacular.utils import OpenApiParameter
from kombu.exceptions import OperationalError
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.documents import READ_LENIENTLY
from core.api.renderers import JSONRenderer
from core.api.schema import AutoSchema
from core.api.views import ProjectViewSet
from core.auth.access import reachable_project
from core.exceptions import QueueUnavailable
from insights.api import asynchronous
from insights.api.connection import ClientConnection
from insights.api.query_serializers import QueryStatusResponseSerializer
from insights.api.refresh import WORDS, read_wanted
from insights.run import Asking, Outlasted, Waiting

logger = logging.getLogger(__name__)

PARAMETERS = [
    OpenApiParameter(
        "refresh",
        str,
        enum=[*WORDS, "false"],
        description="`true`, `blocking`, `force_blocking`: make the answer anew. `force_cache`: take a kept one, "
        "however old. `async`, `lazy_async`: 202 unless a kept one is true; `force_async`: 202 always. Else a kept "
        "answer is given when nothing has changed since.",
        extensions=READ_LENIENTLY,
    ),
    OpenApiParameter("async", bool, description="The same as `refresh=async`."),
    OpenApiParameter(
        "client_query_id",
        str,
        description="The id of an asynchronous query, 1 to 128 letters, digits and `_ . : -`; without one the server "
        "chooses.",
    ),
    OpenApiParameter("cache_invalidation_key", str, description="Any text: answers are kept apart for each."),
]
#: Every other word means the first one.
_READ_LENIENTLY = ("insight", "shown_as", "funnel_correlation_type")
_LATER = "The answer is not there yet: fetch it from `/api/projects/{project_id}/query/{id}/`."


class AnalyticalSchema(AutoSchema):
    """With the parameters of all analytical routes, and the answer of those that take longer."""

    def get_override_parameters(self) -> list[Any]:
        return [*super().get_override_parameters(), *PARAMETERS]

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        """What is no word for true is false, and some words have a meaning whatever they are."""
        operation: Any = super().get_operation(*args, **kwargs)
        for parameter in operation["parameters"]:
            if parameter["schema"].get("type") == "boolean" or parameter["name"] in _READ_LENIENTLY:
                parameter.update(READ_LENIENTLY)
        return operation

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        later: dict[str, Any] = self._get_response_for_code(  # type: ignore[no-untyped-call]
            QueryStatusResponseSerializer, "202"
        )
        return {**bodies, "202": {**later, "description": _LATER}}


class AnalyticalViewSet(ProjectViewSet):
    """Base of the analytical routes. Their questions go through ``self.asking``, at its time ``now``."""

    schema = AnalyticalSchema()
    asking: Asking

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        method = (request.method or "").lower()
        if self.action in self.scopes:
            # What runs next is the method of this name.
            setattr(self, method, partial(self._answer_in_time, getattr(self, method)))

    def check_scopes(self) -> None:
        """Whether the caller may ask this. Raises ``PermissionDenied``."""
        reachable_project(self.caller, self.scopes[self.action or ""])

    def _answer_in_time(self, handler: Callable[..., Response], request: Request, **kwargs: Any) -> Response:
        """The answer; or 202, when it was asked for later or takes longer than a request waits."""
        wanted = read_wanted(request)
        try:
            if wanted.is_later:
                return self._as_json(request, asynchronous.start(self, request, wanted))
            is_gone = ClientConnection(request.META).is_gone
            asking = Waiting(now=datetime.now(UTC), refresh=wanted.refresh, is_gone=is_gone)
            self.asking = asking
            try:
                return handler(request, **kwargs)
            except Outlasted as outlasted:
                return self._as_json(request, asynchronous.go_on(self, request, asking, outlasted))
        except (redis.RedisError, OperationalError) as error:
            logger.warning("Valkey does not answer: %s", error)
            raise QueueUnavailable from error

    def _as_json(self, request: Request, response: Response) -> Response:
        request.accepted_renderer, request.accepted_media_type = JSONRenderer(), JSONRenderer.media_type
        return response
