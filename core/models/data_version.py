"""Which state of ClickHouse an answer was made from, so that no older one is given for it (``insights.cache``)."""

from django.db import models

from core.models.scoped import ProjectManager


class DataVersion(models.Model):
    """What has reached ClickHouse of a part of a project. Written in the transaction that forgets a delivered batch, so
    that nothing can be delivered without it (``core.outbox.data_versions``).
    """

    id = models.BigAutoField(primary_key=True)
    project = models.ForeignKey(
        "core.Project", on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    #: Events of a day: its number since 1970, in UTC. Everything else: ``core.outbox.data_versions.ALL``.
    part = models.IntegerField()
    #: Random at each change: a database that is restored from a backup does not come to a number again by counting.
    version = models.BigIntegerField()

    objects = ProjectManager["DataVersion"]()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "part"], name="a_version_a_part")]

    def __str__(self) -> str:
        return f"{self.project_id} {self.part}: {self.version}"
