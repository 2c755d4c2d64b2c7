"""What a question needs to know of its project; travels with the question to the worker."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from core.filters.properties import PropertyReader
from core.selectors.cohorts import cohort_names

if TYPE_CHECKING:
    from core.models import Project


@dataclass(frozen=True)
class ProjectFacts:
    """``cohorts`` are the names of the cohorts that are not deleted, by their ids as text."""

    id: int
    timezone: str = "UTC"
    week_start_day: int = 0
    test_account_filters: list[Any] = field(default_factory=list)
    cohorts: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, project: "Project") -> "ProjectFacts":
        names = {str(cohort_id): name for cohort_id, name in cohort_names(project.pk).items()}
        return cls(project.pk, project.timezone, project.week_start_day, project.test_account_filters, names)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    def reader(self, now: datetime) -> PropertyReader:
        """For the property filters of a question that is asked ``now``."""
        return PropertyReader(zone=self.zone, now=now, cohorts=frozenset(map(int, self.cohorts)))
