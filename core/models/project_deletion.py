"""The deletion of a project: work while it is pending, a receipt afterwards (``core.services.purge_project``)."""

from django.db import models
from django.utils import timezone


class ProjectDeletion(models.Model):
    """Who deleted which project when, and how much of it was found and is left by store. It survives the project."""

    class Stage(models.TextChoices):
        #: The project exists for nobody any more.
        ACCEPTED = "accepted"
        #: Nothing of it is in PostgreSQL or can reach ClickHouse, and what is there was counted.
        SEALED = "sealed"
        #: ClickHouse was told to delete it.
        REMOVED = "removed"
        #: Nothing is left in any store, by a count.
        VERIFIED = "verified"
        #: The bytes have left the disk.
        SCRUBBED = "scrubbed"

    id = models.BigAutoField(primary_key=True)
    #: Of a project that need not be there any more; ids are never used again.
    project_id = models.BigIntegerField(unique=True)
    project_uuid = models.UUIDField()
    project_name = models.CharField(max_length=200)
    organization = models.ForeignKey("core.Organization", on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey("core.User", on_delete=models.SET_NULL, null=True, related_name="+")
    stage = models.CharField(max_length=8, choices=Stage.choices, default=Stage.ACCEPTED)
    #: Rows by store, as found and as left behind.
    counts_before = models.JSONField(default=dict)
    counts_after = models.JSONField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    removed_at = models.DateTimeField(null=True)
    delete_verified_at = models.DateTimeField(null=True)
    scrubbed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["id"], condition=models.Q(scrubbed_at=None), name="project_deletions_to_carry_out"
            )
        ]

    def __str__(self) -> str:
        return f"project {self.project_id}: {self.stage}"
