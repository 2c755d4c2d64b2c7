"""Reads webhooks, and what became of the events on their way to them. Data of persons are never shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from core.exceptions import WebhookNotFound
from core.json import iso
from core.models import User, Webhook, WebhookDelivery

State = WebhookDelivery.State


@dataclass(frozen=True, slots=True)
class WebhookPage:
    """``total`` counts the rows of all pages."""

    rows: list[dict[str, Any]]
    total: int


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """``has_more``: whether a further row exists."""

    rows: list[dict[str, Any]]
    has_more: bool


def get_webhook(project_id: int, webhook_id: int) -> Webhook:
    """Raises ``WebhookNotFound``."""
    found = Webhook.objects.for_project(project_id).select_related("created_by").filter(pk=webhook_id).first()
    if found is None:
        raise WebhookNotFound
    return found


def list_webhooks(project_id: int, *, limit: int, offset: int) -> WebhookPage:
    """Newest first."""
    found = Webhook.objects.for_project(project_id)
    rows = list(found.select_related("created_by").order_by("-pk")[offset : offset + limit])
    counts = _counts(project_id, [one.pk for one in rows])
    return WebhookPage([_show_webhook(one, counts) for one in rows], found.count())


def show_webhook(webhook: Webhook, *, secret: str | None = None) -> dict[str, Any]:
    """The object of the API. ``secret`` is the clear text, which is known only right after it was made."""
    return _show_webhook(webhook, _counts(webhook.project_id, [webhook.pk]), secret=secret)


def _show_webhook(
    webhook: Webhook, counts: Mapping[tuple[int, str], int], *, secret: str | None = None
) -> dict[str, Any]:
    return {
        "id": webhook.pk,
        "url": webhook.url,
        "events": webhook.events,
        "description": webhook.description,
        "enabled": webhook.enabled,
        "secret": secret,
        "secret_mask": webhook.secret_mask,
        "created_by": _show_user(webhook.created_by),
        "created_at": iso(webhook.created_at),
        "updated_at": iso(webhook.updated_at),
        "failures": webhook.failures,
        "paused_until": iso(webhook.paused_until),
        "waiting": counts.get((webhook.pk, State.WAITING), 0),
        "dead": counts.get((webhook.pk, State.DEAD), 0),
    }


_COUNTS = """
SELECT webhook_id, state, count(*) FROM core_webhookdelivery
WHERE project_id = %s AND webhook_id = ANY(%s) AND state IN ('waiting', 'dead') GROUP BY 1, 2
"""


def _counts(project_id: int, webhook_ids: Sequence[int]) -> dict[tuple[int, str], int]:
    """Events that wait and that are dead, by webhook."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS, [project_id, list(webhook_ids)])
        return {(webhook_id, state): count for webhook_id, state, count in cursor.fetchall()}


def _show_user(user: User | None) -> dict[str, Any] | None:
    if user is None:
        return None
    return {"id": user.pk, "uuid": str(user.uuid), "first_name": user.first_name, "email": user.email}


def list_deliveries(
    project_id: int, webhook_id: int, *, state: str | None, event: str | None, limit: int, offset: int
) -> DeliveryPage:
    """Events for a webhook, newest first, perhaps only those in one state or of one name."""
    found = WebhookDelivery.objects.for_project(project_id).filter(webhook_id=webhook_id)
    if state is not None:
        found = found.filter(state=state)
    if event is not None:
        found = found.filter(event=event)
    rows = list(found.defer("data", "names").order_by("-pk")[offset : offset + limit + 1])
    return DeliveryPage([_show_delivery(one) for one in rows[:limit]], len(rows) > limit)


def show_delivery(project_id: int, webhook_id: int, event_id: UUID) -> dict[str, Any]:
    """One of them. Raises ``WebhookNotFound``."""
    found = WebhookDelivery.objects.for_project(project_id).filter(webhook_id=webhook_id, event_id=event_id)
    delivery = found.defer("data", "names").first()
    if delivery is None:
        raise WebhookNotFound
    return _show_delivery(delivery)


def _show_delivery(delivery: WebhookDelivery) -> dict[str, Any]:
    is_waiting = delivery.state == State.WAITING
    return {
        "id": str(delivery.event_id),
        "event": delivery.event,
        "person": str(delivery.persons[0]),
        "state": delivery.state,
        "attempts": delivery.attempts,
        "last_status": delivery.last_status,
        "last_error": delivery.last_error,
        "created_at": iso(delivery.created_at),
        "last_attempt_at": iso(delivery.last_attempt_at),
        "next_attempt_at": iso(delivery.due_at) if is_waiting else None,
        "delivered_at": iso(delivery.ended_at) if delivery.state == State.DELIVERED else None,
    }
