"""Ids of persons become persons, in order, on full pages.

ClickHouse finds ids; PostgreSQL knows who exists. The replica of persons in ClickHouse is behind by less
than a second, so a few ids more than a page are fetched, and a page that is still short (many persons
deleted just now) is filled by asking on.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from core.models import Project
from core.selectors.persons import list_rows

#: Ids that are fetched beyond a page and the one that tells whether another page follows.
SPARE = 10

#: Gives the ids from an offset on, at most so many: ``fetch(offset, rows)``.
Fetch = Callable[[int, int], Sequence[UUID]]


@dataclass(frozen=True, slots=True)
class People:
    """A page of persons; ``has_more`` is true exactly when another person follows."""

    rows: list[dict[str, Any]]
    has_more: bool


def full_page(project: Project, fetch: Fetch, *, limit: int, offset: int) -> People:
    rows: list[dict[str, Any]] = []
    size = limit + 1 + SPARE
    while True:
        uuids = fetch(offset, size)
        rows.extend(list_rows(project, uuids))
        if len(rows) > limit or len(uuids) < size:
            return People(rows[:limit], has_more=len(rows) > limit)
        offset += size
