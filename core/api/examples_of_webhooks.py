"""Examples of webhooks for the OpenAPI document."""

from typing import Any

_WHEN = "2026-11-22T10:00:00.252000Z"
_WEBHOOK: dict[str, Any] = {
    "id": 3,
    "url": "https://example.org/changes",
    "events": ["person.deleted", "person.merged"],
    "description": "",
    "enabled": True,
    "secret": None,
    "secret_mask": "whse...Q3kZ",
    "created_by": {
        "id": 1,
        "uuid": "0190aa00-1111-7222-8333-444455556666",
        "first_name": "Ada",
        "email": "ada@example.org",
    },
    "created_at": _WHEN,
    "updated_at": _WHEN,
    "failures": 0,
    "paused_until": None,
    "waiting": 0,
    "dead": 0,
}
_DELIVERY: dict[str, Any] = {
    "id": "0190cc33-0000-7000-8000-000000000001",
    "event": "person.deleted",
    "person": "11509410-c12f-55e9-b1d3-d2b39177f826",
    "state": "delivered",
    "attempts": 1,
    "last_status": 200,
    "last_error": None,
    "created_at": _WHEN,
    "last_attempt_at": "2026-11-22T10:00:00.400000Z",
    "next_attempt_at": None,
    "delivered_at": "2026-11-22T10:00:00.450000Z",
}
_REQUEST = {"url": "https://example.org/changes", "events": ["person.deleted", "person.merged"]}

#: By component.
WEBHOOKS: dict[str, Any] = {
    "Webhook": _WEBHOOK,
    "WebhookRequest": _REQUEST,
    "PatchedWebhookRequest": {"enabled": False},
    "PaginatedWebhookList": {"count": 1, "next": None, "previous": None, "results": [_WEBHOOK]},
    "RotateSecretRequest": {"overlap_seconds": 3600},
    "WebhookDelivery": _DELIVERY,
    "DeliveryPage": {"results": [_DELIVERY], "next": None, "previous": None},
    "Replayed": {"replayed": 4},
    "WebhookTest": {
        "id": "0190cc33-0000-7000-8000-000000000002",
        "delivered": True,
        "status": 200,
        "error": None,
        "body": "ok",
        "duration_ms": 38,
    },
}
