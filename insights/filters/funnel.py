"""A funnel as asked for: everything that decides its numbers, and which of its persons are wanted."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from core.exceptions import InvalidInput
from core.filters.dates import DateRange, parse_date, read_interval
from core.filters.parameters import (
    is_given,
    read_boolean,
    read_choice,
    read_integer,
    read_list,
    read_text,
    whole_number,
)
from core.filters.properties import PropertyFilter, PropertyGroup, both, filters_of
from insights.filters.attribution import Attribution, read_attribution
from insights.filters.breakdown import Breakdown, Value, members_of, read_breakdown, read_value
from insights.filters.entities import Entity, read_entities
from insights.filters.exclusions import Exclusion, read_exclusions
from insights.filters.overlap import MOST_KINDS, MOST_OVERLAPPING, TooManyOverlaps, crowds, shared_sets
from insights.filters.periods import next_period, period_start
from insights.filters.project import ProjectFacts
from insights.filters.selection import Page, read_counted_type, read_page, read_selection

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


class Order(StrEnum):
    ORDERED = "ordered"
    STRICT = "strict"
    UNORDERED = "unordered"


class Visualisation(StrEnum):
    STEPS = "steps"
    TRENDS = "trends"
    TIME_TO_CONVERT = "time_to_convert"


ORDERS = {order.value: order for order in Order}
VISUALISATIONS = {visualisation.value: visualisation for visualisation in Visualisation}


@dataclass(frozen=True, slots=True)
class FunnelFilter:
    """``shared`` are the sets of steps that events may share (``insights.filters.overlap``); ``group_type_index`` is
    the type of the groups that are counted, null when persons are.
    """

    project_id: int
    dates: DateRange
    order: Order
    steps: tuple[Entity, ...]
    shared: tuple[tuple[int, ...], ...]
    exclusions: tuple[Exclusion, ...]
    window: timedelta
    properties: PropertyGroup
    group_type_index: int | None
    breakdown: Breakdown | None
    attribution: Attribution

    def filters(self) -> Iterator[PropertyFilter]:
        """Every property filter: global, of steps and of exclusions."""
        yield from filters_of(self.properties)
        for entity in self.entities():
            yield from filters_of(entity.properties)

    def by_cohort(self) -> "list[tuple[Value, FunnelFilter]]":
        """With a breakdown by cohorts: each of them and the funnel of its members; else nothing."""
        if self.breakdown is None or not self.breakdown.by_cohort:
            return []
        return [(value, self.of_cohort(value)) for value in self.breakdown.cohorts]

    def of_cohort(self, *values: Value) -> "FunnelFilter":
        """The funnel of the members of the cohort of any of the values."""
        return replace(self, properties=both(self.properties, members_of(*values)), breakdown=None)

    def entities(self) -> Sequence[Entity]:
        """The steps, then what is excluded."""
        return [*self.steps, *(exclusion.entity for exclusion in self.exclusions)]


@dataclass(frozen=True, slots=True)
class Entrance:
    """The period in which an attempt starts: from ``first`` to before ``end``."""

    first: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class FunnelPersons:
    """A page of the persons or groups of a funnel: those whose number of steps reached is in ``reached``, with the
    breakdown's ``value`` (null: any), by attempts that start in ``entrance`` (null: at any time).
    """

    funnel: FunnelFilter
    reached: tuple[int, ...]
    value: Value | None
    entrance: Entrance | None
    page: Page

    @property
    def is_nobody(self) -> bool:
        """True when no question is needed to know that there is nobody."""
        return not self.funnel.steps or not self.reached


def read_funnel(given: Mapping[str, Any], *, project: ProjectFacts, now: datetime) -> FunnelFilter:
    """Raises ``InvalidInput`` for what cannot be read, and for what this server does not do."""
    _check_aggregation(given)
    reader = project.reader(now)
    order: Order = read_choice(given, "funnel_order_type", ORDERS, default=Order.ORDERED.value)
    selection = read_selection(given, project=project, now=now, reader=reader)
    steps = read_entities(given, reader=reader)
    shared = _shared(steps, order)
    exclusions = read_exclusions(given, steps=steps, reader=reader, whole=order is Order.UNORDERED)
    return FunnelFilter(
        project_id=project.id,
        dates=selection.dates,
        order=order,
        steps=steps,
        shared=shared,
        # Between neighbours nothing can be.
        exclusions=() if order is Order.STRICT else exclusions,
        window=_window(given),
        properties=selection.properties,
        group_type_index=read_counted_type(given),
        breakdown=read_breakdown(given, project=project),
        attribution=read_attribution(given, steps=len(steps), unordered=order is Order.UNORDERED),
    )


def read_funnel_persons(given: Mapping[str, Any], *, project: ProjectFacts, now: datetime) -> FunnelPersons:
    """As ``read_funnel``, with the step and the page."""
    funnel = read_funnel(given, project=project, now=now)
    by_entrance = read_visualisation(given) is Visualisation.TRENDS
    value = read_step_breakdown(given, funnel.breakdown)
    if cohorts := funnel.by_cohort():
        wanted = [cohort for cohort, _ in cohorts] if value is None else [value]
        funnel, value = funnel.of_cohort(*wanted), None
    steps = len(funnel.steps)
    span = read_span(given, read_visualisation(given), steps=steps)
    entrance = _entrance(given, project=project, now=now)
    if by_entrance:
        reached = _reached_of_trends(given, span, steps=steps)
        if entrance is None:
            detail = "Persons of funnel trends need entrance_period_start."
            raise InvalidInput(detail, attr="entrance_period_start")
    else:
        reached = read_reached(given, steps=steps)
    return FunnelPersons(
        funnel=funnel,
        reached=reached,
        value=value,
        entrance=entrance if by_entrance else None,
        page=read_page(given),
    )


def read_visualisation(given: Mapping[str, Any]) -> Visualisation:
    """``funnel_viz_type``; ``display=ActionsLineGraph`` without one means trends."""
    display_trends = read_text(given, "display") == "ActionsLineGraph"
    default = Visualisation.TRENDS if display_trends else Visualisation.STEPS
    visualisation: Visualisation = read_choice(
        given, "funnel_viz_type", VISUALISATIONS, default=default.value
    )
    return visualisation


def read_span(given: Mapping[str, Any], visualisation: Visualisation, *, steps: int) -> tuple[int, int]:
    """``funnel_from_step`` and ``funnel_to_step``, from 0 on: the first and the last step unless given. They are two
    where times pass between them.
    """
    first = read_integer(given, "funnel_from_step") or 0
    given_last = read_integer(given, "funnel_to_step") or 0
    last = given_last or max(steps - 1, 0)
    for name, step in (("funnel_from_step", first), ("funnel_to_step", last)):
        if step < 0:
            raise InvalidInput("Ensure this value is greater than or equal to 0.", attr=name)
    if not steps:
        return 0, 0
    if first >= steps:
        raise InvalidInput("There is no such step.", attr="funnel_from_step")
    if last >= steps or first > last:
        raise InvalidInput("There is no such step from funnel_from_step on.", attr="funnel_to_step")
    if first == last and steps > 1 and visualisation is Visualisation.TIME_TO_CONVERT:
        attr = "funnel_to_step" if given_last else "funnel_from_step"
        raise InvalidInput("There must be a step between funnel_from_step and funnel_to_step.", attr=attr)
    return first, last


def _shared(steps: tuple[Entity, ...], order: Order) -> tuple[tuple[int, ...], ...]:
    if len(steps) > MOST_STEPS:
        raise InvalidInput(f"A funnel has {MOST_STEPS} steps at most.", attr="events")
    try:
        shared = tuple(shared_sets(steps))
    except TooManyOverlaps:
        detail = (
            f"More than {MOST_OVERLAPPING} steps may match the same events; make their filters more exact."
        )
        raise InvalidInput(detail, attr="events") from None
    if order is Order.UNORDERED and any(len(crowd) > MOST_KINDS for crowd in crowds(steps)):
        detail = f"In an unordered funnel more than {MOST_KINDS} different steps may match the same events; "
        raise InvalidInput(f"{detail}make their filters more exact.", attr="events")
    return shared


def _window(given: Mapping[str, Any]) -> timedelta:
    days = read_integer(given, "funnel_window_days") or 0
    unit: timedelta = read_choice(given, "funnel_window_interval_unit", WINDOW_UNITS, default="day")
    count = read_integer(given, "funnel_window_interval") or 14
    if count < 0:
        raise InvalidInput("Ensure this value is greater than or equal to 0.", attr="funnel_window_interval")
    if days > 0:
        count, unit = days, WINDOW_UNITS["day"]
    return unit * count if count < _LONGEST_WINDOW // unit else _LONGEST_WINDOW


def read_reached(given: Mapping[str, Any], *, steps: int, default: int | None = None) -> tuple[int, ...]:
    """The numbers of steps, 1 to ``steps``, that ``funnel_custom_steps``, else ``funnel_step``, asks for. Without
    ``default`` one of them must be given.
    """
    custom, step = _wanted_steps(given)
    if custom:
        return tuple(number for number in range(1, steps + 1) if number in custom)
    step = default if step is None else step
    if step is None:
        raise InvalidInput("funnel_step or funnel_custom_steps is required.", attr="funnel_step")
    if step == -1:
        raise InvalidInput("Nobody can drop off before the first step; use -2.", attr="funnel_step")
    if step < 0:
        return (-step - 1,) if -step - 1 <= steps else ()
    return tuple(range(max(step, 1), steps + 1))


def _wanted_steps(given: Mapping[str, Any]) -> tuple[frozenset[int], int | None]:
    """``funnel_custom_steps`` and ``funnel_step``, as they were sent."""
    custom = read_list(given, "funnel_custom_steps")
    numbers = frozenset(whole_number(step, attr="funnel_custom_steps") for step in custom)
    return numbers, read_integer(given, "funnel_step")


def _reached_of_trends(given: Mapping[str, Any], span: tuple[int, int], *, steps: int) -> tuple[int, ...]:
    """Who entered the span of steps in a period: those who dropped off within, or those who went through."""
    # Without a meaning here, but not whatever they are.
    _wanted_steps(given)
    if given.get("drop_off") is None:
        raise InvalidInput("Persons of funnel trends need drop_off.", attr="drop_off")
    first, last = span
    if read_boolean(given, "drop_off"):
        return tuple(range(first + 1, last + 1))
    return tuple(range(last + 1, steps + 1))


def _entrance(given: Mapping[str, Any], *, project: ProjectFacts, now: datetime) -> Entrance | None:
    """The period of ``entrance_period_start``; null when it is not given."""
    name = "entrance_period_start"
    text = read_text(given, name)
    if text is None:
        return None
    moment = parse_date(text.strip(), now=now.astimezone(project.zone), attr=name).moment
    interval = read_interval(given)
    start = period_start(moment, interval, zone=project.zone, week_start_day=project.week_start_day)
    return Entrance(start, next_period(start, interval))


def read_step_breakdown(given: Mapping[str, Any], breakdown: Breakdown | None) -> Value | None:
    """``funnel_step_breakdown``; null when any value will do. The empty text is a value where there is a breakdown."""
    name = "funnel_step_breakdown"
    value = given.get(name)
    if value is None or (breakdown is None and not is_given(value)):
        return None
    if breakdown is None:
        raise InvalidInput("funnel_step_breakdown needs a breakdown.", attr=name)
    return read_value(value, breakdown, attr=name)


def _check_aggregation(given: Mapping[str, Any]) -> None:
    name = "funnel_aggregate_by_hogql"
    if (read_text(given, name) or "person_id") != "person_id":
        raise InvalidInput("Only person_id is supported.", attr=name)
