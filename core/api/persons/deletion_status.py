"""``GET …/persons/deletion_status/``: what became of requests to erase events, and proof of it."""

from typing import Any, ClassVar, cast
from uuid import UUID

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.csv import JSON_OR_CSV
from core.api.documents import lenient_limit, lenient_offset
from core.api.pages import page_links
from core.api.parameters import read_lenient_page, read_text
from core.api.persons.documents import ERRORS, PROJECT_ID
from core.api.persons.serializers import (
    AsyncDeletionStatusSerializer,
    DeletionCheckSerializer,
    DeletionPageSerializer,
)
from core.api.views import ProjectViewSet
from core.auth.authentication import LARGEST_ID
from core.exceptions import InvalidInput, RequestError
from core.json import iso
from core.selectors.deletions import Status, get_deletion, list_deletions
from core.selectors.erasure_check import check_erasure

STATUSES = ("pending", "completed", "all")
_DELETION_ID = OpenApiParameter(
    "deletion_id", OpenApiTypes.INT, OpenApiParameter.PATH, description="The `id` of the request to erase."
)


class DeletionNotFound(RequestError):
    """No such request in this project."""

    status = 404
    type = "invalid_request"
    code = "not_found"


class DeletionStatusViewSet(ProjectViewSet):
    """Requests to erase the events of persons."""

    scopes: ClassVar = {"list": ("person:read",), "retrieve": ("person:read",), "verify": ("person:read",)}
    renderer_classes = JSON_OR_CSV

    @extend_schema(
        operation_id="persons_deletion_status_list",
        parameters=[
            PROJECT_ID,
            OpenApiParameter("status", enum=STATUSES, default="all", description="Only those in this state."),
            OpenApiParameter("person_uuid", OpenApiTypes.UUID, description="Only this person's."),
            lenient_limit("Requests a page, at most 10000."),
            lenient_offset("Requests to skip."),
        ],
        responses={200: DeletionPageSerializer, **ERRORS},
    )
    def list(self, request: Request, **kwargs: Any) -> Response:
        """Requests to erase events, newest first. A request is `completed` when a count in every store has found
        nothing any more; they stay when the person is gone.
        """
        query = request.query_params
        limit, offset = read_lenient_page(query)
        page = list_deletions(
            self.project.pk,
            status=_read_status(query.get("status")),
            person_uuid=_read_uuid(read_text(query, "person_uuid")),
            limit=limit,
            offset=offset,
        )
        following, previous = page_links(
            request, limit=limit, offset=offset, has_more=offset + limit < page.total
        )
        return Response({"count": page.total, "next": following, "previous": previous, "results": page.rows})

    @extend_schema(
        operation_id="persons_deletion_status_retrieve",
        parameters=[PROJECT_ID, _DELETION_ID],
        responses={200: AsyncDeletionStatusSerializer, **ERRORS},
    )
    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        """The receipt of one request: who asked when, what was found and what is left by store, and when the bytes
        left the disk.
        """
        return Response(self._find(kwargs["deletion_id"]))

    @extend_schema(
        operation_id="persons_deletion_status_verify_create",
        parameters=[PROJECT_ID, _DELETION_ID],
        request=None,
        responses={200: DeletionCheckSerializer, **ERRORS},
    )
    def verify(self, request: Request, **kwargs: Any) -> Response:
        """Count again, in every store, what this request was about."""
        deletion = self._find(kwargs["deletion_id"])
        counts = check_erasure(self.project.pk, deletion["id"])
        return Response(
            {
                "id": deletion["id"],
                "is_erased": not any(counts.values()),
                "counts": counts,
                "checked_at": iso(timezone.now()),
            }
        )

    def _find(self, text: str) -> dict[str, Any]:
        deletion = None
        if text.isascii() and text.isdigit() and len(text) <= len(str(LARGEST_ID)):
            deletion = get_deletion(self.project.pk, min(int(text), LARGEST_ID))
        if deletion is None:
            raise DeletionNotFound("Not found.")
        return deletion


def _read_status(text: str | None) -> Status:
    if text is None or text in STATUSES:
        return cast(Status, text or "all")
    raise InvalidInput(f"Must be one of {', '.join(STATUSES)}.", attr="status")


def _read_uuid(text: str | None) -> UUID | None:
    if not text:
        return None
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInput("Must be a valid UUID.", attr="person_uuid") from None
