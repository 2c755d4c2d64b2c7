"""Copies of projects of a PostHog instance, so that one which was stopped goes on where it was."""

from django.db import models

from core.models.scoped import ProjectManager


class PosthogImport(models.Model):
    """How far the copy of a project of another server has come."""

    id = models.BigAutoField(primary_key=True)
    project = models.ForeignKey("core.Project", on_delete=models.CASCADE, related_name="+", db_index=False)
    #: The other server and the number of the project there.
    source = models.CharField(max_length=400)
    #: ``core.services.posthog_import.state.State``.
    state = models.JSONField(default=dict)
    #: Grows with every change of ``state``: two processes that both believe to be alone do not both go on.
    step = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ProjectManager["PosthogImport"]()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "source"], name="one_import_a_source")]

    def __str__(self) -> str:
        return self.source


class ImportedPerson(models.Model):
    """A person of another server that an import has met. Nothing but its uuid is kept, which its tombstone would keep,
    too.
    """

    id = models.BigAutoField(primary_key=True)
    project = models.ForeignKey("core.Project", on_delete=models.CASCADE, related_name="+", db_index=False)
    posthog_import = models.ForeignKey(
        PosthogImport, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    uuid = models.UUIDField()
    #: The version that the import wrote: who still has it was changed by nobody else. Null for everybody else.
    version = models.BigIntegerField(null=True)
    #: Distinct ids there.
    distinct_ids = models.IntegerField()
    #: ``core.identity.take_over.Problem``; empty when there was none.
    problem = models.CharField(max_length=20, default="", blank=True)
    #: The pass through the persons that met it last.
    pass_number = models.IntegerField()

    objects = ProjectManager["ImportedPerson"]()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "posthog_import", "uuid"], name="an_imported_person_once"
            )
        ]

    def __str__(self) -> str:
        return str(self.uuid)
