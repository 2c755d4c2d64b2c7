"""Small requests that arrive together: stored together, answered one by one."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError, connection

from core.clickhouse import client
from core.events.event import Event
from core.services import capture_together as module
from core.services.capture import capture
from core.services.capture_together import SMALL, capture_together
from tests.clients import ProjectClient, event, settle

PARALLEL = 16
PATIENCE = 20


def an_event(name: str, distinct_id: str) -> Event:
    now = datetime.now(UTC)
    return Event(uuid4(), name, distinct_id, now, {}, other_id=None, without_profile=False)


def names_stored(project: ProjectClient) -> list[str]:
    settle()
    sql = "SELECT event FROM events WHERE project_id = {project_id:Int64} ORDER BY event"
    return [str(name) for (name,) in client.query(sql, project_id=project.id)]


def all_at_once(calls: list[Callable[[], None]]) -> list[Exception | None]:
    """What each call raised; all of them run while the first one is under way."""

    def run(call: Callable[[], None]) -> Exception | None:
        try:
            call()
        except Exception as error:
            return error
        finally:
            connection.close()
        return None

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


@pytest.fixture
def slow_first(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The first transaction waits until the others have queued up. The names of the events of each transaction."""
    transactions: list[list[str]] = []

    def watched(*, project_id: int, events: Any) -> None:
        transactions.append([one.name for one in events])
        if len(transactions) == 1:
            deadline = time.monotonic() + PATIENCE
            while len(module._waiting[project_id]) < PARALLEL - 1 and time.monotonic() < deadline:
                time.sleep(0.001)
        if any(one.name == "poison" for one in events):
            raise RuntimeError("this event cannot be stored")
        if any(one.name == "away" for one in events):
            raise OperationalError("the connection is lost")
        capture(project_id=project_id, events=events)

    monkeypatch.setattr(module, "capture", watched)
    return transactions


def send(project: ProjectClient, name: str) -> Callable[[], None]:
    return lambda: capture_together(project_id=project.id, events=[an_event(name, "u")])


def test_requests_that_wait_share_a_transaction(project: ProjectClient, slow_first: list[list[str]]) -> None:
    names = [f"e{n:02}" for n in range(PARALLEL)]

    errors = all_at_once([send(project, name) for name in names])

    assert errors == [None] * PARALLEL
    assert [len(names) for names in slow_first] == [1, PARALLEL - 1]
    assert names_stored(project) == names
    assert module._waiting == {}


def test_a_request_that_fails_takes_no_other_with_it(
    project: ProjectClient, slow_first: list[list[str]]
) -> None:
    names = [*(f"e{n:02}" for n in range(PARALLEL - 1)), "poison"]

    errors = all_at_once([send(project, name) for name in names])

    assert [str(error) for error in errors if error] == ["this event cannot be stored"]
    assert names_stored(project) == names[:-1]
    assert module._waiting == {}


def test_a_database_that_is_away_fails_all_who_wait_together(
    project: ProjectClient, slow_first: list[list[str]]
) -> None:
    errors = all_at_once([send(project, "away") for _ in range(PARALLEL)])

    assert [type(error) for error in errors] == [OperationalError] * PARALLEL
    assert [len(names) for names in slow_first] == [1, PARALLEL - 1]
    assert names_stored(project) == []
    assert module._waiting == {}


def test_a_large_request_does_not_wait(project: ProjectClient) -> None:
    module._waiting[project.id] = []
    try:
        project_events = [an_event(f"e{n:02}", "u") for n in range(SMALL + 1)]
        capture_together(project_id=project.id, events=project_events)
    finally:
        del module._waiting[project.id]

    assert len(names_stored(project)) == SMALL + 1


def test_single_events_of_many_connections_all_arrive_in_the_order_of_each(project: ProjectClient) -> None:
    def one_visitor(visitor: int) -> None:
        for n in range(20):
            body = event("a", f"v{visitor}", properties={"$set": {"n": n}})
            response = project.http.post("/e/", json={"api_key": project.token, **body})
            assert response.status_code == 200

    with ThreadPoolExecutor(PARALLEL) as pool:
        list(pool.map(one_visitor, range(PARALLEL)))

    persons = [project.person(f"v{visitor}") for visitor in range(PARALLEL)]
    assert [person and person["properties"]["n"] for person in persons] == [19] * PARALLEL
    assert len(names_stored(project)) == PARALLEL * 20
