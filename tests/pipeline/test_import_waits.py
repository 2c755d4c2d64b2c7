"""An import waits while ClickHouse is slower than the file, so that PostgreSQL does not fill up with it."""

import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from core.events.file import EventFile, open_file
from core.exceptions import ClickHouseUnavailable
from core.outbox.deliver import LOCK_SPACE
from core.outbox.drain import rows_left
from core.outbox.freeze import EVENTS, TARGETS
from core.services import import_events as service
from core.services.import_events import Progress, import_events
from tests.clients import ProjectClient, settle
from tests.stack import Stack

ROWS = 5_000


@pytest.fixture
def file(tmp_path: Path) -> EventFile:
    path = tmp_path / "events.ndjson"
    row = {"event": "a", "distinct_id": "ada", "timestamp": "2026-03-01T10:00:00Z"}
    path.write_text(f"{json.dumps(row)}\n" * ROWS)
    return open_file(path)


@pytest.fixture
def delivery(stack: Stack) -> Iterator["psycopg.Connection[tuple[int]]"]:
    """A connection that keeps events from being delivered, until it is closed."""
    settle()
    with psycopg.connect(stack.environment["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s, %s)", [LOCK_SPACE, TARGETS.index(EVENTS)])
        yield connection
    settle()


@pytest.fixture(autouse=True)
def _little_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look every 1,000 events, room for 2,500."""
    monkeypatch.setattr(service, "BATCH_EVENTS", 100)
    monkeypatch.setattr(service, "MOST_WAITING", 2_500)
    monkeypatch.setattr(service, "PATIENCE", 3.0)


def test_it_goes_on_when_there_is_room_again(
    project: ProjectClient, file: EventFile, delivery: "psycopg.Connection[tuple[int]]"
) -> None:
    waited: list[int] = []

    def tell(progress: Progress) -> None:
        if progress.waiting:
            waited.append(progress.waiting)
            delivery.close()

    done = import_events(project_id=project.id, file=file, skip_bad=False, tell=tell)

    # Events up to the look after the room was full; their person may wait with them.
    assert (waited[0] // 1_000, done.events, done.waiting) == (3, ROWS, 0)


def test_it_gives_up_where_it_can_go_on(
    project: ProjectClient, file: EventFile, delivery: "psycopg.Connection[tuple[int]]"
) -> None:
    with pytest.raises(ClickHouseUnavailable, match="it goes on where it was"):
        import_events(project_id=project.id, file=file, skip_bad=False, tell=lambda _: None)
    stored = rows_left()
    delivery.close()

    done = import_events(project_id=project.id, file=file, skip_bad=False, tell=lambda _: None)

    assert (stored, done.rows_before, done.events) == (3_000, 3_000, 2_000)
