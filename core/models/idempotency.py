"""Requests that must not happen twice, and what they were answered."""

from django.db import models
from django.db.models.functions import Now

from core.models.scoped import ProjectManager


class IdempotentRequest(models.Model):
    """The first request that a key made under an ``Idempotency-Key``, kept in the transaction of its change."""

    id = models.BigAutoField(primary_key=True)
    project = models.ForeignKey("core.Project", on_delete=models.CASCADE, related_name="+", db_index=False)
    #: Id of the personal API key.
    caller = models.CharField(max_length=50)
    name = models.CharField(max_length=255)
    #: SHA-256 of what was asked: another request under the same name is a mistake.
    digest = models.BinaryField(max_length=32)
    status = models.SmallIntegerField(null=True)
    answer = models.TextField(default="null")
    created_at = models.DateTimeField(db_default=Now(), db_index=True)

    objects = ProjectManager["IdempotentRequest"]()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "caller", "name"], name="one_request_a_name")
        ]

    def __str__(self) -> str:
        return self.name
