"""Files of persons for static cohorts, on their way and afterwards."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from core.models.cohort import Cohort
from core.models.scoped import ProjectManager


class CohortUploadPart(models.Model):
    """Some rows of a file: what they say until they were looked up, and those that name nobody afterwards.

    A part is looked up in one transaction, which also notes that it is done: whoever dies in between leaves it to be
    done, and nothing is done twice.
    """

    id = models.BigAutoField(primary_key=True)
    project = models.ForeignKey("core.Project", on_delete=models.CASCADE, related_name="+", db_index=False)
    cohort = models.ForeignKey(Cohort, on_delete=models.CASCADE, related_name="+", db_index=False)
    #: Counts the files of the cohort.
    upload = models.IntegerField()
    #: How the file names persons (``core.services.cohorts.read_csv.Naming``).
    naming = models.CharField(max_length=20)
    rows = models.IntegerField()
    #: What names persons, and on which line of the file, from 1; null when the part is done. One of ``named`` is null
    #: where it named somebody who was erased before (``core.services.cohorts.forget_named``).
    named = ArrayField(models.TextField(), null=True)
    lines = ArrayField(models.IntegerField(), null=True)
    #: When somebody is to take the part up, unless who has it now is quicker; null when it is done.
    due_at = models.DateTimeField(null=True)
    #: How often a worker has taken it up.
    attempts = models.SmallIntegerField(default=0)
    matched = models.IntegerField(default=0)
    #: ``row``, ``value`` and ``reason`` of each row that names nobody.
    unmatched = models.JSONField(default=list)
    created_at = models.DateTimeField()

    objects = ProjectManager["CohortUploadPart"]()

    class Meta:
        indexes = [
            models.Index(fields=["cohort", "upload", "id"], name="parts_of_an_upload"),
            models.Index(
                fields=["due_at"], condition=models.Q(due_at__isnull=False), name="upload_parts_to_do"
            ),
        ]

    def __str__(self) -> str:
        return f"part {self.pk} of file {self.upload} for {self.cohort_id}"
