"""One attempt to deliver an event, and what is noted of it."""

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from core.json import dumps
from core.models import WebhookDelivery
from core.services.webhooks.post import Answer, post
from core.services.webhooks.secrets import SecretLost, signature

#: Seconds from the first failed attempt to the second; each further wait is three times as long.
FIRST_WAIT = 5.0
LONGEST_WAIT = 3600.0
#: Failures in a row after which the receiver as a whole is left alone for a while, and seconds of that at most.
PAUSE_AFTER = 3
LONGEST_PAUSE = 300.0
USER_AGENT = "persons-api-webhooks/1"

State = WebhookDelivery.State


@dataclass(frozen=True, slots=True)
class Sender:
    """What requests to a webhook are made of. ``salts`` are those of its secrets, the newest first."""

    url: str
    salts: tuple[bytes, ...]
    mask: str


@dataclass(frozen=True, slots=True)
class Event:
    """An event as receivers see it. ``data`` is JSON text."""

    id: UUID
    name: str
    created_at: datetime
    project_id: int
    data: str

    def body(self) -> bytes:
        return dumps(
            {
                "id": self.id,
                "event": self.name,
                "created_at": self.created_at,
                "project_id": self.project_id,
                "data": orjson.Fragment(self.data),
            }
        )


def send(sender: Sender, event: Event) -> Answer:
    """Send ``event``, signed."""
    body = event.body()
    try:
        headers = _headers(sender, event, body)
    except SecretLost as error:
        return Answer(None, str(error), "", 0.0)
    return post(sender.url, body, headers, timeout=settings.WEBHOOK_TIMEOUT)


def _headers(sender: Sender, event: Event, body: bytes) -> Mapping[str, str]:
    now = int(time.time())
    return {
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        "Webhook-Id": str(event.id),
        "Webhook-Timestamp": str(now),
        "Webhook-Signature": signature(
            sender.salts, sender.mask, event_id=str(event.id), timestamp=now, body=body
        ),
    }


_READ = """
SELECT w.id, w.failures, w.url,
    w.secret_salt, CASE WHEN w.previous_until > now() THEN w.previous_salt END, w.secret_mask,
    d.event_id, d.event, d.created_at, d.project_id, d.data::text, d.attempts, d.queued_at
FROM core_webhookdelivery d JOIN core_webhook w ON w.id = d.webhook_id
WHERE d.id = %s AND d.state = 'waiting' AND w.enabled
"""


def attempt(delivery_id: int) -> bool:
    """Send a waiting event; whether the next ones can be sent, too. One that is not to be sent any more is not.

    It is read right before, so that what was erased since it was noted is not sent.
    """
    with connection.cursor() as cursor:
        cursor.execute(_READ, [delivery_id])
        row = cursor.fetchone()
    if row is None:
        return True
    webhook_id, failures, url, salt, previous, mask, *of_event, attempts, queued_at = row
    salts = tuple(bytes(one) for one in (salt, previous) if one is not None)
    # Nobody has the connection to the database while the receiver takes its time.
    connection.close()
    answer = send(Sender(url, salts, mask), Event(*of_event))
    if answer.is_taken:
        _note_taken(delivery_id, answer, webhook_id, failures)
    else:
        _note_failure(delivery_id, answer, webhook_id, failures, attempts, queued_at)
    return answer.is_taken


_TAKEN = """
UPDATE core_webhookdelivery SET state = 'delivered', attempts = attempts + 1, last_attempt_at = %(at)s,
    ended_at = %(at)s, last_status = %(status)s, last_error = NULL
WHERE id = %(id)s AND state = 'waiting'
"""
# The webhook goes before the delivery, as for whoever changes a webhook: else two could wait for each other.
_WELL = "UPDATE core_webhook SET failures = 0, paused_until = NULL WHERE id = %s AND failures > 0"
_ALL_DUE = """
UPDATE core_webhookdelivery SET due_at = now() WHERE webhook_id = %s AND state = 'waiting' AND due_at > now()
"""


def _note_taken(delivery_id: int, answer: Answer, webhook_id: int, failures: int) -> None:
    given: dict[str, Any] = {"id": delivery_id, "at": timezone.now(), "status": answer.status}
    with transaction.atomic(), connection.cursor() as cursor:
        if failures:
            cursor.execute(_WELL, [webhook_id])
        cursor.execute(_TAKEN, given)
        if failures >= PAUSE_AFTER:
            # It was away and is there again: what failed meanwhile need not wait any longer.
            cursor.execute(_ALL_DUE, [webhook_id])


_FAILED = """
UPDATE core_webhookdelivery SET state = %(state)s, attempts = attempts + 1, last_attempt_at = %(at)s,
    ended_at = %(ended_at)s, last_status = %(status)s, last_error = %(error)s,
    due_at = %(at)s + make_interval(secs => %(wait)s)
WHERE id = %(id)s AND state = 'waiting'
"""
_UNWELL = """
UPDATE core_webhook SET failures = failures + 1,
    paused_until = CASE WHEN failures + 1 >= %(pause_after)s THEN %(at)s + make_interval(secs => %(pause)s) END
WHERE id = %(webhook_id)s
"""
# Where nothing gets through, what was never tried must not wait for ever either.
_GIVE_UP = """
UPDATE core_webhookdelivery SET state = 'dead', ended_at = %(at)s, last_error = coalesce(last_error, %(error)s)
WHERE webhook_id = %(webhook_id)s AND state = 'waiting' AND queued_at < %(at)s - make_interval(secs => %(patience)s)
"""


def _note_failure(
    delivery_id: int, answer: Answer, webhook_id: int, failures: int, attempts: int, queued_at: datetime
) -> None:
    now = timezone.now()
    is_dead = (now - queued_at).total_seconds() >= settings.WEBHOOK_PATIENCE
    given: dict[str, Any] = {
        "id": delivery_id,
        "at": now,
        "state": State.DEAD if is_dead else State.WAITING,
        "ended_at": now if is_dead else None,
        "status": answer.status,
        "error": answer.error,
        "wait": wait_after(attempts + 1, longest=LONGEST_WAIT),
        "pause": wait_after(max(1, failures + 2 - PAUSE_AFTER), longest=LONGEST_PAUSE),
        "pause_after": PAUSE_AFTER,
        "patience": settings.WEBHOOK_PATIENCE,
        "webhook_id": webhook_id,
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_UNWELL, given)
        cursor.execute(_FAILED, given)
        if failures + 1 >= PAUSE_AFTER:
            cursor.execute(_GIVE_UP, given)


def wait_after(failed: int, *, longest: float) -> float:
    """Seconds until the next attempt after so many failed ones; spread, so that not everything comes back at once."""
    # The exponent is bounded for the sake of the arithmetic alone.
    wait = min(longest, FIRST_WAIT * 3.0 ** min(failed - 1, 20))
    return wait * random.uniform(0.8, 1.0)  # noqa: S311 - spreads attempts, keeps no secret
