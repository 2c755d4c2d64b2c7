"""Colours and patterns by which series are told apart: also by who sees fewer colours, and in grey."""

from dataclasses import dataclass
from typing import Literal

#: Where it begins, and the lengths of ink and gaps in turn.
Dash = Literal["solid"] | tuple[float, tuple[float, ...]]

#: The palette of Okabe and Ito, without the yellow that is too pale for white paper, and grey in place of black.
_COLOURS = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#555555")
_HATCHES = ("", "///", "\\\\\\", "xxx")
_DASHES: tuple[Dash, ...] = ("solid", (0, (6.0, 2.0)), (0, (1.5, 1.5)), (0, (6.0, 2.0, 1.5, 2.0)))

INK = "#1f2933"
QUIET = "#616e7c"
GRID = "#e4e7eb"
LINE = "#9aa5b1"
PAPER = "#ffffff"


@dataclass(frozen=True, slots=True)
class Look:
    """``hatch`` is of bars, ``dash`` of lines; both go round more slowly than colours."""

    colour: str
    hatch: str
    dash: Dash


def look(place: int) -> Look:
    """The one of a place among ``MOST_LOOKS``."""
    again, colour = divmod(place, len(_COLOURS))
    return Look(_COLOURS[colour], _HATCHES[again], _DASHES[again])


def plain_look(place: int) -> Look:
    """The same colour without a pattern."""
    return Look(_COLOURS[place % len(_COLOURS)], "", "solid")


def lighter(colour: str, share: float) -> str:
    """``colour`` mixed with so much white."""
    parts = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return "#" + "".join(f"{round(part + (255 - part) * share):02x}" for part in parts)
