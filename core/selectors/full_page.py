"""Ids of actors become actors, in order, on full pages.

ClickHouse finds ids; PostgreSQL knows who exists. The replica of persons in ClickHouse is behind by less
than a second, so a few ids more than a page are fetched, and a page that is still short (many persons
deleted just now) is filled by asking on.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

#: Ids that are fetched beyond a page and the one that tells whether another page follows.
SPARE = 10

#: What names an actor: the uuid of a person, the key of a group.
Id = TypeVar("Id", str, UUID)
#: Gives the ids from an offset on, at most so many: ``fetch(offset, rows)``.
Fetch = Callable[[int, int], Sequence[Id]]
#: The actors of ids in their order; those that do not exist are left out.
Show = Callable[[Sequence[Id]], list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class People:
    """A page of actors; ``has_more`` is true exactly when another one follows."""

    rows: list[dict[str, Any]]
    has_more: bool


def full_page(fetch: Fetch[Id], show: Show[Id], *, limit: int, offset: int) -> People:
    rows: list[dict[str, Any]] = []
    size = limit + 1 + SPARE
    while True:
        ids = fetch(offset, size)
        rows.extend(show(ids))
        if len(rows) > limit or len(ids) < size:
            return People(rows[:limit], has_more=len(rows) > limit)
        offset += size
