"""What an attempt at a funnel must not meet between two of its steps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.exceptions import InvalidInput
from core.filters.parameters import read_list, whole_number
from core.filters.properties import PropertyReader
from insights.filters.entities import Entity, no_action, read_event
from insights.filters.overlap import contains

MOST_EXCLUSIONS = 10


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Events of ``entity`` void an attempt after its step ``from_step``, up to its step ``to_step`` (from 0 on)."""

    entity: Entity
    from_step: int
    to_step: int


def read_exclusions(
    given: Mapping[str, Any], *, steps: Sequence[Entity], reader: PropertyReader, whole: bool
) -> tuple[Exclusion, ...]:
    """``whole``: whether an exclusion must be for the whole funnel. Raises ``InvalidInput`` that names the place."""
    items = read_list(given, "exclusions")
    if len(items) > MOST_EXCLUSIONS:
        raise InvalidInput(f"A funnel has {MOST_EXCLUSIONS} exclusions at most.", attr="exclusions")
    return tuple(
        _exclusion(item, attr=f"exclusions[{index}]", steps=steps, reader=reader, whole=whole)
        for index, item in enumerate(items)
    )


def _exclusion(
    item: Any, *, attr: str, steps: Sequence[Entity], reader: PropertyReader, whole: bool
) -> Exclusion:
    if not isinstance(item, Mapping):
        raise InvalidInput("An object with id, funnel_from_step and funnel_to_step is required.", attr=attr)
    if item.get("type") == "actions":
        raise no_action(item.get("id"), attr=attr)
    exclusion = Exclusion(
        entity=read_event(item, attr=attr, reader=reader),
        from_step=_step(item, "funnel_from_step", attr=attr),
        to_step=_step(item, "funnel_to_step", attr=attr),
    )
    _check(exclusion, attr=attr)
    if steps:
        _check_among(exclusion, steps, attr=attr, whole=whole)
    return exclusion


def _step(item: Mapping[str, Any], name: str, *, attr: str) -> int:
    if item.get(name) in (None, ""):
        raise InvalidInput(f"An exclusion needs {name}.", attr=attr)
    return whole_number(item[name], attr=attr)


def _check(exclusion: Exclusion, *, attr: str) -> None:
    if exclusion.from_step < 0:
        raise InvalidInput("funnel_from_step is no step before the last.", attr=attr)
    if exclusion.to_step <= exclusion.from_step:
        raise InvalidInput("funnel_to_step is no step after funnel_from_step.", attr=attr)


def _check_among(exclusion: Exclusion, steps: Sequence[Entity], *, attr: str, whole: bool) -> None:
    first, last = exclusion.from_step, exclusion.to_step
    if first >= len(steps) - 1:
        raise InvalidInput("funnel_from_step is no step before the last.", attr=attr)
    if last >= len(steps):
        raise InvalidInput("funnel_to_step is no step after funnel_from_step.", attr=attr)
    if whole and (first, last) != (0, len(steps) - 1):
        raise InvalidInput("In an unordered funnel an exclusion is for the whole funnel.", attr=attr)
    if any(contains(exclusion.entity, step) for step in steps[first : last + 1]):
        raise InvalidInput("Every event of one of the steps would be an exclusion.", attr=attr)
