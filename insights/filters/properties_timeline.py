"""A properties timeline as asked for: which events are looked at, and which properties matter."""

from calendar import monthrange
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from core.exceptions import InvalidInput
from core.filters.dates import Interval, parse_date, read_dates, read_interval
from core.filters.parameters import read_json, read_text
from core.filters.properties import (
    PresenceTest,
    PropertyFilter,
    PropertyGroup,
    PropertyReader,
    Source,
    filters_of,
)
from insights.filters.breakdown import read_names
from insights.filters.entities import read_entities
from insights.filters.project import ProjectFacts

#: Displays of one value for the whole range; every other one has a value an interval.
TOTAL_VALUE_DISPLAYS = frozenset(
    ["ActionsTable", "ActionsPie", "ActionsBarValue", "WorldMap", "BoldNumber", "CalendarHeatmap"]
)
_LAST_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class TimelineFilter:
    """Events from ``first`` to ``last``, both included, of one of ``names`` (none: of any name). A change of one of the
    person properties ``crucial`` makes a new point.
    """

    project_id: int
    first: datetime
    last: datetime
    names: tuple[str, ...]
    crucial: tuple[str, ...]


def read_timeline(given: Mapping[str, Any], *, project: ProjectFacts, now: datetime) -> TimelineFilter:
    """Raises ``InvalidInput`` for what cannot be read. Both times are in the project's time zone."""
    reader = _NamesOnly(zone=project.zone, now=now)
    of_query = reader.read(given.get("properties"), attr="properties")
    series = read_entities(given, reader=reader)
    names = [entity.id for entity in series if entity.id is not None]
    first, last = _range(given, project=project, now=now)
    return TimelineFilter(
        project_id=project.id,
        first=first,
        last=last,
        names=tuple(dict.fromkeys(names)) if len(names) == len(series) else (),
        crucial=_unique(
            [
                *(
                    item.key
                    for group in (of_query, *(one.properties for one in series))
                    for item in filters_of(group)
                ),
                *_breakdown(given),
            ]
        ),
    )


class _NamesOnly(PropertyReader):
    """Only the names of person properties matter: filters of any kind are taken, whatever they test."""

    def read(self, value: Any, *, attr: str) -> PropertyGroup:
        value = read_json({attr: value or None}, attr)
        if value is not None and not isinstance(value, list | Mapping):
            raise InvalidInput("A list of filters or a group of filters is required.", attr=attr)
        return PropertyGroup(
            members=tuple(
                PropertyFilter(Source.PERSON, key, PresenceTest(), negated=False, attr=attr)
                for key in _person_keys(value)
            )
        )


def _person_keys(value: Any) -> Iterable[str]:
    """Keys of person filters, in the order in which they stand in groups and lists."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, list):
            waiting.extend(reversed(item))
        elif isinstance(item, Mapping):
            if item.get("type") == Source.PERSON and isinstance(item.get("key"), str):
                yield item["key"]
            waiting.append(item.get("values"))


def _breakdown(given: Mapping[str, Any]) -> tuple[str, ...]:
    """The person properties that the query is broken down by."""
    names = read_names(given)
    return names if given.get("breakdown_type") == Source.PERSON else ()


def _unique(keys: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(keys))


def _range(given: Mapping[str, Any], *, project: ProjectFacts, now: datetime) -> tuple[datetime, datetime]:
    dates = read_dates(given, now=now, zone=project.zone)
    first = dates.first.astimezone(project.zone)
    if _is_one_interval(given, now=now.astimezone(project.zone)):
        return first, _end_of_interval(first, read_interval(given))
    return first, dates.last.astimezone(project.zone).replace(microsecond=999999)


def _is_one_interval(given: Mapping[str, Any], *, now: datetime) -> bool:
    """Whether a point of a time series was asked for, whose range begins and ends with the same date."""
    texts = [(read_text(given, name) or "").strip() for name in ("date_from", "date_to")]
    if read_text(given, "display") in TOTAL_VALUE_DISPLAYS or not all(texts) or "all" in texts:
        return False
    first, last = (parse_date(text, now=now, attr="date_from") for text in texts)
    return first.moment == last.moment


def _end_of_interval(first: datetime, interval: Interval) -> datetime:
    """An hour ends with the first instant of the next one, all others with their own last one."""
    if interval is Interval.HOUR:
        return (first.astimezone(UTC) + timedelta(hours=1)).astimezone(first.tzinfo)
    days = {
        Interval.DAY: 1,
        Interval.WEEK: 7,
        Interval.MONTH: monthrange(first.year, first.month)[1],
    }
    return first + timedelta(days=days[interval]) - _LAST_INSTANT
