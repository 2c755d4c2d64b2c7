"""Groups: companies, teams and whatever else events belong to besides their person."""

from django.db import models
from django.utils import timezone

from core.clickhouse.group_columns import GROUP_TYPES
from core.models.scoped import ProjectManager


class GroupType(models.Model):
    """A kind of group, as in ``company``. ``index`` is its place among the group columns of events and never
    changes.
    """

    id = models.BigAutoField(primary_key=True)
    project = models.ForeignKey("core.Project", on_delete=models.CASCADE, related_name="+", db_index=False)
    index = models.SmallIntegerField()
    name = models.CharField(max_length=400)
    created_at = models.DateTimeField(default=timezone.now)

    objects = ProjectManager["GroupType"]()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "index"], name="one_group_type_an_index"),
            models.UniqueConstraint(fields=["project", "name"], name="one_group_type_a_name"),
            models.CheckConstraint(
                condition=models.Q(index__gte=0, index__lt=GROUP_TYPES), name="group_type_has_a_column"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Group(models.Model):
    """One group of a type, as in the company ``acme``."""

    id = models.BigAutoField(primary_key=True)
    project = models.ForeignKey("core.Project", on_delete=models.CASCADE, related_name="+", db_index=False)
    type_index = models.SmallIntegerField()
    key = models.CharField(max_length=400)
    properties = models.JSONField(default=dict)
    #: Grows with every change: ClickHouse keeps the row with the highest one.
    version = models.BigIntegerField(default=0)
    #: Time of the event that made the group.
    created_at = models.DateTimeField(default=timezone.now)

    objects = ProjectManager["Group"]()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "type_index", "key"], name="one_group_a_key"),
        ]

    def __str__(self) -> str:
        return self.key
