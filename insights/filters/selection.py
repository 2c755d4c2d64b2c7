"""What limits the events of a question whatever its series, and what limits its actors."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from core.filters.dates import DateRange, read_dates
from core.filters.group_type import read_group_type_index
from core.filters.parameters import read_limit, read_offset, read_text
from core.filters.properties import PropertyGroup, PropertyReader, both
from insights.filters.project import ProjectFacts
from insights.filters.sampling import check_sampling
from insights.filters.test_accounts import read_test_accounts


@dataclass(frozen=True, slots=True)
class Selection:
    """Events of the project in ``dates`` that pass ``properties``."""

    project_id: int
    dates: DateRange
    properties: PropertyGroup

    def narrowed(self, properties: PropertyGroup) -> "Selection":
        """Only events that pass ``properties``, too."""
        return replace(self, properties=both(self.properties, properties))


@dataclass(frozen=True, slots=True)
class Page:
    """A page of actors. ``search`` keeps those who contain a text."""

    search: str | None
    limit: int
    offset: int


def read_selection(
    given: Mapping[str, Any], *, project: ProjectFacts, now: datetime, reader: PropertyReader
) -> Selection:
    """Raises ``InvalidInput`` that names the parameter."""
    check_sampling(given)
    read_counted_type(given)
    return Selection(
        project_id=project.id,
        dates=read_dates(given, now=now, zone=project.zone),
        properties=both(
            reader.read(given.get("properties"), attr="properties"),
            read_test_accounts(given, project=project, reader=reader),
        ),
    )


def read_counted_type(given: Mapping[str, Any]) -> int | None:
    """``aggregation_group_type_index``: the type of the groups that a funnel counts; null when it counts persons.
    Nothing else counts by it, but every question refuses what is no type.
    """
    name = "aggregation_group_type_index"
    return None if given.get(name) is None else read_group_type_index(given[name], name=name, attr=name)


def read_page(given: Mapping[str, Any]) -> Page:
    """Raises ``InvalidInput`` that names the parameter."""
    return Page(search=read_text(given, "search"), limit=read_limit(given), offset=read_offset(given))
