"""What merges and splits did to persons, so that it can be taken back."""

from django.db import models
from django.utils import timezone

from core.models.scoped import ProjectManager


class IdentityChange(models.Model):
    """A merge into a person, or a split of one, with the state before it (``core.services.journal``)."""

    class Kind(models.TextChoices):
        MERGE = "merge"
        SPLIT = "split"

    id = models.BigAutoField(primary_key=True)
    project = models.ForeignKey("core.Project", on_delete=models.CASCADE, related_name="+", db_index=False)
    #: Pk of the person that was merged into or split; it may have merged away itself since.
    person_id = models.BigIntegerField()
    #: Pk of the person whose data this is now: it goes when that person is deleted.
    owner_id = models.BigIntegerField()
    kind = models.CharField(max_length=5, choices=Kind.choices)
    #: The person's version before and after; it can be taken back while the latter is still the person's version.
    version_before = models.BigIntegerField()
    version_after = models.BigIntegerField()
    state = models.JSONField()
    created_at = models.DateTimeField(default=timezone.now)

    objects = ProjectManager["IdentityChange"]()

    class Meta:
        indexes = [
            models.Index(fields=["project", "person_id", "-id"], name="last_change_of_a_person"),
            models.Index(fields=["project", "owner_id"], name="changes_by_owner"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.person_id}"
