"""Shapes of webhooks: what may be sent, and what answers look like."""

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from core.api.strict_fields import Flag, Text
from core.models import WebhookDelivery
from core.services.webhooks.events import EVENTS

#: Seconds for which a secret that was replaced may go on signing.
LONGEST_OVERLAP = 7 * 24 * 60 * 60


class WebhookRequestSerializer(serializers.Serializer[object]):
    """What a webhook can be given."""

    url = Text(
        min_length=1,
        max_length=2000,
        help_text="Where events go, by POST. Private addresses are refused by default.",
    )
    events = serializers.ListField(
        child=serializers.ChoiceField(choices=EVENTS), allow_empty=False, help_text="What it is told of."
    )
    description = Text(max_length=1000, allow_blank=True, required=False)
    enabled = Flag(required=False, help_text="Default `true`.")


@extend_schema_serializer(component_name="WebhookRequest")
class PatchedWebhookRequestSerializer(WebhookRequestSerializer):
    """Fields that are not named stay as they are."""

    url = Text(min_length=1, max_length=2000, required=False)
    events = serializers.ListField(
        child=serializers.ChoiceField(choices=EVENTS), allow_empty=False, required=False
    )


class RotateSecretRequestSerializer(serializers.Serializer[object]):
    """How long the old secret goes on signing."""

    overlap_seconds = serializers.IntegerField(
        min_value=0,
        max_value=LONGEST_OVERLAP,
        default=0,
        help_text="For so long requests bear a signature by the old secret, too.",
    )


class WebhookUserSerializer(serializers.Serializer[object]):
    """Who made a webhook."""

    id = serializers.IntegerField()
    uuid = serializers.UUIDField()
    first_name = serializers.CharField()
    email = serializers.EmailField()


@extend_schema_serializer(component_name="Webhook")
class WebhookSerializer(serializers.Serializer[object]):
    """A webhook: a URL that is told of changes."""

    id = serializers.IntegerField()
    url = serializers.CharField()
    events = serializers.ListField(child=serializers.ChoiceField(choices=EVENTS))
    description = serializers.CharField()
    enabled = serializers.BooleanField()
    secret = serializers.CharField(
        allow_null=True, help_text="Only in the answers to creation and rotation; null in all others."
    )
    secret_mask = serializers.CharField()
    created_by = WebhookUserSerializer(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    failures = serializers.IntegerField(help_text="Attempts in a row that failed.")
    paused_until = serializers.DateTimeField(
        allow_null=True, help_text="After several failures in a row nothing is tried for a while."
    )
    waiting = serializers.IntegerField(help_text="Events that wait for their delivery.")
    dead = serializers.IntegerField(help_text="Events that were given up and can be replayed.")


@extend_schema_serializer(component_name="PaginatedWebhookList", many=False)
class WebhookPageSerializer(serializers.Serializer[object]):
    """A page of webhooks."""

    count = serializers.IntegerField()
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = WebhookSerializer(many=True)


@extend_schema_serializer(component_name="WebhookDelivery")
class DeliverySerializer(serializers.Serializer[object]):
    """An event, and what became of it."""

    id = serializers.UUIDField(help_text="The id of the event, as the receiver sees it.")
    event = serializers.ChoiceField(choices=EVENTS)
    person = serializers.UUIDField(help_text="Whom it is about.")
    state = serializers.ChoiceField(choices=WebhookDelivery.State.choices)
    attempts = serializers.IntegerField(help_text="Since it was made or replayed.")
    last_status = serializers.IntegerField(allow_null=True, help_text="Of the last answer, if there was one.")
    last_error = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    last_attempt_at = serializers.DateTimeField(allow_null=True)
    next_attempt_at = serializers.DateTimeField(
        allow_null=True,
        help_text="Not before. Events about the same person, and a pause, may make it wait longer.",
    )
    delivered_at = serializers.DateTimeField(allow_null=True)


@extend_schema_serializer(many=False)
class DeliveryPageSerializer(serializers.Serializer[object]):
    """A page of events."""

    results = DeliverySerializer(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


class ReplayedSerializer(serializers.Serializer[object]):
    """How many events are sent again."""

    replayed = serializers.IntegerField()


class WebhookTestSerializer(serializers.Serializer[object]):
    """What came of a test."""

    id = serializers.UUIDField(help_text="The id of the event that was sent.")
    delivered = serializers.BooleanField()
    status = serializers.IntegerField(allow_null=True, help_text="Null when no answer came.")
    error = serializers.CharField(allow_null=True)
    body = serializers.CharField(help_text="The start of the answer.")
    duration_ms = serializers.IntegerField()
