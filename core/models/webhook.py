"""Webhooks: who is told of changes, and what is told (``core.services.webhooks``)."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.utils import timezone

from core.models.scoped import ProjectManager


class Webhook(models.Model):
    """A URL that is told of changes of a project. Its secret is kept nowhere: it follows from ``secret_salt`` and the
    secret key of the server (``core.services.webhooks.secrets``).
    """

    id = models.BigAutoField(primary_key=True)
    project = models.ForeignKey("core.Project", on_delete=models.CASCADE, related_name="+")
    url = models.CharField(max_length=2000)
    #: Names of ``core.services.webhooks.events``.
    events = ArrayField(models.CharField(max_length=40))
    description = models.CharField(max_length=1000, default="", blank=True)
    #: A webhook that is not is told nothing; what waits stays until it is again.
    enabled = models.BooleanField(default=True)
    secret_salt = models.BinaryField(max_length=16)
    #: Of the secret before, which signs, too, until then.
    previous_salt = models.BinaryField(max_length=16, null=True)
    previous_until = models.DateTimeField(null=True)
    #: The end of the secret, so that people recognise it.
    secret_mask = models.CharField(max_length=20)
    #: Attempts in a row that failed, whatever they were about.
    failures = models.IntegerField(default=0)
    #: Nothing is tried before.
    paused_until = models.DateTimeField(null=True)
    created_by = models.ForeignKey("core.User", on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    objects = ProjectManager["Webhook"]()

    def __str__(self) -> str:
        return self.url


class WebhookDelivery(models.Model):
    """An event on its way to a webhook, and for a while afterwards what became of it.

    Rows are written in the transaction of the change, while its persons are locked, so the ids of those about one
    person are in the order of its changes. Without foreign keys in the database: their checks would lock the webhook.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        DELIVERED = "delivered"
        #: Given up. A replay makes it wait again.
        DEAD = "dead"

    id = models.BigAutoField(primary_key=True)
    project = models.ForeignKey(
        "core.Project", on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    webhook = models.ForeignKey(
        Webhook, on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    #: The same for all webhooks that are told of one change, and for all attempts.
    event_id = models.UUIDField()
    event = models.CharField(max_length=40)
    #: Whom it is about: one such event after the other.
    persons = ArrayField(models.UUIDField())
    #: Uuids and distinct ids of everybody whose data is in ``data``; what an erasure looks for. Empty when there is
    #: none in it, or none any more.
    names = ArrayField(models.TextField())
    data = models.JSONField()
    state = models.CharField(max_length=9, choices=State.choices, default=State.WAITING)
    attempts = models.IntegerField(default=0)
    created_at = models.DateTimeField()
    #: Since when it waits: its creation, or the last replay.
    queued_at = models.DateTimeField()
    #: Not tried before.
    due_at = models.DateTimeField()
    last_attempt_at = models.DateTimeField(null=True)
    #: When it was delivered or given up.
    ended_at = models.DateTimeField(null=True)
    #: Of the last answer; null when none came.
    last_status = models.IntegerField(null=True)
    last_error = models.TextField(null=True)  # noqa: DJ001 - null says that there was none

    objects = ProjectManager["WebhookDelivery"]()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["webhook", "event_id"], name="an_event_once_a_webhook")
        ]
        indexes = [
            models.Index(fields=["webhook", "id"], name="webhook_deliveries_in_order"),
            models.Index(
                fields=["webhook", "id"],
                condition=models.Q(state="waiting"),
                name="webhook_deliveries_waiting",
            ),
            models.Index(
                fields=["webhook", "due_at"],
                condition=models.Q(state="waiting"),
                name="webhook_deliveries_due",
            ),
            models.Index(
                fields=["webhook", "id"], condition=models.Q(state="dead"), name="webhook_deliveries_dead"
            ),
            models.Index(
                fields=["ended_at"],
                condition=models.Q(ended_at__isnull=False),
                name="webhook_deliveries_ended",
            ),
            GinIndex(fields=["names"], name="webhook_deliveries_by_name"),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.event_id}: {self.state}"
