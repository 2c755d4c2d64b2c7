"""The activity log: who changed what, written in the transaction of the change."""

import uuid

from django.db import models
from django.utils import timezone

from core.models.scoped import ProjectManager


class ActivityEntry(models.Model):
    """One change. Values of properties are never kept here."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    project = models.ForeignKey("core.Project", on_delete=models.CASCADE, related_name="+", db_index=False)
    #: Null for what the system did by itself.
    user = models.ForeignKey("core.User", on_delete=models.SET_NULL, null=True, related_name="+")
    #: What kind of thing changed: ``Person``, ``Cohort`` …
    scope = models.CharField(max_length=79)
    activity = models.CharField(max_length=79)
    #: The pk of what changed, as text.
    item_id = models.CharField(max_length=72)
    detail = models.JSONField()
    created_at = models.DateTimeField(default=timezone.now)

    objects = ProjectManager["ActivityEntry"]()

    class Meta:
        indexes = [
            models.Index(fields=["project", "-created_at", "-id"], name="activity_of_a_project"),
            models.Index(fields=["project", "scope", "-created_at", "-id"], name="activity_newest_first"),
            models.Index(
                fields=["project", "scope", "item_id", "-created_at", "-id"], name="activity_of_an_item"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.scope} {self.item_id} {self.activity}"
