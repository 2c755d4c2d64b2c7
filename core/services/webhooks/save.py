"""Makes webhooks, changes and deletes them, and has events sent again."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from core.exceptions import InvalidInput, WebhookNotFound
from core.models import Project, Webhook
from core.outbox.wake import wake_webhooks
from core.services.record_activity import Activity, record_activity
from core.services.webhooks.secrets import new_secret
from core.services.webhooks.target import TargetRefused, check_target, read_target

#: Webhooks of one project: each change is noted once for each.
MOST_WEBHOOKS = 20
_TOLD = ("url", "events", "description", "enabled")


@transaction.atomic
def create_webhook(*, project_id: int, fields: Mapping[str, Any], user_id: int | None) -> tuple[Webhook, str]:
    """A webhook with ``url``, ``events`` and perhaps ``description`` and ``enabled``, and its secret in clear. It is
    told of every change that begins after this returns. Raises ``InvalidInput``.
    """
    # Two at once must not both be the last one.
    Project.objects.select_for_update(no_key=True).get(pk=project_id)
    if Webhook.objects.for_project(project_id).count() >= MOST_WEBHOOKS:
        raise InvalidInput(
            f"A project has at most {MOST_WEBHOOKS} webhooks. Delete one before adding another."
        )
    _check_url(fields["url"])
    secret = new_secret()
    webhook = Webhook(
        project_id=project_id,
        created_by_id=user_id,
        secret_salt=secret.salt,
        secret_mask=secret.mask,
        **fields,
    )
    webhook.save(force_insert=True)
    _note(webhook, "created", user_id)
    return webhook, secret.value


@transaction.atomic
def change_webhook(
    *, project_id: int, webhook_id: int, fields: Mapping[str, Any], user_id: int | None
) -> Webhook:
    """Set those of ``url``, ``events``, ``description`` and ``enabled`` that are given. What waits goes to the new URL,
    at once. Raises ``WebhookNotFound`` and ``InvalidInput``.
    """
    webhook = _lock(project_id, webhook_id)
    if "url" in fields:
        _check_url(fields["url"])
    changes = [
        {
            "type": "Webhook",
            "action": "changed",
            "field": name,
            # An address may be a secret by itself.
            "before": None if name == "url" else getattr(webhook, name),
            "after": None if name == "url" else fields[name],
        }
        for name in _TOLD
        if name in fields and fields[name] != getattr(webhook, name)
    ]
    if not changes:
        return webhook
    for name in _TOLD:
        if name in fields:
            setattr(webhook, name, fields[name])
    webhook.updated_at = timezone.now()
    if {"url", "enabled"} & {change["field"] for change in changes}:
        _try_at_once(webhook)
    webhook.save()
    _note(webhook, "updated", user_id, changes)
    return webhook


@transaction.atomic
def rotate_secret(
    *, project_id: int, webhook_id: int, overlap: timedelta, user_id: int | None
) -> tuple[Webhook, str]:
    """Give the webhook a new secret, whose clear text is returned. The old one signs besides for ``overlap``. Raises
    ``WebhookNotFound``.
    """
    webhook = _lock(project_id, webhook_id)
    secret = new_secret()
    webhook.previous_salt = webhook.secret_salt if overlap else None
    webhook.previous_until = timezone.now() + overlap if overlap else None
    webhook.secret_salt, webhook.secret_mask = secret.salt, secret.mask
    webhook.updated_at = timezone.now()
    # It may have been the secret that receivers did not like.
    _try_at_once(webhook)
    webhook.save()
    _note(webhook, "secret_rotated", user_id)
    return webhook, secret.value


_DELETE_DELIVERIES = "DELETE FROM core_webhookdelivery WHERE project_id = %s AND webhook_id = %s"
_DELETE = "DELETE FROM core_webhook WHERE project_id = %s AND id = %s"


@transaction.atomic
def delete_webhook(*, project_id: int, webhook_id: int, user_id: int | None) -> None:
    """With everything that waits for it and what is kept of it. Raises ``WebhookNotFound``."""
    webhook = _lock(project_id, webhook_id)
    with connection.cursor() as cursor:
        cursor.execute(_DELETE_DELIVERIES, [project_id, webhook.pk])
        cursor.execute(_DELETE, [project_id, webhook.pk])
    _note(webhook, "deleted", user_id)


_REPLAY = """
UPDATE core_webhookdelivery SET state = 'waiting', attempts = 0, queued_at = now(), due_at = now(), ended_at = NULL
WHERE project_id = %(project_id)s AND webhook_id = %(webhook_id)s AND {which}
"""
_ALL_DEAD = "state = 'dead'"
# One that waits is tried at once.
_ONE = "event_id = %(event_id)s"


def replay_dead(*, project_id: int, webhook_id: int) -> int:
    """Send everything again that was given up; how many events that is. Raises ``WebhookNotFound``."""
    return _replay(project_id, webhook_id, _ALL_DEAD)


def replay_one(*, project_id: int, webhook_id: int, event_id: UUID) -> None:
    """Send one event again, whatever became of it. Raises ``WebhookNotFound``, also for an event that is not kept."""
    if not _replay(project_id, webhook_id, _ONE, event_id=event_id):
        raise WebhookNotFound


@transaction.atomic
def _replay(project_id: int, webhook_id: int, which: str, **parameters: Any) -> int:
    webhook = _lock(project_id, webhook_id)
    webhook.paused_until = None
    webhook.save(update_fields=["paused_until"])
    given = {**parameters, "project_id": project_id, "webhook_id": webhook_id}
    with connection.cursor() as cursor:
        cursor.execute(_REPLAY.format(which=which), given)
        count = cursor.rowcount
    transaction.on_commit(wake_webhooks)
    return int(count)


def _lock(project_id: int, webhook_id: int) -> Webhook:
    webhooks = Webhook.objects.for_project(project_id).select_for_update(no_key=True)
    webhook = webhooks.filter(pk=webhook_id).first()
    if webhook is None:
        raise WebhookNotFound
    return webhook


_DUE = """
UPDATE core_webhookdelivery SET due_at = now()
WHERE project_id = %s AND webhook_id = %s AND state = 'waiting' AND due_at > now()
"""


def _try_at_once(webhook: Webhook) -> None:
    webhook.failures, webhook.paused_until = 0, None
    with connection.cursor() as cursor:
        cursor.execute(_DUE, [webhook.project_id, webhook.pk])
    transaction.on_commit(wake_webhooks)


def _check_url(url: str) -> None:
    try:
        check_target(url)
    except TargetRefused as error:
        raise InvalidInput(str(error), attr="url") from None


def _note(
    webhook: Webhook, activity: str, user_id: int | None, changes: list[dict[str, Any]] | None = None
) -> None:
    record_activity(
        project_id=webhook.project_id,
        user_id=user_id,
        activities=[Activity("Webhook", activity, webhook.pk, read_target(webhook.url).host, changes)],
    )
