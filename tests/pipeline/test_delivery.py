"""From PostgreSQL to ClickHouse: once, whatever happens in between."""

import secrets
from typing import Any

import orjson
import pytest
from django.db import connection

from core.clickhouse import client
from core.clickhouse.compare import compare
from core.exceptions import ClickHouseUnavailable
from core.models import DeliveryBatch, EventBuffer, Outbox, Undeliverable
from core.outbox.deliver import LOCK_SPACE, deliver_all
from core.outbox.freeze import EVENTS, TARGETS, next_batch
from tests.clients import ProjectClient, event, settle


@pytest.fixture
def quiet() -> Any:
    """No worker delivers while a test looks at what lies between the stores."""
    settle()
    with connection.cursor() as cursor:
        for place in range(len(TARGETS)):
            cursor.execute("SELECT pg_advisory_lock(%s, %s)", [LOCK_SPACE, place])
        yield
        cursor.execute("SELECT pg_advisory_unlock_all()")
    settle()


def count_events(project: ProjectClient) -> int:
    sql = "SELECT count() FROM events WHERE project_id = {project_id:Int64}"
    ((count,),) = client.query(sql, project_id=project.id)
    return int(count)


def test_a_frozen_batch_stays_as_it_is_while_rows_come_in(project: ProjectClient, quiet: None) -> None:
    project.capture(event("a", "u"))
    batch = next_batch(EVENTS)
    project.capture(event("b", "u"))

    again = next_batch(EVENTS)

    assert batch is not None
    assert again is not None
    assert (again.id, again.row_ids, again.token) == (batch.id, batch.row_ids, batch.token)
    assert (batch.is_new, again.is_new) == (True, False)


def test_a_batch_sent_but_not_forgotten_is_not_doubled(project: ProjectClient, quiet: None) -> None:
    project.capture(*(event("a", "u") for _ in range(10)))
    batch = next_batch(EVENTS)
    assert batch is not None
    lines = list(EventBuffer.objects.for_project(project.id).order_by("id").values_list("line", flat=True))
    client.insert_lines(EVENTS, "\n".join(lines).encode(), token=str(batch.token))
    assert count_events(project) == 10

    deliver_all()

    assert count_events(project) == 10
    assert not DeliveryBatch.objects.exists()
    assert not EventBuffer.objects.for_project(project.id).exists()


def test_rows_that_clickhouse_noted_but_lost_are_sent_again(project: ProjectClient, quiet: None) -> None:
    project.capture(*(event("a", "u") for _ in range(10)))
    batch = next_batch(EVENTS)
    assert batch is not None
    lines = list(EventBuffer.objects.for_project(project.id).order_by("id").values_list("line", flat=True))
    # As if it was killed between the two: the token is known, most of the rows are not there.
    client.insert_lines(EVENTS, "\n".join(lines[:3]).encode(), token=str(batch.token))

    deliver_all()

    assert count_events(project) == 10


def test_a_row_that_clickhouse_refuses_is_put_aside_and_holds_up_nobody(
    project: ProjectClient, quiet: None
) -> None:
    project.capture(*(event("a", "u") for _ in range(5)))
    poison = EventBuffer.objects.for_project(project.id).order_by("id")[2]
    row = {**orjson.loads(poison.line), "timestamp": "no time"}
    line = orjson.dumps(row).decode()
    EventBuffer.objects.for_project(project.id).filter(pk=poison.pk).update(line=line)

    deliver_all()

    assert count_events(project) == 4
    aside = Undeliverable.objects.get(line__contains=row["uuid"])
    assert "CANNOT_PARSE_DATETIME" in aside.error
    aside.delete()


def test_what_clickhouse_did_not_take_stays_for_the_next_time(
    project: ProjectClient, quiet: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*args: Any, **kwargs: Any) -> None:
        raise ClickHouseUnavailable

    project.capture(event("a", "u"))
    with monkeypatch.context() as broken:
        broken.setattr(client, "insert_lines", away)
        with pytest.raises(ClickHouseUnavailable):
            deliver_all()
    assert Outbox.objects.for_project(project.id).count() == 2

    deliver_all()

    assert not Outbox.objects.for_project(project.id).exists()
    assert count_events(project) == 1


def test_batches_are_bounded(project: ProjectClient, quiet: None, settings: Any) -> None:
    settings.DELIVERY_BATCH_ROWS = 3
    project.capture(*(event("a", "u") for _ in range(8)))

    batch = next_batch(EVENTS)

    assert batch is not None
    assert len(batch.row_ids) == 3
    deliver_all()
    assert count_events(project) == 8


def test_both_stores_agree_after_births_merges_and_changes(project: ProjectClient) -> None:
    for n in range(30):
        name = secrets.token_hex(4)
        project.capture(
            event("a", f"anon-{name}", properties={"$set": {"n": n}}),
            event("b", f"user-{name}", properties={"$set": {"n": n, "m": None}}),
        )
        project.capture(
            event("$identify", f"user-{name}", properties={"$anon_distinct_id": f"anon-{name}"}),
            event("c", f"user-{name}", properties={"$set": {"n": n + 1}, "$unset": ["m"]}),
        )
    settle()

    assert [comparison.table for comparison in compare(project.id) if not comparison.is_equal] == []
    persons = client.query(
        "SELECT count() FROM person FINAL WHERE project_id = {project_id:Int64}", project_id=project.id
    )
    assert persons[0][0] == 30
