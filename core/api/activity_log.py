"""``GET /api/projects/{project_id}/activity_log/``: everything that was done in a project."""

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.cohorts.serializers import UserBasicSerializer
from core.api.pages import with_parameters
from core.api.parameters import read_positive, read_text
from core.api.persons.documents import ERRORS, PROJECT_ID
from core.api.persons.serializers import ActivityDetailSerializer
from core.api.views import ProjectViewSet
from core.exceptions import InvalidInput
from core.selectors.activity_feed import FeedFilter, FeedPlace, feed_page, feed_part

PAGE = 100
LARGEST_PAGE = 1000
_NEWEST, _OLDEST = "-created_at", "created_at"


class ActivityLogEntrySerializer(serializers.Serializer[object]):
    """One change, and who made it."""

    id = serializers.UUIDField()
    user = UserBasicSerializer(allow_null=True, help_text="Null for what the system did by itself.")
    unread = serializers.BooleanField()
    organization_id = serializers.UUIDField()
    was_impersonated = serializers.BooleanField()
    is_system = serializers.BooleanField()
    activity = serializers.CharField()
    item_id = serializers.CharField()
    scope = serializers.CharField()
    detail = ActivityDetailSerializer()
    created_at = serializers.DateTimeField()


@extend_schema_serializer(many=False)
class ActivityLogPageSerializer(serializers.Serializer[object]):
    """A page of the log of a project."""

    results = ActivityLogEntrySerializer(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    count = serializers.IntegerField(required=False, help_text="Of all pages; with `page` only.")


class ActivityLogViewSet(ProjectViewSet):
    """The activity log of a project. Values of properties are never in it."""

    scopes: ClassVar = {"list": ("activity_log:read",)}

    @extend_schema(
        operation_id="activity_log_list",
        parameters=[
            PROJECT_ID,
            OpenApiParameter("user", OpenApiTypes.UUID, description="Only what this user did."),
            OpenApiParameter("scope", str, description="Only what was done to such things, as `Cohort`."),
            OpenApiParameter("scopes", str, description="The same for several, with commas between them."),
            OpenApiParameter("item_id", str, description="Only what was done to this thing."),
            OpenApiParameter("ordering", str, enum=[_NEWEST, _OLDEST], default=_NEWEST),
            OpenApiParameter(
                "page_size",
                {"type": "integer", "minimum": 1},
                description=f"Entries a page, at most {LARGEST_PAGE}.",
                default=PAGE,
            ),
            OpenApiParameter(
                "page",
                {"type": "integer", "minimum": 1},
                description="Which page, from 1; the answer has the `count` of all entries then.",
            ),
            OpenApiParameter("cursor", str, description="Where a page begins, as `next` and `previous` say."),
        ],
        responses={200: ActivityLogPageSerializer, **ERRORS},
    )
    def list(self, request: Request, **kwargs: Any) -> Response:
        """What was done in the project, newest first: to persons, cohorts and its settings. Follow `next`; entries that
        come meanwhile shift nothing, unless pages are asked for by number.
        """
        query = request.query_params
        where = _read_filter(query)
        limit = min(read_positive(query, "page_size") or PAGE, LARGEST_PAGE)
        page = read_positive(query, "page")
        if page is not None:
            rows, count = feed_page(self.project.pk, where, page=page, limit=limit)
            following = with_parameters(request, page=page + 1) if page * limit < count else None
            previous = with_parameters(request, page=page - 1) if page > 1 else None
            body = {"count": count, "next": following, "previous": previous, "results": rows}
        else:
            part = feed_part(self.project.pk, where, place=_read_cursor(query), limit=limit)
            body = {
                "next": _link(request, part.next),
                "previous": _link(request, part.previous),
                "results": part.rows,
            }
        return Response(body)


def _read_filter(query: Mapping[str, str]) -> FeedFilter:
    ordering = query.get("ordering") or _NEWEST
    if ordering not in (_NEWEST, _OLDEST):
        raise InvalidInput(f"Must be one of {_NEWEST}, {_OLDEST}.", attr="ordering")
    scopes = [scope.strip() for scope in (read_text(query, "scopes") or "").split(",")]
    return FeedFilter(
        user=_read_user(query.get("user")),
        scopes=[scope for scope in (read_text(query, "scope"), *scopes) if scope],
        item_id=read_text(query, "item_id") or None,
        oldest_first=ordering == _OLDEST,
    )


def _read_user(text: str | None) -> UUID | None:
    if not text:
        return None
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInput("Must be a valid UUID.", attr="user") from None


def _link(request: Request, place: FeedPlace | None) -> str | None:
    return None if place is None else with_parameters(request, cursor=_cursor(place))


_BEFORE, _AFTER = "<", ">"


def _cursor(place: FeedPlace) -> str:
    text = f"{_BEFORE if place.is_before else _AFTER}{place.created_at.isoformat()} {place.id}"
    return base64.urlsafe_b64encode(text.encode()).decode()


def _read_cursor(query: Mapping[str, str]) -> FeedPlace | None:
    """A place tells nothing and opens nothing: which project it is in says the path."""
    cursor = query.get("cursor")
    if not cursor:
        return None
    try:
        text = base64.urlsafe_b64decode(cursor).decode()
        moment, _, entry_id = text[1:].partition(" ")
        created_at = datetime.fromisoformat(moment)
        if text[0] not in (_BEFORE, _AFTER) or created_at.utcoffset() is None:
            raise ValueError(text)
        return FeedPlace(created_at.astimezone(UTC), UUID(entry_id), text[0] == _BEFORE)
    except (ValueError, IndexError, OverflowError, binascii.Error):
        raise InvalidInput("Invalid cursor.", attr="cursor") from None
