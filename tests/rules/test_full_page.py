"""Pages of persons stay full and in order when ClickHouse is behind PostgreSQL."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import uuid4

from core.selectors.full_page import SPARE, full_page

FOUND = [str(uuid4()) for _ in range(60)]


def page(*, limit: int, offset: int = 0, deleted: Collection[str] = ()) -> tuple[list[str], bool, int]:
    """Ids of a page, whether more follow, and how often ClickHouse was asked. PostgreSQL no longer has ``deleted``."""
    asked = []

    def fetch(offset: int, rows: int) -> Sequence[str]:
        asked.append(offset)
        return FOUND[offset : offset + rows]

    def show(ids: Sequence[str]) -> list[dict[str, Any]]:
        return [{"id": one} for one in ids if one not in deleted]

    people = full_page(fetch, show, limit=limit, offset=offset)
    return [row["id"] for row in people.rows], people.has_more, len(asked)


def test_a_page() -> None:
    assert page(limit=10) == (FOUND[:10], True, 1)
    assert page(limit=10, offset=50) == (FOUND[50:], False, 1)
    assert page(limit=10, offset=49) == (FOUND[49:59], True, 1)
    assert page(limit=10, offset=60) == ([], False, 1)


def test_a_few_who_are_gone_are_made_good_without_asking_again() -> None:
    assert page(limit=10, deleted=FOUND[:SPARE]) == (FOUND[SPARE : SPARE + 10], True, 1)


def test_many_who_are_gone_are_made_good_by_asking_on() -> None:
    assert page(limit=10, deleted=FOUND[:45]) == (FOUND[45:55], True, 3)


def test_when_those_that_follow_are_gone_nobody_follows() -> None:
    assert page(limit=10, deleted=FOUND[10:]) == (FOUND[:10], False, 3)


def test_everybody_is_gone() -> None:
    assert page(limit=10, deleted=FOUND) == ([], False, 3)
