"""Cohorts: named sets of persons."""

from django.db import models
from django.utils import timezone

from core.models.person import Person
from core.models.scoped import ProjectManager


class Cohort(models.Model):
    """A set of persons. A static one has exactly the members that it was given."""

    id = models.BigAutoField(primary_key=True)
    project = models.ForeignKey("core.Project", on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=400, null=True)  # noqa: DJ001 - the contract tells null from empty
    description = models.CharField(max_length=1000, default="", blank=True)
    is_static = models.BooleanField(default=False)
    deleted = models.BooleanField(default=False)
    #: Members; null until they were counted the first time.
    count = models.BigIntegerField(null=True)
    created_by = models.ForeignKey("core.User", on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    objects = ProjectManager["Cohort"]()

    def __str__(self) -> str:
        return self.name or str(self.pk)


class CohortMember(models.Model):
    """A person in a cohort. Merges move it and deletions remove it, in their own transaction."""

    id = models.BigAutoField(primary_key=True)
    project = models.ForeignKey("core.Project", on_delete=models.CASCADE, related_name="+", db_index=False)
    cohort = models.ForeignKey(Cohort, on_delete=models.CASCADE, related_name="+", db_index=False)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")

    objects = ProjectManager["CohortMember"]()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["cohort", "person"], name="a_member_once")]

    def __str__(self) -> str:
        return f"{self.person_id} in {self.cohort_id}"
