"""Numeric comparison in property filters."""

import re
from dataclasses import dataclass
from enum import StrEnum

from core.exceptions import InvalidInput

#: What ClickHouse reads as a number too (``toFloat64OrNull``), after spaces and quotes are dropped.
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


class Comparison(StrEnum):
    GT = ">"
    GTE = ">="
    LT = "<"
    LTE = "<="


@dataclass(frozen=True, slots=True)
class NumberTest:
    """The text form, read as a number, stands in this relation to ``number``; what is no number never does."""

    comparison: Comparison
    number: float


def read_number_test(comparison: Comparison, text: str, *, attr: str) -> NumberTest:
    bare = text.replace(" ", "").replace('"', "")
    number = float(bare) if _NUMBER.fullmatch(bare) else float("inf")
    if abs(number) == float("inf"):
        raise InvalidInput(f"{text!r} is not a number.", attr=attr)
    return NumberTest(comparison, number)
