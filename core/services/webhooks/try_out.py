"""Sends an event to a webhook now, to see whether the receiver answers."""

from uuid import UUID, uuid4

from django.utils import timezone

from core.database import release_connection
from core.exceptions import WebhookNotFound
from core.models import Webhook
from core.services.webhooks.attempt import Event, Sender, send
from core.services.webhooks.events import TEST
from core.services.webhooks.post import Answer


def try_out(*, project_id: int, webhook_id: int) -> tuple[UUID, Answer]:
    """The id of a ``webhook.test``, and what came of it; nothing of it is kept. A webhook that is disabled is tested,
    too. Raises ``WebhookNotFound``.
    """
    webhook = Webhook.objects.for_project(project_id).filter(pk=webhook_id).first()
    if webhook is None:
        raise WebhookNotFound
    now = timezone.now()
    is_overlapping = webhook.previous_until is not None and webhook.previous_until > now
    salts = [webhook.secret_salt, webhook.previous_salt if is_overlapping else None]
    sender = Sender(
        webhook.url, tuple(bytes(salt) for salt in salts if salt is not None), webhook.secret_mask
    )
    event = Event(uuid4(), TEST, now, project_id, "{}")
    release_connection()
    return event.id, send(sender, event)
