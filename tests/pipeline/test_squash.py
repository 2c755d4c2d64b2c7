"""Overrides are written into the events and removed: no answer changes, whatever comes in between."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection, transaction

from core.clickhouse import client, squash
from core.clickhouse.compare import compare
from core.events.event import Event
from core.outbox.deliver import LOCK_SPACE
from core.outbox.freeze import TARGETS
from core.services import open_transactions
from core.services import squash_overrides as service
from core.services.capture import take_events
from core.services.delete_persons import delete_persons
from core.services.squash_overrides import NotNow, squash_overrides
from core.sql.text import sql
from insights.sql.person_of_event import has_overrides, persons_of_events
from tests.clients import ProjectClient, event, settle
from tests.stack import Stack

AT_ONCE = timedelta(0)
#: In their order; a squash can be hit after each of them.
STAGES = ("take_snapshot", "fold", "pages", "remove")


def overrides(project: ProjectClient) -> dict[str, int]:
    """Version of each override that ClickHouse has."""
    rows = client.query(
        "SELECT distinct_id, max(version) FROM person_distinct_id_overrides"
        " WHERE project_id = {project_id:Int64} GROUP BY distinct_id",
        project_id=project.id,
    )
    return dict(rows)  # type: ignore[arg-type]


def owners(project: ProjectClient) -> dict[str, list[str]]:
    """The persons to whom analytical queries give the events of each distinct id."""
    actors = persons_of_events(overridden=has_overrides(project.id))
    text, parameters = sql(
        """SELECT e.distinct_id, arraySort(groupUniqArray({person})) FROM {source}
        WHERE e.project_id = {project_id:Int64} GROUP BY e.distinct_id""",
        person=actors.id,
        source=actors.source,
    ).rendered()
    rows = client.query(text, project_id=project.id, parameters=parameters)
    return {distinct_id: [str(uuid) for uuid in uuids] for distinct_id, uuids in rows}


def funnel(project: ProjectClient) -> list[str]:
    """Names of the persons who did a and then b."""
    steps = json.dumps([{"id": "a", "order": 0}, {"id": "b", "order": 1}])
    answer = project.get(f"{project.persons_url}funnel/", events=steps, funnel_step=2, date_from="2026-10-31")
    assert answer.status_code == 200, answer.text
    return sorted(person["name"] for person in answer.json()["results"][0]["people"])


def uuid_of(project: ProjectClient, distinct_id: str) -> str:
    person = project.person(distinct_id)
    assert person is not None
    return str(person["uuid"])


def identify(project: ProjectClient, distinct_id: str, other: str) -> None:
    properties = {"$anon_distinct_id": other, "$set": {"name": distinct_id}}
    project.capture(event("$identify", distinct_id, properties=properties))


def merged(project: ProjectClient, distinct_id: str, other: str) -> None:
    """Two persons, an event of each, made one."""
    project.capture(event("a", other, timestamp="2026-11-01T10:00:00Z"))
    project.capture(event("b", distinct_id, timestamp="2026-11-01T11:00:00Z"))
    identify(project, distinct_id, other)


def are_equal(project: ProjectClient) -> bool:
    settle()
    return all(comparison.is_equal for comparison in compare(project.id))


@contextmanager
def after(stage: str, do: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Do something between a stage of a squash and the next one."""
    original = getattr(squash, stage)

    def then_do(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        # Pages are noted one by one: the first one only.
        result = iter([next(result)]) if stage == "pages" else result
        do()
        return result

    with monkeypatch.context() as patched:
        patched.setattr(squash, stage, then_do)
        yield


def test_events_say_it_themselves_and_the_override_goes(project: ProjectClient) -> None:
    merged(project, "user", "visitor")
    settle()
    assert overrides(project) == {"visitor": 1}

    squash_overrides(older_than=AT_ONCE)

    rows = client.query(
        "SELECT DISTINCT toString(person_id) FROM events WHERE project_id = {project_id:Int64}",
        project_id=project.id,
    )
    assert [row[0] for row in rows] == [uuid_of(project, "user")]
    assert overrides(project) == {}
    assert are_equal(project)


def make_all_kinds(project: ProjectClient) -> None:
    """Ids that were attached, merged, split, deleted, used again, and merged and split again."""
    merged(project, "user", "visitor")
    merged(project, "twice", "first")
    merged(project, "last", "twice-anonymous")
    project.capture(event("$merge_dangerously", "last", properties={"alias": "twice"}))
    project.capture(event("a", "personless", properties={"$process_person_profile": False}))
    project.capture(event("b", "personful", properties={"$set": {"name": "personful"}}))
    identify(project, "personful", "personless")
    for kind in ("split", "split-deleted", "reused"):
        merged(project, kind, f"{kind}-other")
        person = f"{project.persons_url}{uuid_of(project, kind)}/split/"
        assert project.post(person, {"distinct_ids_to_split": [f"{kind}-other"]}).status_code == 201
    merged(project, "deleted", "deleted-anonymous")
    settle()
    for gone in ("deleted", "split-deleted-other", "reused-other"):
        delete(project, uuid_of(project, gone))
    project.capture(event("b", "reused-other"))
    project.capture(event("$merge_dangerously", "split", properties={"alias": "split-other"}))
    settle()


def delete(project: ProjectClient, uuid: str) -> None:
    delete_persons(project_id=project.id, uuids=[UUID(uuid)], user_id=None)


def test_no_answer_changes(project: ProjectClient) -> None:
    make_all_kinds(project)
    before = owners(project), funnel(project)
    assert before[0]["first"] == before[0]["last"] == [uuid_of(project, "last")]
    assert "user" in before[1]

    squash_overrides(older_than=AT_ONCE)

    assert (owners(project), funnel(project)) == before
    assert overrides(project) == {}
    assert are_equal(project)


def test_what_happens_to_an_id_after_a_squash_is_answered_as_before_one(
    project: ProjectClient, other_project: ProjectClient
) -> None:
    """The same story twice, with a squash after each chapter and without."""
    stories = []
    for one, is_squashed in ((project, True), (other_project, False)):
        merged(one, "user", "visitor")
        for change in (
            lambda one=one: split(one, "user", "visitor"),
            lambda one=one: one.capture(event("a", "visitor")),
            lambda one=one: one.capture(event("$merge_dangerously", "user", properties={"alias": "visitor"})),
            lambda one=one: split(one, "user", "visitor"),
            lambda one=one: delete(one, uuid_of(one, "visitor")),
            lambda one=one: one.capture(event("a", "visitor")),
        ):
            settle()
            if is_squashed:
                squash_overrides(older_than=AT_ONCE)
            change()
        settle()
        names = {uuid_of(one, name): name for name in ("user", "visitor")}
        stories.append(
            {distinct_id: [names[uuid] for uuid in uuids] for distinct_id, uuids in owners(one).items()}
        )
        assert are_equal(one)

    assert stories[0] == stories[1] == {"user": ["user"], "visitor": ["visitor"]}


def split(project: ProjectClient, person: str, distinct_id: str) -> None:
    url = f"{project.persons_url}{uuid_of(project, person)}/split/"
    assert project.post(url, {"distinct_ids_to_split": [distinct_id]}).status_code == 201


@pytest.mark.parametrize("stage", STAGES)
def test_a_merge_during_a_squash_survives(
    project: ProjectClient, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    merged(project, "user", "visitor")
    merged(project, "boss", "assistant")
    settle()

    def merge() -> None:
        project.capture(event("$merge_dangerously", "boss", properties={"alias": "user"}))
        settle()

    with after(stage, merge, monkeypatch):
        squash_overrides(older_than=AT_ONCE)

    boss = [uuid_of(project, "boss")]
    assert overrides(project) == {"user": 1, "visitor": 2}
    assert owners(project) == {"user": boss, "visitor": boss, "boss": boss, "assistant": boss}
    assert are_equal(project)
    squash_overrides(older_than=AT_ONCE)
    assert overrides(project) == {}
    assert owners(project) == {"user": boss, "visitor": boss, "boss": boss, "assistant": boss}


@pytest.mark.parametrize("stage", STAGES)
def test_a_deletion_during_a_squash_changes_no_answer(
    project: ProjectClient, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    merged(project, "user", "visitor")
    user = uuid_of(project, "user")
    settle()

    def remove() -> None:
        delete(project, user)
        settle()

    with after(stage, remove, monkeypatch):
        squash_overrides(older_than=AT_ONCE)

    assert owners(project) == {"user": [user], "visitor": [user]}
    assert are_equal(project)


class Killed(Exception):
    """Stands for the end of the process."""


def die() -> None:
    raise Killed


@pytest.mark.parametrize("stage", STAGES)
def test_a_squash_that_died_after_any_stage_is_finished_by_the_next_one(
    project: ProjectClient, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    make_all_kinds(project)
    before = owners(project), funnel(project)
    with after(stage, die, monkeypatch), pytest.raises(Killed):
        squash_overrides(older_than=AT_ONCE)
    assert (owners(project), funnel(project)) == before
    assert are_equal(project)

    squash_overrides(older_than=AT_ONCE)

    assert (owners(project), funnel(project)) == before
    assert overrides(project) == {}
    assert are_equal(project)


def test_a_squash_that_died_while_it_took_notes_leaves_equal_stores(
    project: ProjectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        merged(project, f"user-{number}", f"anonymous-{number}")
    settle()
    noted = service._record_rows

    def note_and_die(*args: Any, **kwargs: Any) -> None:
        monkeypatch.setattr(service, "_record_rows", lambda *args, **kwargs: die())
        noted(*args, **kwargs)

    monkeypatch.setattr(squash, "PAGE_ROWS", 1)
    monkeypatch.setattr(service, "_record_rows", note_and_die)
    with pytest.raises(Killed):
        squash_overrides(older_than=AT_ONCE)

    assert len(overrides(project)) == 3
    assert are_equal(project)
    monkeypatch.undo()
    monkeypatch.setattr(squash, "PAGE_ROWS", 1)
    squash_overrides(older_than=AT_ONCE)
    assert overrides(project) == {}
    assert are_equal(project)


def test_the_comparison_sees_an_override_that_is_missing(project: ProjectClient) -> None:
    merged(project, "user", "visitor")
    merged(project, "boss", "assistant")
    settle()
    client.administer(
        "ALTER TABLE person_distinct_id_overrides DELETE WHERE project_id = {project_id:Int64}"
        " AND distinct_id = 'assistant' SETTINGS mutations_sync = 1",
        parameters={"project_id": project.id},
    )

    assert not are_equal(project)

    # And it can be repaired.
    project.post(f"{project.persons_url}reset_person_distinct_id/", {"distinct_id": "assistant"})
    settle()
    assert are_equal(project)


def test_an_older_row_of_an_id_does_not_come_back(project: ProjectClient) -> None:
    client.administer("SYSTEM STOP MERGES person_distinct_id_overrides")
    try:
        merged(project, "user", "visitor")
        settle()
        project.capture(event("b", "boss"))
        project.capture(event("$merge_dangerously", "boss", properties={"alias": "user"}))
        settle()
    finally:
        client.administer("SYSTEM START MERGES person_distinct_id_overrides")

    squash_overrides(older_than=AT_ONCE)

    assert overrides(project) == {}
    assert owners(project)["visitor"] == [uuid_of(project, "boss")]


def test_what_changed_lately_stays(project: ProjectClient) -> None:
    merged(project, "user", "visitor")
    settle()

    assert squash_overrides(older_than=timedelta(hours=1)) == 0

    assert overrides(project) == {"visitor": 1}


def test_projects_do_not_mix(project: ProjectClient, other_project: ProjectClient) -> None:
    for one in (project, other_project):
        merged(one, "user", "same")
    project.capture(event("$merge_dangerously", "other", properties={"alias": "user"}))
    settle()

    squash_overrides(older_than=AT_ONCE)

    assert owners(project)["same"] == [uuid_of(project, "other")]
    assert owners(other_project)["same"] == [uuid_of(other_project, "user")]


def test_without_old_overrides_no_event_is_looked_at(project: ProjectClient) -> None:
    merged(project, "user", "visitor")
    settle()
    squash_overrides(older_than=AT_ONCE)
    before = client.inspect("SELECT count() FROM system.mutations WHERE table = 'events'")

    assert squash_overrides(older_than=AT_ONCE) == 0

    assert client.inspect("SELECT count() FROM system.mutations WHERE table = 'events'") == before


def test_the_command_says_how_many(project: ProjectClient) -> None:
    settle()
    squash_overrides(older_than=AT_ONCE)
    merged(project, "user", "visitor")
    settle()
    output = StringIO()

    call_command("squash", older_than=0, stdout=output)

    assert output.getvalue() == "squashed 1 overrides\n"


@contextmanager
def other_connection(stack: Stack) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(stack.environment["DATABASE_URL"], autocommit=True) as other:
        yield other


def test_only_one_squash_runs(project: ProjectClient, stack: Stack) -> None:
    with other_connection(stack) as other:
        other.execute("SELECT pg_advisory_lock(%s, %s)", squash.LOCK)

        with pytest.raises(NotNow, match="another squash"):
            squash_overrides(older_than=AT_ONCE)


def test_events_on_their_way_are_waited_for(
    project: ProjectClient, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    merged(project, "user", "visitor")
    settle()
    monkeypatch.setattr(service, "PATIENCE", 0.3)
    with other_connection(stack) as other:
        for place in range(len(TARGETS)):
            other.execute("SELECT pg_advisory_lock(%s, %s)", [LOCK_SPACE, place])
        project.capture(event("a", "user"))

        with pytest.raises(NotNow, match="wait for delivery"):
            squash_overrides(older_than=AT_ONCE)

    assert overrides(project) == {"visitor": 1}


def test_an_event_that_was_taken_before_the_merge_and_stored_after_it_is_rewritten_too(
    project: ProjectClient,
) -> None:
    project.capture(event("a", "visitor"))
    project.capture(event("b", "user"))
    is_taken, may_commit = threading.Event(), threading.Event()

    def capture_slowly() -> None:
        # An ordinary event changes nobody, so it waits for nobody and nobody waits for it.
        late = Event(uuid4(), "late", "visitor", datetime(2026, 1, 1, tzinfo=UTC), {}, None, False)
        with transaction.atomic(), connection.cursor() as cursor:
            take_events(cursor, project_id=project.id, events=[late])
            is_taken.set()
            assert may_commit.wait(30)
        connection.close()

    def squash_now() -> None:
        squash_overrides(older_than=AT_ONCE)
        connection.close()

    capturing, squashing = threading.Thread(target=capture_slowly), threading.Thread(target=squash_now)
    capturing.start()
    assert is_taken.wait(30)
    identify(project, "user", "visitor")
    settle()
    squashing.start()
    wait_for_a_snapshot()
    may_commit.set()
    for thread in (capturing, squashing):
        thread.join()

    rows = client.query(
        "SELECT DISTINCT toString(person_id) FROM events WHERE project_id = {project_id:Int64}",
        project_id=project.id,
    )
    assert [row[0] for row in rows] == [uuid_of(project, "user")]
    assert overrides(project) == {}


def wait_for_a_snapshot() -> None:
    deadline = time.monotonic() + 30
    while client.inspect("SELECT count() FROM overrides_to_squash") == [(0,)]:
        assert time.monotonic() < deadline, "no squash began"


def test_a_long_transaction_puts_a_squash_off(
    project: ProjectClient, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    merged(project, "user", "visitor")
    settle()
    monkeypatch.setattr(open_transactions, "PATIENCE", 0.3)
    with other_connection(stack) as other, other.transaction():
        other.execute("SELECT 1")

        with pytest.raises(NotNow, match="older than the overrides"):
            squash_overrides(older_than=AT_ONCE)

    assert overrides(project) == {"visitor": 1}
