"""A funnel as asked for: everything that decides its numbers, and which of its persons are wanted."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core.exceptions import InvalidInput
from core.filters.dates import DateRange, read_dates
from core.filters.group_type import read_group_type_index
from core.filters.parameters import (
    read_choice,
    read_integer,
    read_json,
    read_limit,
    read_list,
    read_offset,
    read_text,
    whole_number,
)
from core.filters.properties import PropertyFilter, PropertyGroup, PropertyReader, both, filters_of
from insights.filters.entities import Entity, read_entities
from insights.filters.overlap import MOST_OVERLAPPING, TooManyOverlaps, shared_sets
from insights.filters.project import ProjectFacts
from insights.filters.test_accounts import read_test_accounts

MOST_STEPS = 20
#: Fixed spans: a day has 86,400 seconds also when clocks change, a month 31 days.
WINDOW_UNITS = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
    "month": timedelta(days=31),
}
#: No two events are further apart, so that a longer window means the same.
_LONGEST_WINDOW = timedelta(days=400 * 366)


@dataclass(frozen=True, slots=True)
class FunnelFilter:
    """An ordered funnel. ``shared`` are the sets of steps that events may share (``insights.filters.overlap``);
    ``group_type_index`` is the type of the groups that are counted, null when persons are.
    """

    project_id: int
    dates: DateRange
    steps: tuple[Entity, ...]
    shared: tuple[tuple[int, ...], ...]
    window: timedelta
    properties: PropertyGroup
    group_type_index: int | None

    def filters(self) -> Iterator[PropertyFilter]:
        """Every property filter, global and of steps."""
        yield from filters_of(self.properties)
        for step in self.steps:
            yield from filters_of(step.properties)


@dataclass(frozen=True, slots=True)
class FunnelPersons:
    """A page of the persons or groups of a funnel: those whose number of steps reached is in ``reached``."""

    funnel: FunnelFilter
    reached: tuple[int, ...]
    search: str | None
    limit: int
    offset: int

    @property
    def is_nobody(self) -> bool:
        """True when no question is needed to know that there is nobody."""
        return not self.funnel.steps or not self.reached


def read_funnel(given: Mapping[str, Any], *, project: ProjectFacts, now: datetime) -> FunnelFilter:
    """Raises ``InvalidInput`` for what cannot be read, and for what this server cannot do yet."""
    _refuse_unsupported(given)
    reader = PropertyReader(zone=project.zone, now=now)
    steps = read_entities(given, reader=reader)
    return FunnelFilter(
        project_id=project.id,
        dates=read_dates(given, now=now, zone=project.zone),
        steps=steps,
        shared=_shared(steps),
        window=_window(given),
        properties=both(
            reader.read(given.get("properties"), attr="properties"),
            read_test_accounts(given, project=project, reader=reader),
        ),
        group_type_index=_group_type_index(given),
    )


def read_funnel_persons(given: Mapping[str, Any], *, project: ProjectFacts, now: datetime) -> FunnelPersons:
    """As ``read_funnel``, with the step and the page."""
    funnel = read_funnel(given, project=project, now=now)
    return FunnelPersons(
        funnel=funnel,
        reached=_reached(given, steps=len(funnel.steps)),
        search=read_text(given, "search"),
        limit=read_limit(given),
        offset=read_offset(given),
    )


def _shared(steps: tuple[Entity, ...]) -> tuple[tuple[int, ...], ...]:
    if len(steps) > MOST_STEPS:
        raise InvalidInput(f"A funnel has {MOST_STEPS} steps at most.", attr="events")
    try:
        return tuple(shared_sets(steps))
    except TooManyOverlaps:
        detail = (
            f"More than {MOST_OVERLAPPING} steps may match the same events; make their filters more exact."
        )
        raise InvalidInput(detail, attr="events") from None


def _window(given: Mapping[str, Any]) -> timedelta:
    days = read_integer(given, "funnel_window_days") or 0
    unit: timedelta = read_choice(given, "funnel_window_interval_unit", WINDOW_UNITS, default="day")
    count = read_integer(given, "funnel_window_interval") or 14
    if count < 0:
        raise InvalidInput("Ensure this value is greater than or equal to 0.", attr="funnel_window_interval")
    if days > 0:
        count, unit = days, WINDOW_UNITS["day"]
    return unit * count if count < _LONGEST_WINDOW // unit else _LONGEST_WINDOW


def _group_type_index(given: Mapping[str, Any]) -> int | None:
    name = "aggregation_group_type_index"
    return None if given.get(name) is None else read_group_type_index(given[name], name=name, attr=name)


def _reached(given: Mapping[str, Any], *, steps: int) -> tuple[int, ...]:
    """The numbers of steps, 1 to ``steps``, that ``funnel_custom_steps``, else ``funnel_step``, asks for."""
    custom = read_list(given, "funnel_custom_steps")
    if custom:
        wanted = {whole_number(step, attr="funnel_custom_steps") for step in custom}
        return tuple(step for step in range(1, steps + 1) if step in wanted)
    step = read_integer(given, "funnel_step")
    if step is None:
        raise InvalidInput("funnel_step or funnel_custom_steps is required.", attr="funnel_step")
    if step == -1:
        raise InvalidInput("Nobody can drop off before the first step; use -2.", attr="funnel_step")
    if step < 0:
        return (-step - 1,) if -step - 1 <= steps else ()
    return tuple(range(max(step, 1), steps + 1))


_ORDERS = {"ordered": True, "strict": False, "unordered": False}
_VISUALISATIONS = {"steps": True, "trends": False, "time_to_convert": False}


def _refuse_unsupported(given: Mapping[str, Any]) -> None:
    """Better no number than a wrong one: what would change the answer is refused by name until it is built."""
    _refuse_choice(given, "funnel_order_type", _ORDERS, default="ordered")
    display_trends = given.get("display") == "ActionsLineGraph"
    _refuse_choice(given, "funnel_viz_type", _VISUALISATIONS, default="trends" if display_trends else "steps")
    for name in ("exclusions", "breakdowns"):
        if read_list(given, name):
            _refuse(name)
    for name in ("breakdown", "funnel_step_breakdown"):
        if given.get(name) not in (None, [], "[]"):
            _refuse(name)
    if (read_text(given, "funnel_aggregate_by_hogql") or "person_id") != "person_id":
        _refuse("funnel_aggregate_by_hogql")
    _check_sampling(given)


def _refuse(name: str) -> None:
    raise InvalidInput(f"{name} is not supported yet.", attr=name)


def _refuse_choice(given: Mapping[str, Any], name: str, choices: Mapping[str, bool], *, default: str) -> None:
    if not read_choice(given, name, choices, default=default):
        raise InvalidInput(f"{name} {read_text(given, name) or default} is not supported yet.", attr=name)


def _check_sampling(given: Mapping[str, Any]) -> None:
    """A sample may be asked for; the answer is computed from everything and so is not scaled."""
    factor = read_json(given, "sampling_factor")
    if factor is None:
        return
    if isinstance(factor, bool) or not isinstance(factor, int | float) or not 0 < factor <= 1:
        raise InvalidInput("Ensure this value is above 0 and at most 1.", attr="sampling_factor")
