"""Rows that belong to a project can only be reached by naming the project."""

from typing import TypeVar

from django.db import models

Row = TypeVar("Row", bound=models.Model)


class UnscopedQuery(Exception):
    """Rows of a project were asked for without naming the project; use ``for_project``."""


class ProjectManager(models.Manager[Row]):
    """The manager of every table with a ``project_id``: it refuses a query that names no project."""

    def get_queryset(self) -> models.QuerySet[Row]:
        raise UnscopedQuery(f"{self.model.__name__}: use for_project(project_id)")

    def for_project(self, project_id: int) -> models.QuerySet[Row]:
        return super().get_queryset().filter(project_id=project_id)
