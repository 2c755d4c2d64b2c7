"""What is counted, or computed, of the events of a series: its ``math``."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from core.exceptions import InvalidInput
from core.filters.group_type import read_group_type_index

TOTAL = "total"


class Of(StrEnum):
    """What a number is made of."""

    #: How many events there are.
    EVENTS = "events"
    #: How many persons, or groups, have events.
    ACTORS = "actors"
    #: How many sessions have events.
    SESSIONS = "sessions"
    #: A number that events bear in a property.
    PROPERTY = "property"
    #: How many events each person has.
    EVENTS_OF_ACTORS = "events of actors"


class Aggregate(StrEnum):
    """How many numbers become one. Quantiles interpolate between the two nearest numbers."""

    SUM = "sum"
    AVG = "avg"
    MIN = "min"
    MAX = "max"
    MEDIAN = "median"
    P90 = "p90"
    P95 = "p95"
    P99 = "p99"


@dataclass(frozen=True, slots=True)
class Math:
    """``word`` is how a request names it. ``aggregate`` is given for numbers of events, ``property`` is where such a
    number stands. ``group_type_index`` is given when groups are counted. ``days`` is how far back it looks beyond
    the first date.
    """

    word: str
    of: Of
    aggregate: Aggregate | None = None
    property: str | None = None
    group_type_index: int | None = None
    days: int = 0


_PLAIN = {
    TOTAL: Math(TOTAL, Of.EVENTS),
    "dau": Math("dau", Of.ACTORS),
    "weekly_active": Math("weekly_active", Of.ACTORS, days=7),
    "monthly_active": Math("monthly_active", Of.ACTORS, days=30),
    "unique_session": Math("unique_session", Of.SESSIONS),
}
#: Whether there are events at all, of persons.
ACTIVITY = _PLAIN[TOTAL]
_GROUPS = "unique_group"
_OF_PROPERTY = {aggregate.value: aggregate for aggregate in Aggregate}
_OF_ACTORS = {
    f"{aggregate}_count_per_actor": aggregate for aggregate in Aggregate if aggregate is not Aggregate.SUM
}
WORDS = (*_PLAIN, _GROUPS, *_OF_PROPERTY, *_OF_ACTORS)


def check_word(word: Any, *, attr: str) -> None:
    """Raises ``InvalidInput`` for what is the name of no math."""
    if not isinstance(word, str) or word not in WORDS:
        raise InvalidInput(f"The math {word!r} is not one of {', '.join(WORDS)}.", attr=attr)


def read_math(item: Mapping[str, Any], *, attr: str) -> Math:
    """The ``math`` of a series and its arguments; ``attr`` is the place of the series in the request.

    Raises ``InvalidInput`` for a word that is none, and for an argument that is missing, or that cannot be one, also
    where the word takes none.
    """
    word = item.get("math") or TOTAL
    check_word(word, attr=f"{attr}.math")
    name = "math_group_type_index"
    value, key = item.get(name), item.get("math_property")
    index = None
    if word == _GROUPS or value not in (None, ""):
        index = read_group_type_index(value, name=name, attr=f"{attr}.{name}")
    if not isinstance(key, str) and (word in _OF_PROPERTY or key is not None):
        raise InvalidInput(f"The math {word} needs the name of a property.", attr=f"{attr}.math_property")
    if word in _PLAIN:
        return _PLAIN[word]
    if word in _OF_ACTORS:
        return Math(word, Of.EVENTS_OF_ACTORS, _OF_ACTORS[word])
    if word in _OF_PROPERTY:
        return Math(word, Of.PROPERTY, _OF_PROPERTY[word], property=key)
    return Math(word, Of.ACTORS, group_type_index=index)
