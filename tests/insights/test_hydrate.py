"""Pages of persons stay full and in order when ClickHouse is behind PostgreSQL."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest

from core.models import Project
from insights import hydrate
from insights.hydrate import SPARE, full_page

FOUND = [uuid4() for _ in range(60)]


@pytest.fixture
def deleted(monkeypatch: pytest.MonkeyPatch) -> set[UUID]:
    """Persons that PostgreSQL no longer has."""
    gone: set[UUID] = set()

    def list_rows(project: Project, uuids: Sequence[UUID]) -> list[dict[str, Any]]:
        return [{"id": uuid} for uuid in uuids if uuid not in gone]

    monkeypatch.setattr(hydrate, "list_rows", list_rows)
    return gone


def page(*, limit: int, offset: int = 0) -> tuple[list[UUID], bool, int]:
    """Ids of a page, whether more follow, and how often ClickHouse was asked."""
    asked = []

    def fetch(offset: int, rows: int) -> Sequence[UUID]:
        asked.append(offset)
        return FOUND[offset : offset + rows]

    people = full_page(Project(), fetch, limit=limit, offset=offset)
    return [row["id"] for row in people.rows], people.has_more, len(asked)


def test_a_page(deleted: set[UUID]) -> None:
    assert page(limit=10) == (FOUND[:10], True, 1)
    assert page(limit=10, offset=50) == (FOUND[50:], False, 1)
    assert page(limit=10, offset=49) == (FOUND[49:59], True, 1)
    assert page(limit=10, offset=60) == ([], False, 1)


def test_a_few_who_are_gone_are_made_good_without_asking_again(deleted: set[UUID]) -> None:
    deleted.update(FOUND[:SPARE])

    assert page(limit=10) == (FOUND[SPARE : SPARE + 10], True, 1)


def test_many_who_are_gone_are_made_good_by_asking_on(deleted: set[UUID]) -> None:
    deleted.update(FOUND[:45])

    assert page(limit=10) == (FOUND[45:55], True, 3)


def test_when_those_that_follow_are_gone_nobody_follows(deleted: set[UUID]) -> None:
    deleted.update(FOUND[10:])

    assert page(limit=10) == (FOUND[:10], False, 3)


def test_everybody_is_gone(deleted: set[UUID]) -> None:
    deleted.update(FOUND)

    assert page(limit=10) == ([], False, 3)
