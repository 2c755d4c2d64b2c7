"""What happens to the parts of ClickHouse between the count of an erasure, which notes where the events are, and their
deletion.
"""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from core.advisory_lock import only_one
from core.clickhouse import client, places
from core.clickhouse import erase as clickhouse
from core.services import erase
from tests.clients import ProjectClient, event, settle
from tests.erasure import completed, events_left
from tests.persons import make_listed

_LATE = """
INSERT INTO events (project_id, uuid, event, distinct_id, timestamp, received_at)
SELECT {project_id:Int64}, generateUUIDv4(), 'late', arrayJoin(['a', 'b']), now64(6), now64(6) + INTERVAL 1 HOUR
"""


def nothing(project: ProjectClient) -> None:
    pass


def merge(project: ProjectClient) -> None:
    client.administer("OPTIMIZE TABLE events FINAL SETTINGS mutations_sync = 2")


def rewrite(project: ProjectClient) -> None:
    client.administer("ALTER TABLE events MATERIALIZE COLUMN distinct_id_hash SETTINGS mutations_sync = 2")


def insert(project: ProjectClient) -> None:
    """Events that were received after the request."""
    client.administer(_LATE, parameters={"project_id": project.id})


def insert_and_merge(project: ProjectClient) -> None:
    insert(project)
    merge(project)


def erase_a(
    project: ProjectClient,
    monkeypatch: pytest.MonkeyPatch,
    meanwhile: Callable[[ProjectClient], None] = nothing,
) -> dict[str, Any]:
    """Two events of ``a`` and of ``b`` each, in two parts; ``a`` is erased. The receipt."""
    person = make_listed(project, "a")
    for name in ("first", "second"):
        project.capture(event(name, "a"), event(name, "b"))
        settle()
    remove = clickhouse.remove

    def remove_after_that(tables: Sequence[clickhouse.Table], run: clickhouse.Run) -> None:
        meanwhile(project)
        remove(tables, run)

    monkeypatch.setattr(clickhouse, "remove", remove_after_that)
    with only_one(*erase.LOCK) as is_alone:
        assert is_alone
        project.delete(f"{project.persons_url}{person['uuid']}/", delete_events="true")
        batch = erase._next_batch(after=0)
        assert batch is not None
        erase._erase(batch)
    return completed(project, person["uuid"])


@pytest.mark.parametrize("meanwhile", [nothing, merge, rewrite, insert, insert_and_merge])
def test_parts_may_change_between_count_and_deletion(
    project: ProjectClient, monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[ProjectClient], None]
) -> None:
    receipt = erase_a(project, monkeypatch, meanwhile)

    # Besides the two, the event that made the person.
    assert receipt["counts_before"]["clickhouse_events"] == 3
    late = {"late": 2} if "insert" in meanwhile.__name__ else {}
    assert events_left(project) == {"first": 1, "second": 1, **late}


def test_where_events_are_is_noted_and_forgotten(
    project: ProjectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted: list[tuple[str, int]] = []

    def look(project: ProjectClient) -> None:
        noted.extend(
            (row[0], row[1]) for row in client.inspect(_NOTED, parameters={"project_id": project.id})
        )

    erase_a(project, monkeypatch, look)

    assert noted == [("a", 3)]
    for table in places.TABLES:
        assert client.inspect(f"SELECT count() FROM {table}") == [(0,)]


_NOTED = """
SELECT distinct_id, count() FROM rows_to_erase
WHERE project_id = {project_id:Int64} AND part IN (SELECT part FROM parts_searched) GROUP BY 1
"""


def test_too_many_events_are_looked_for_again(
    project: ProjectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "MOST", 2)

    receipt = erase_a(project, monkeypatch)

    assert receipt["counts_before"]["clickhouse_events"] == 3
    assert events_left(project) == {"first": 1, "second": 1}


def test_parts_from_before_there_was_a_hash(project: ProjectClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def clear(project: ProjectClient) -> None:
        client.administer("ALTER TABLE events CLEAR COLUMN distinct_id_hash SETTINGS mutations_sync = 2")

    receipt = erase_a(project, monkeypatch, clear)

    assert receipt["counts_before"]["clickhouse_events"] == 3
    assert events_left(project) == {"first": 1, "second": 1}
