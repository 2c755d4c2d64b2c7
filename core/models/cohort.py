"""Cohorts: named sets of persons, their members, and how they were calculated."""

from django.db import models
from django.utils import timezone

from core.models.person import Person
from core.models.scoped import ProjectManager


class Cohort(models.Model):
    """A set of persons. A static one has exactly the members that it was given; a dynamic one those who met its
    criteria when it was last calculated.
    """

    id = models.BigAutoField(primary_key=True)
    project = models.ForeignKey("core.Project", on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=400, null=True)  # noqa: DJ001 - the contract tells null from empty
    description = models.CharField(max_length=1000, default="", blank=True)
    is_static = models.BooleanField(default=False)
    #: As a client names it; null when it did not.
    cohort_type = models.CharField(max_length=20, null=True)  # noqa: DJ001
    #: Criteria in their kept form (``core.filters.cohort_form``); of a static cohort whatever was sent.
    filters = models.JSONField(default=dict)
    #: Criteria in the oldest form, as sent; they count while ``filters`` is empty.
    groups = models.JSONField(default=list)
    #: The question that filled a static cohort.
    query = models.JSONField(null=True)
    deleted = models.BooleanField(default=False)
    deleted_at = models.DateTimeField(null=True)
    #: Members; null until they were counted the first time.
    count = models.BigIntegerField(null=True)
    #: The request whose result the members are; null before the first one.
    version = models.BigIntegerField(null=True)
    #: The latest request for a calculation. One that is overtaken stores nothing.
    pending_version = models.BigIntegerField(null=True)
    #: A calculation was asked for and has not ended.
    is_calculating = models.BooleanField(default=False)
    #: A file is being read into a static cohort (``core.models.cohort_upload``).
    filling_since = models.DateTimeField(null=True)
    #: How far the last file has come: ``naming``, ``rows``, ``done``, ``matched``; null before the first one.
    upload = models.JSONField(null=True)
    requested_at = models.DateTimeField(null=True)
    #: Among requests of one time: cohorts that others refer to come first.
    request_rank = models.IntegerField(default=0)
    last_calculation = models.DateTimeField(null=True)
    #: Failures since the last success.
    errors_calculating = models.IntegerField(default=0)
    last_error_at = models.DateTimeField(null=True)
    last_error_message = models.TextField(null=True)  # noqa: DJ001 - null says that there was none
    created_by = models.ForeignKey("core.User", on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    objects = ProjectManager["Cohort"]()

    class Meta:
        indexes = [
            models.Index(
                fields=["requested_at", "request_rank", "id"],
                condition=models.Q(is_calculating=True),
                name="cohorts_to_calculate",
            )
        ]

    def __str__(self) -> str:
        return self.name or str(self.pk)


class CohortMember(models.Model):
    """A person in a cohort. Merges move it and deletions remove it, in their own transaction.

    Without foreign keys in the database: checking them would lock every person of a calculated cohort until all its
    members are stored, and merges and deletions would have to wait. Static members lock their persons themselves;
    what a calculation stores of persons who go meanwhile, it removes (``core.services.cohorts.store_members``).
    """

    id = models.BigAutoField(primary_key=True)
    project = models.ForeignKey(
        "core.Project", on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    cohort = models.ForeignKey(
        Cohort, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+", db_constraint=False)

    objects = ProjectManager["CohortMember"]()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["cohort", "person"], name="a_member_once")]

    def __str__(self) -> str:
        return f"{self.person_id} in {self.cohort_id}"


class CohortCalculation(models.Model):
    """One calculation of a cohort: begun, then done or failed."""

    id = models.BigAutoField(primary_key=True)
    project = models.ForeignKey("core.Project", on_delete=models.CASCADE, related_name="+", db_index=False)
    cohort = models.ForeignKey(Cohort, on_delete=models.CASCADE, related_name="+", db_index=False)
    version = models.BigIntegerField()
    filters = models.JSONField()
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    count = models.BigIntegerField(null=True)
    #: Milliseconds that ClickHouse took.
    query_ms = models.IntegerField(null=True)
    #: Rows and bytes of memory that ClickHouse needed for it, as far as it tells, and the rows of members that were
    #: written and removed.
    read_rows = models.BigIntegerField(null=True)
    memory_bytes = models.BigIntegerField(null=True)
    written_rows = models.BigIntegerField(null=True)
    #: What ClickHouse was asked, with the names of parameters in place of values.
    main_query = models.TextField(null=True)  # noqa: DJ001
    #: For people; null when it did not fail.
    error = models.TextField(null=True)  # noqa: DJ001

    objects = ProjectManager["CohortCalculation"]()

    class Meta:
        indexes = [models.Index(fields=["cohort", "-id"], name="calculations_newest_first")]

    def __str__(self) -> str:
        return f"{self.cohort_id} version {self.version}"
