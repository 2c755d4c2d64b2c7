"""A query as text and parameters, put together from parts without ever mixing the two.

    sql("event = {name}", name=text("sign up"))

A slot ``{name}`` takes another ``Sql``; what comes from a request enters as a parameter (``text``,
``texts``, ``integer`` …), and its text never becomes part of the query's text. ``{project_id:Int64}`` is no
slot: the client binds it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import LiteralString

Value = str | int | float | list[str | int]

_SLOT = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value and the ClickHouse type that it is read as."""

    type: str
    value: str | int | float | tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Sql:
    """Text with parameters in it."""

    parts: tuple[str | Parameter, ...]

    def rendered(self) -> tuple[str, dict[str, Value]]:
        """The text with ``{p0:Type}`` for each parameter, and the parameters by name."""
        pieces: list[str] = []
        values: dict[str, Value] = {}
        for part in self.parts:
            if isinstance(part, str):
                pieces.append(part)
                continue
            name = f"p{len(values)}"
            values[name] = list(part.value) if isinstance(part.value, tuple) else part.value
            pieces.append(f"{{{name}:{part.type}}}")
        return "".join(pieces), values


def sql(template: LiteralString, **slots: Sql) -> Sql:
    """``template`` with its slots filled."""
    parts: list[str | Parameter] = []
    for index, piece in enumerate(_SLOT.split(template)):
        if index % 2:
            parts.extend(slots[piece].parts)
        elif piece:
            parts.append(piece)
    return Sql(tuple(parts))


def trusted(text_of_ours: str) -> Sql:
    """Text that this program made itself: escaped identifiers, numbers. Never anything of a request."""
    return Sql((text_of_ours,))


def join(separator: LiteralString, items: Iterable[Sql]) -> Sql:
    """``items`` with ``separator`` in between."""
    parts: list[str | Parameter] = []
    for item in items:
        if parts:
            parts.append(separator)
        parts.extend(item.parts)
    return Sql(tuple(parts))


def all_of(conditions: Iterable[Sql]) -> Sql:
    """True when each condition is; without conditions: true."""
    return _combined(" AND ", conditions, empty="true")


def any_of(conditions: Iterable[Sql]) -> Sql:
    """True when one condition is; without conditions: false."""
    return _combined(" OR ", conditions, empty="false")


def negated(condition: Sql) -> Sql:
    return sql("(NOT ({condition}))", condition=condition)


def _combined(separator: LiteralString, conditions: Iterable[Sql], *, empty: LiteralString) -> Sql:
    """In parentheses as a whole: a bare OR beside the condition for the project would open other projects."""
    members = list(conditions)
    if len(members) < 2:
        return members[0] if members else sql(empty)
    parts = (sql("({member})", member=member) for member in members)
    return sql("({parts})", parts=join(separator, parts))


def text(value: str) -> Sql:
    return Sql((Parameter("String", value),))


def texts(values: Iterable[str]) -> Sql:
    return Sql((Parameter("Array(String)", tuple(values)),))


def uuids(values: Iterable[str]) -> Sql:
    return Sql((Parameter("Array(UUID)", tuple(values)),))


def integer(value: int) -> Sql:
    return Sql((Parameter("Int64", value),))


def integers(values: Iterable[int]) -> Sql:
    return Sql((Parameter("Array(Int64)", tuple(values)),))


def unsigned(value: int) -> Sql:
    return Sql((Parameter("UInt64", value),))


def number(value: float) -> Sql:
    return Sql((Parameter("Float64", value),))


def moment(value: datetime) -> Sql:
    """A time with zone, to the microsecond."""
    return Sql((Parameter("DateTime64(6, 'UTC')", f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"),))
