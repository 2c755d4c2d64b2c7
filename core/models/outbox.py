"""What has to reach ClickHouse: rows written in the transaction of the change they tell of.

``line`` is the row for ClickHouse as one line of JSON, ready to be sent; delivery does not look into it.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from core.models.scoped import ProjectManager


class EventBuffer(models.Model):
    """An accepted event on its way to ClickHouse."""

    id = models.BigAutoField(primary_key=True)
    project = models.ForeignKey(
        "core.Project", on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    distinct_id = models.CharField(max_length=400)
    person_uuid = models.UUIDField()
    line = models.TextField()
    #: When the event was received: the start of the statement that stores it, which is later than the start of its
    #: transaction (``core.services.open_transactions``). Delivery adds it to the line.
    created_at = models.DateTimeField(db_default=Now())

    objects = ProjectManager["EventBuffer"]()

    def __str__(self) -> str:
        return str(self.id)


class Outbox(models.Model):
    """A change of a person, of a group, of members of cohorts or of where a distinct id points, on its way to
    ClickHouse.
    """

    class Target(models.TextChoices):
        PERSON = "person"
        #: Ids that made their person.
        FIRST_ID = "person_distinct_id"
        #: Ids that were attached or moved.
        OVERRIDE = "person_distinct_id_overrides"
        GROUP = "groups"
        #: Persons who joined or left cohorts; queued by triggers (``core/migrations/0009_cohort_member_changes.py``).
        MEMBERS = "cohort_member_changes"

    id = models.BigAutoField(primary_key=True)
    project = models.ForeignKey(
        "core.Project", on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    target = models.CharField(max_length=40, choices=Target.choices)
    line = models.TextField()
    created_at = models.DateTimeField(db_default=Now())

    objects = ProjectManager["Outbox"]()

    class Meta:
        indexes = [models.Index(fields=["target", "id"], name="outbox_by_target")]

    def __str__(self) -> str:
        return f"{self.target} {self.id}"


class DeliveryBatch(models.Model):
    """A frozen batch: exactly these rows go to one ClickHouse table under one token, however often it is
    tried.

    At most one is open a table, so the rows outside it are free to be frozen next.
    """

    id = models.BigAutoField(primary_key=True)
    target = models.CharField(max_length=40, unique=True)
    row_ids = ArrayField(models.BigIntegerField())
    #: Random, so that it is new also after PostgreSQL was restored from a backup.
    token = models.UUIDField(unique=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.target} {self.id}: {len(self.row_ids)} rows"


class Undeliverable(models.Model):
    """A row that ClickHouse refuses. It holds up nobody else's and is kept until someone looks: ``persons-api
    doctor`` counts them.
    """

    id = models.BigAutoField(primary_key=True)
    target = models.CharField(max_length=40)
    line = models.TextField()
    error = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.target}: {self.error[:100]}"
