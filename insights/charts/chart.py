"""What a picture shows, apart from how it is drawn. It travels to the worker as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

#: So many looks can be told apart (``insights.charts.looks``). More series are not drawn.
MOST_LOOKS = 28


class Form(StrEnum):
    """How numbers are drawn."""

    #: A bar for each category and series, with what was lost since the category before.
    STEPS = "steps"
    #: The same without losses: a number for each series.
    TOTALS = "totals"
    LINES = "lines"
    #: Bars side by side.
    BARS = "bars"
    #: Bars one upon the other; those below zero hang.
    STACKED = "stacked"
    #: Bars of ranges of seconds.
    TIMES = "times"


@dataclass(frozen=True, slots=True)
class Series:
    """A number for each category. Series of one ``look`` have the same colour; a faint one is there to be compared
    with.
    """

    name: str
    values: tuple[float, ...]
    look: int
    is_faint: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """``categories`` are names of steps, days or hours as in answers, or seconds as text: see ``form``. ``by`` is the
    interval of days and hours, empty for other categories. ``unit`` follows numbers; ``mark`` is a place on the axis
    of ``TIMES``.
    """

    form: Form
    title: str
    subtitle: str
    categories: tuple[str, ...]
    series: tuple[Series, ...]
    by: str = ""
    unit: str = ""
    note: str = ""
    mark: float | None = None

    @property
    def is_empty(self) -> bool:
        return not self.categories or not self.series

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of_json(cls, given: Mapping[str, Any]) -> "Chart":
        """The chart that ``as_json`` told of."""
        series = tuple(
            Series(one["name"], tuple(one["values"]), one["look"], one["is_faint"]) for one in given["series"]
        )
        return cls(
            **{
                **given,
                "form": Form(given["form"]),
                "categories": tuple(given["categories"]),
                "series": series,
            }
        )


def drawn(series: Sequence[Series]) -> tuple[tuple[Series, ...], str]:
    """Those of ``series`` that can be told apart, and a note if these are not all."""
    kept = tuple(one for one in series if one.look < MOST_LOOKS)
    if len(kept) == len(series):
        return kept, ""
    looks = len({one.look for one in series})
    return kept, f"The first {MOST_LOOKS} of {looks} are drawn; the answer as JSON has all."
