"""Imports of event files, so that one which was stopped goes on where it was."""

from django.db import models

from core.models.scoped import ProjectManager


class EventImport(models.Model):
    """How far the import of a file has come."""

    id = models.BigAutoField(primary_key=True)
    project = models.ForeignKey("core.Project", on_delete=models.CASCADE, related_name="+", db_index=False)
    #: Names the content of the file, wherever it lies.
    fingerprint = models.CharField(max_length=64)
    #: Rows of the file that are stored; moves in the transaction that stores them.
    rows_done = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    objects = ProjectManager["EventImport"]()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "fingerprint"], name="one_import_a_file")]

    def __str__(self) -> str:
        return f"{self.fingerprint}: {self.rows_done} rows"
