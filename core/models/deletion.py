"""Requests to erase, what they cover, and the receipt that stays (``core.services.erase``)."""

from django.db import models
from django.db.models import Q

from core.models.scoped import ProjectManager


class DeletionRequest(models.Model):
    """The erasure of one person or of its events: work while it is pending, a receipt afterwards.

    Nothing in it names anybody but by uuid, so it survives the person, and the project.
    """

    class Stage(models.TextChoices):
        #: PostgreSQL has the request; the profile, if it was to go, went in the same transaction.
        ACCEPTED = "accepted"
        #: Nothing from before the request can reach ClickHouse any more, and what is there was counted.
        SEALED = "sealed"
        #: ClickHouse was told to delete it.
        REMOVED = "removed"
        #: Nothing is left in any store, by a count.
        VERIFIED = "verified"
        #: The bytes have left the disk.
        SCRUBBED = "scrubbed"

    #: Stages in which there is something to erase.
    PENDING = (Stage.ACCEPTED, Stage.SEALED, Stage.REMOVED)

    id = models.BigAutoField(primary_key=True)
    project = models.ForeignKey(
        "core.Project", on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    person_uuid = models.UUIDField()
    #: Who asked; null for what the system did by itself.
    user = models.ForeignKey("core.User", on_delete=models.SET_NULL, null=True, related_name="+")
    erases_person = models.BooleanField()
    #: Only such requests are shown: without events nobody asked for more than what the answer said.
    erases_events = models.BooleanField()
    stage = models.CharField(max_length=8, choices=Stage.choices, default=Stage.ACCEPTED)
    #: Grows when another request joins this one: the worker's findings then no longer hold.
    revision = models.IntegerField(default=0)
    #: Pairs of uuid and version: rows of ClickHouse's ``person`` below that version go.
    persons = models.JSONField(default=list)
    #: Rows by store, as found and as left behind (``core.services.erasure_counts``).
    counts_before = models.JSONField(default=dict)
    counts_after = models.JSONField(null=True)
    #: When it was asked for; later requests that join it do not change this.
    created_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True)
    delete_verified_at = models.DateTimeField(null=True)
    scrubbed_at = models.DateTimeField(null=True)

    objects = ProjectManager["DeletionRequest"]()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "person_uuid", "erases_events"],
                condition=Q(delete_verified_at=None),
                name="one_pending_deletion_a_person",
            )
        ]
        indexes = [
            models.Index(
                fields=["project", "-created_at", "-id"],
                condition=Q(erases_events=True),
                name="deletions_newest_first",
            ),
            models.Index(
                fields=["project", "person_uuid"],
                condition=Q(erases_events=True),
                name="deletions_of_a_person",
            ),
            models.Index(fields=["id"], condition=Q(delete_verified_at=None), name="pending_deletions"),
            models.Index(fields=["id"], condition=Q(stage="verified"), name="deletions_to_scrub"),
        ]

    def __str__(self) -> str:
        return f"{self.person_uuid}: {self.stage}"


class DeletionId(models.Model):
    """A distinct id that a request covers."""

    id = models.BigAutoField(primary_key=True)
    project = models.ForeignKey(
        "core.Project", on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    request = models.ForeignKey(DeletionRequest, on_delete=models.CASCADE, related_name="+", db_index=False)
    #: The first 16 bytes of the SHA-256 of the id, as of tombstones: what a later verification looks for.
    digest = models.BinaryField(max_length=16)
    #: The id itself, until nothing of it is left in any store.
    distinct_id = models.CharField(max_length=400, null=True)  # noqa: DJ001 - an empty one would be an id
    #: Events received up to then go, if the request is about events.
    moment = models.DateTimeField()
    #: The version at which the id died: rows about it up to that go. Null when its person stays.
    version = models.BigIntegerField(null=True)

    objects = ProjectManager["DeletionId"]()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["request", "digest"], name="a_distinct_id_once_a_deletion")
        ]

    def __str__(self) -> str:
        return f"a distinct id of {self.request}"
