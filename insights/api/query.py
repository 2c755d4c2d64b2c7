"""``/api/projects/{project_id}/query/{query_id}/``: how far an asynchronous query is, its result, and its end."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import redis
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.documents import lenient_flag
from core.api.persons.documents import ERRORS, PROJECT_ID
from core.api.persons.serializers import ErrorSerializer
from core.api.rate_limits import RateClass
from core.api.views import ProjectViewSet
from core.auth.scopes import ANALYSIS, OR
from core.exceptions import QueueUnavailable
from core.filters.parameters import read_boolean
from insights import jobs
from insights.api.asynchronous import tell
from insights.api.query_serializers import QueryCancelledSerializer, QueryStatusResponseSerializer

logger = logging.getLogger(__name__)

QUERY_ID = OpenApiParameter(
    "query_id", OpenApiTypes.STR, OpenApiParameter.PATH, description="As the 202 named it."
)
_SCOPES = (f"{ANALYSIS}{OR}person:read",)


class QueryViewSet(ProjectViewSet):
    """Asynchronous queries of the caller."""

    scopes: ClassVar = {"retrieve": _SCOPES, "destroy": _SCOPES}
    #: Asking how far it is asks ClickHouse nothing, or little.
    rate_class: ClassVar = RateClass.GENERAL

    @extend_schema(
        operation_id="query_retrieve",
        parameters=[
            PROJECT_ID,
            QUERY_ID,
            lenient_flag("show_progress", "Fill `query_progress` while it runs."),
        ],
        responses={
            **ERRORS,
            200: QueryStatusResponseSerializer,
            202: QueryStatusResponseSerializer,
            400: QueryStatusResponseSerializer,
            500: QueryStatusResponseSerializer,
            503: ErrorSerializer,
        },
    )
    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        """202 while it runs, 200 with the result, 400 with the reason why it failed. Only who started it finds it."""
        with _valkey():
            job = self._job(kwargs["query_id"])
            wants_progress = read_boolean(request.query_params, "show_progress")
            return tell(self.project, self.caller, job, with_progress=wants_progress)

    @extend_schema(
        operation_id="query_destroy",
        parameters=[PROJECT_ID, QUERY_ID],
        responses={**ERRORS, 200: QueryCancelledSerializer, 503: ErrorSerializer},
    )
    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Stop it, in ClickHouse, too, unless somebody else waits for the same answer."""
        with _valkey():
            jobs.cancel(self._job(kwargs["query_id"]))
        return Response({"message": "Query cancelled"})

    def _job(self, query_id: str) -> jobs.Job:
        found = jobs.find(self.project.pk, self.caller.key_id, query_id)
        if found is None:
            raise NotFound("Query not found.")
        return found


@contextmanager
def _valkey() -> Iterator[None]:
    try:
        yield
    except redis.RedisError as error:
        logger.warning("Valkey does not answer: %s", error)
        raise QueueUnavailable from error
