"""Asks ClickHouse for the members of criteria, in a project whose rows are put straight into the tables."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from core.filters.cohort_criteria import Criteria, CriteriaReader
from core.filters.cohort_form import FilterForm
from core.filters.properties import PropertyReader, Source
from core.outbox.lines import person_line
from insights.queries import cohort
from tests.insights.world import NOON, World


def read(filters: Any, *, now: datetime, zone: str = "UTC", test_accounts: Sequence[Any] = ()) -> Criteria:
    """The typed tree of filters as a client sends them."""
    reader = PropertyReader(ZoneInfo(zone), now, sources=(Source.PERSON, Source.COHORT))
    kept = FilterForm(PropertyReader(reader.zone, now, sources=(Source.PERSON,))).check(filters)
    return CriteriaReader(reader, test_accounts).read(kept)


class CohortWorld(World):
    """Times are seconds after ``NOON``."""

    def add_person(
        self, name: str, properties: Mapping[str, Any] | None = None, *, created: float = 0, version: int = 0
    ) -> str:
        """The row of a person."""
        return person_line(
            project_id=self.project_id,
            uuid=self.person_id(name),
            created_at=NOON + timedelta(seconds=created),
            properties=properties or {},
            is_identified=True,
            version=version,
        )

    def members(
        self, names: Sequence[str], tree: Any, *, at: float = 0, overridden: bool = False, **options: Any
    ) -> list[str]:
        """Those of ``names`` who belong to a cohort with this group, calculated at a time, sorted."""
        filters = {"properties": tree, **options.pop("also", {})}
        criteria = read(filters, now=NOON + timedelta(seconds=at), zone=self.zone, **options)
        by_id = {self.person_id(name): name for name in names}
        return sorted(
            by_id[UUID(str(row[0]))] for row in self.ask(cohort.members(criteria, {}, overridden=overridden))
        )
