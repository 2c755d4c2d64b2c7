"""Which of an actor's events give the value that a funnel is broken down by."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from core.exceptions import InvalidInput
from core.filters.parameters import read_choice, read_integer


class Touch(StrEnum):
    FIRST = "first_touch"
    LAST = "last_touch"
    ALL = "all_events"
    STEP = "step"


@dataclass(frozen=True, slots=True)
class Attribution:
    """``step`` (from 0 on) is given for ``Touch.STEP``, else 0."""

    touch: Touch = Touch.FIRST
    step: int = 0


def read_attribution(given: Mapping[str, Any], *, steps: int, unordered: bool) -> Attribution:
    """``breakdown_attribution_type`` and ``…_value``. Raises ``InvalidInput`` for a step that there is not, also where
    none is asked for.
    """
    touch: Touch = read_choice(
        given,
        "breakdown_attribution_type",
        {touch.value: touch for touch in Touch},
        default=Touch.FIRST.value,
    )
    name = "breakdown_attribution_value"
    step = read_integer(given, name)
    if step is not None and not 0 <= step < max(steps, 1):
        raise InvalidInput("There is no such step.", attr=name)
    if touch is not Touch.STEP:
        return Attribution(touch)
    if step is None:
        raise InvalidInput("The attribution by a step needs the step.", attr=name)
    if unordered and step != 0:
        raise InvalidInput(
            "In an unordered funnel any step may be the first: only 0 has a meaning.", attr=name
        )
    return Attribution(touch, step)
