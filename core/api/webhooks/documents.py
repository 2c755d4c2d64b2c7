"""What the documentation of all webhook routes has in common, and how their ids are read."""

from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter

from core.auth.authentication import LARGEST_ID
from core.exceptions import WebhookNotFound

WEBHOOK_ID = OpenApiParameter(
    "id", OpenApiTypes.INT, OpenApiParameter.PATH, description="The id of the webhook."
)
DELIVERY_ID = OpenApiParameter(
    "delivery_id", OpenApiTypes.UUID, OpenApiParameter.PATH, description="The id of the event."
)


def read_webhook_id(text: str) -> int:
    """Raises ``WebhookNotFound`` for what can be no id."""
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(LARGEST_ID))):
        raise WebhookNotFound
    return min(int(text), LARGEST_ID)


def read_delivery_id(text: str) -> UUID:
    """Raises ``WebhookNotFound`` for what can be no id."""
    try:
        return UUID(text)
    except ValueError:
        raise WebhookNotFound from None
