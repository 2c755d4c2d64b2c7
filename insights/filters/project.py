"""What a question needs to know of its project; travels with the question to the worker."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from core.models import Project


@dataclass(frozen=True)
class ProjectFacts:
    id: int
    timezone: str = "UTC"
    week_start_day: int = 0
    test_account_filters: list[Any] = field(default_factory=list)

    @classmethod
    def of(cls, project: "Project") -> "ProjectFacts":
        return cls(project.pk, project.timezone, project.week_start_day, project.test_account_filters)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)
