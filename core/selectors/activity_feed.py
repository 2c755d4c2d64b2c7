"""Reads everything that was done in a project, whatever it was done to: page by page, or from a place on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from core.json import iso
from core.models import ActivityEntry
from core.selectors.users import show_basic_user

#: OFFSET is a bigint in PostgreSQL.
_LARGEST_OFFSET = 2**62


@dataclass(frozen=True, slots=True)
class FeedFilter:
    """What a feed is narrowed to, and its order; null and empty mean: not by this."""

    user: UUID | None = None
    scopes: Sequence[str] = ()
    item_id: str | None = None
    oldest_first: bool = False


@dataclass(frozen=True, slots=True)
class FeedPlace:
    """An entry, and on which side of it a page lies, as the feed is read."""

    created_at: datetime
    id: UUID
    is_before: bool = False


@dataclass(frozen=True, slots=True)
class FeedPart:
    """A page, and the places where its neighbours begin; null where nothing is."""

    rows: list[dict[str, Any]]
    previous: FeedPlace | None
    next: FeedPlace | None


def feed_page(
    project_id: int, where: FeedFilter, *, page: int, limit: int
) -> tuple[list[dict[str, Any]], int]:
    """A page, from 1, and the number of entries on all of them."""
    found = _ordered(_matching(project_id, where), oldest_first=where.oldest_first)
    start = min((page - 1) * limit, _LARGEST_OFFSET)
    return [_show(entry) for entry in found[start : start + limit]], found.count()


def feed_part(project_id: int, where: FeedFilter, *, place: FeedPlace | None, limit: int) -> FeedPart:
    """The entries after ``place``, or before it; from the start without one."""
    found = _matching(project_id, where)
    is_back = place is not None and place.is_before
    ascending = where.oldest_first != is_back
    if place is not None:
        found = found.filter(_beyond(place, ascending=ascending))
    entries = list(_ordered(found, oldest_first=ascending)[: limit + 1])
    has_more, entries = len(entries) > limit, entries[:limit]
    if is_back:
        entries.reverse()
    if not entries:
        return FeedPart([], None, None)
    return FeedPart(
        [_show(entry) for entry in entries],
        previous=_place(entries[0], is_before=True) if (has_more if is_back else place is not None) else None,
        next=_place(entries[-1]) if is_back or has_more else None,
    )


def _matching(project_id: int, where: FeedFilter) -> QuerySet[ActivityEntry]:
    found = ActivityEntry.objects.for_project(project_id).select_related("user", "project")
    if where.user is not None:
        found = found.filter(user__uuid=where.user)
    if where.scopes:
        found = found.filter(scope__in=where.scopes)
    if where.item_id is not None:
        found = found.filter(item_id=where.item_id)
    return found


def _ordered(found: QuerySet[ActivityEntry], *, oldest_first: bool) -> QuerySet[ActivityEntry]:
    return found.order_by("created_at", "id") if oldest_first else found.order_by("-created_at", "-id")


def _beyond(place: FeedPlace, *, ascending: bool) -> Q:
    # The first condition is the index's, the second decides among entries of one moment.
    if ascending:
        return Q(created_at__gte=place.created_at) & (Q(created_at__gt=place.created_at) | Q(id__gt=place.id))
    return Q(created_at__lte=place.created_at) & (Q(created_at__lt=place.created_at) | Q(id__lt=place.id))


def _place(entry: ActivityEntry, *, is_before: bool = False) -> FeedPlace:
    return FeedPlace(entry.created_at, entry.id, is_before)


def _show(entry: ActivityEntry) -> dict[str, Any]:
    return {
        "id": str(entry.id),
        "user": show_basic_user(entry.user),
        "unread": False,
        "organization_id": str(entry.project.organization_id),
        "was_impersonated": False,
        "is_system": entry.user is None,
        "activity": entry.activity,
        "item_id": entry.item_id,
        "scope": entry.scope,
        "detail": entry.detail,
        "created_at": iso(entry.created_at),
    }
