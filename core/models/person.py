"""Persons, the distinct ids that lead to them, and what remains of deleted ones."""

from django.db import models
from django.db.models.fields.json import KT
from django.db.models.functions import Left
from django.utils import timezone

from core.models.scoped import ProjectManager

#: Characters of ``properties.email`` that are indexed.
EMAIL_START = 200


class Person(models.Model):
    """Someone, in one project. ``uuid`` is the public id (``core.identity.ids``)."""

    id = models.BigAutoField(primary_key=True)
    project = models.ForeignKey("core.Project", on_delete=models.CASCADE, related_name="+", db_index=False)
    uuid = models.UUIDField()
    properties = models.JSONField(default=dict)
    is_identified = models.BooleanField(default=False)
    #: Grows with every change, also beyond deletion: ClickHouse keeps the row with the highest one.
    version = models.BigIntegerField(default=0)
    #: Time of the event that made the person.
    created_at = models.DateTimeField(default=timezone.now)
    #: Time of the newest event, cut to the hour.
    last_seen_at = models.DateTimeField(null=True)
    #: For the index: a column of its own, because an index on an expression over ``properties`` would be
    #: written with every change of any property; cut, because an index entry has a largest size and a
    #: property has none.
    email_start = models.GeneratedField(
        expression=Left(KT("properties__email"), EMAIL_START),
        output_field=models.TextField(null=True),
        db_persist=True,
    )

    objects = ProjectManager["Person"]()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "uuid"], name="one_person_a_uuid"),
            # What the composite foreign key of the mappings refers to.
            models.UniqueConstraint(fields=["project", "id"], name="person_in_project"),
        ]
        indexes = [
            models.Index(fields=["project", "-created_at", "-uuid"], name="person_newest_first"),
            models.Index(
                fields=["project", "email_start"],
                condition=models.Q(email_start__isnull=False),
                name="person_by_given_email",
            ),
        ]

    def __str__(self) -> str:
        return str(self.uuid)


class PersonDistinctId(models.Model):
    """One id under which events of a person arrive. A composite foreign key keeps id and person in one
    project.
    """

    id = models.BigAutoField(primary_key=True)
    #: Without a constraint of its own, which each new person would pay for: the composite one says it, too.
    project = models.ForeignKey(
        "core.Project", on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+", db_constraint=False)
    distinct_id = models.CharField(max_length=400)
    #: 0 for the id that made its person; above 0 the id may have had another person before.
    version = models.BigIntegerField(default=0)
    #: Up to this version events say it themselves, and ClickHouse need not keep an override
    #: (``core.clickhouse.squash``).
    squashed_version = models.BigIntegerField(db_default=0)

    objects = ProjectManager["PersonDistinctId"]()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "distinct_id"], name="one_person_a_distinct_id")
        ]

    def __str__(self) -> str:
        return self.distinct_id


class PersonTombstone(models.Model):
    """The version at which a person ceased to exist: whoever gets the uuid again starts above it."""

    id = models.BigAutoField(primary_key=True)
    project = models.ForeignKey("core.Project", on_delete=models.CASCADE, related_name="+", db_index=False)
    uuid = models.UUIDField()
    version = models.BigIntegerField()

    objects = ProjectManager["PersonTombstone"]()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "uuid"], name="one_tombstone_a_uuid")]

    def __str__(self) -> str:
        return f"{self.uuid} at {self.version}"


class DistinctIdTombstone(models.Model):
    """The version at which a distinct id was deleted together with its person: whoever attaches it again starts
    above it. Only for ids that had an override; the id itself is not kept.
    """

    id = models.BigAutoField(primary_key=True)
    project = models.ForeignKey("core.Project", on_delete=models.CASCADE, related_name="+", db_index=False)
    #: The first 16 bytes of the SHA-256 of the id.
    digest = models.BinaryField(max_length=16)
    version = models.BigIntegerField()

    objects = ProjectManager["DistinctIdTombstone"]()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "digest"], name="one_tombstone_a_distinct_id")
        ]

    def __str__(self) -> str:
        return f"a distinct id at {self.version}"
