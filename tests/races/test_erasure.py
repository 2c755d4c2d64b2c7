"""Erasures that meet captures, merges, splits, squashes, delivery and each other.

However they meet, every erasure ends completed and its receipt is true: nothing is left of what was accepted before
the request was sent, and everything is there that was sent after it was answered. What came in between may go or stay.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
import psycopg
import pytest
from django.db import connection

from core.advisory_lock import only_one
from core.clickhouse import client, squash
from core.clickhouse import erase as clickhouse
from core.exceptions import QueryTooHeavy
from core.outbox.deliver import LOCK_SPACE
from core.outbox.freeze import EVENTS, TARGETS, next_batch
from core.services import erase
from core.services.squash_overrides import squash_overrides
from tests.clients import ProjectClient, event, settle
from tests.erasure import all_done, deletions
from tests.persons import listed, make_listed, send, stores_agree
from tests.races.arena import Arena, open_arena
from tests.stack import Stack

#: Times that the same requests meet.
REPETITIONS = 12
PATIENCE = 60


@pytest.fixture
def arena(stack: Stack) -> Iterator[Arena]:
    with open_arena(stack) as opened:
        yield opened


def at_once(arena: Arena, *requests: Callable[[ProjectClient], httpx.Response]) -> list[httpx.Response]:
    """The answers to requests that are sent at the same moment, each on a connection of its own."""
    barrier = threading.Barrier(len(requests))

    def ask(request: Callable[[ProjectClient], httpx.Response], lane: ProjectClient) -> httpx.Response:
        barrier.wait(PATIENCE)
        return request(lane)

    return list(arena.threads.map(ask, requests, arena.lanes))


def delete(person: dict[str, Any], **flags: str) -> Callable[[ProjectClient], httpx.Response]:
    return lambda one: one.delete(f"{one.persons_url}{person['uuid']}/", delete_events="true", **flags)


def delete_only(person: dict[str, Any]) -> Callable[[ProjectClient], httpx.Response]:
    """Leaves the events."""
    return lambda one: one.delete(f"{one.persons_url}{person['uuid']}/")


def bulk_delete(**body: Any) -> Callable[[ProjectClient], httpx.Response]:
    return lambda one: one.post(f"{one.persons_url}bulk_delete/", {"delete_events": True, **body})


def act(person: dict[str, Any], verb: str, body: object = None) -> Callable[[ProjectClient], httpx.Response]:
    return lambda one: send(one, "POST", f"{one.persons_url}{person['uuid']}/{verb}/", body)


def capture(*events: dict[str, Any]) -> Callable[[ProjectClient], httpx.Response]:
    return lambda one: one.http.post("/batch/", json={"api_key": one.token, "batch": list(events)})


def events_there(project: ProjectClient) -> set[str]:
    """Uuids of the events that ClickHouse has; each of them once."""
    rows = client.query(
        "SELECT toString(uuid), count() FROM events WHERE project_id = {project_id:Int64} GROUP BY uuid",
        project_id=project.id,
    )
    assert all(count == 1 for _, count in rows)
    return {uuid for uuid, _ in rows}


def events_by_id(project: ProjectClient) -> dict[str, int]:
    """How many events each distinct id has in ClickHouse."""
    rows = client.query(
        "SELECT distinct_id, count() FROM events WHERE project_id = {project_id:Int64} GROUP BY 1",
        project_id=project.id,
    )
    counts: dict[str, int] = dict(rows)  # type: ignore[arg-type]
    return counts


def erased_events(receipts: Sequence[dict[str, Any]]) -> int:
    """How many events the receipts say that there were."""
    stores = ("clickhouse_events", "postgres_events")
    return sum(receipt["counts_before"].get(store, 0) for receipt in receipts for store in stores)


def everything_is_erased_and_true(project: ProjectClient) -> list[dict[str, Any]]:
    """Wait for all erasures; see that each says that nothing is left, and that counting again agrees. The receipts."""
    all_done(project)
    settle()
    receipts = deletions(project, limit=1000)
    for receipt in receipts:
        assert receipt["status"] == "completed"
        assert set(receipt["counts_after"].values()) == {0}, receipt
        checked = project.post(f"{project.persons_url}deletion_status/{receipt['id']}/verify/")
        assert checked.json()["is_erased"], checked.text
    assert stores_agree(project)
    return receipts


@dataclass
class Recorder:
    """Captures without a pause and remembers when each event was sent and when it was accepted."""

    project: ProjectClient
    ids: Sequence[str]
    sent: dict[str, float] = field(default_factory=dict)
    accepted: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def running(self) -> Iterator[None]:
        is_over = threading.Event()

        def run() -> None:
            while not is_over.is_set():
                one = event("a", self.ids[len(self.sent) % len(self.ids)], properties={"$set": {"k": 1}})
                self.sent[one["uuid"]] = time.monotonic()
                self.project.capture(one)
                self.accepted[one["uuid"]] = time.monotonic()

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()

    def wait_for_more(self, count: int) -> None:
        wanted = len(self.accepted) + count
        eventually(lambda: len(self.accepted) >= wanted)

    def accepted_before(self, moment: float) -> set[str]:
        return {uuid for uuid, at in list(self.accepted.items()) if at < moment}

    def sent_after(self, moment: float) -> set[str]:
        return {uuid for uuid, at in self.sent.items() if at > moment}


@pytest.mark.parametrize("way", ["single", "bulk", "events only"])
def test_captures_that_never_stop(arena: Arena, way: str) -> None:
    """The same ids come back at once, with the same uuid, and are erased again and again."""
    project = arena.project
    make_listed(project, "a", "b")
    recorder = Recorder(arena.lanes[1], ["a", "b", "a"])
    requests = {
        "single": lambda person: delete(person),
        "bulk": lambda person: bulk_delete(distinct_ids=["a", "b"]),
        "events only": lambda person: act(person, "delete_events"),
    }
    with recorder.running():
        for _ in range(REPETITIONS):
            recorder.wait_for_more(4)
            person = listed(project, "a")
            began = time.monotonic()
            response = requests[way](person)(arena.lanes[0])
            ended = time.monotonic()
            assert response.status_code == 202, response.text
        recorder.wait_for_more(6)

    receipts = everything_is_erased_and_true(project)

    there = events_there(project)
    # Two events made the person.
    assert erased_events(receipts) == 2 + len(recorder.accepted) - len(there)
    # Of "b", which has a person of its own after the first deletion, nobody but "bulk" speaks.
    erased_ids = {"a"} if way == "single" else {"a", "b"}
    of_id = {uuid: recorder.ids[place % 3] for place, uuid in enumerate(recorder.sent)}
    gone = {uuid for uuid in recorder.accepted_before(began) if of_id[uuid] in erased_ids}
    assert len(gone) > REPETITIONS
    assert there & gone == set()
    assert recorder.sent_after(ended)
    assert recorder.sent_after(ended) <= there
    assert listed(project, "a")["properties"]["k"] == 1


@pytest.mark.parametrize("role", ["target", "source"])
@pytest.mark.parametrize("way", ["single", "bulk"])
def test_a_merge(arena: Arena, role: str, way: str) -> None:
    project = arena.project
    played = []
    for number in range(REPETITIONS):
        a, x = f"a-{number}", f"x-{number}"
        of_a, of_x = event("a", a), event("a", x)
        project.capture(of_a, of_x)
        goes = a if role == "target" else x
        merge = event("$merge_dangerously", a, properties={"alias": x})
        deletion = delete(listed(project, goes)) if way == "single" else bulk_delete(distinct_ids=[goes])
        answers = at_once(arena, capture(merge), deletion)
        played.append((a, x, of_a["uuid"], of_x["uuid"], merge["uuid"], answers))

    everything_is_erased_and_true(project)

    there = events_there(project)
    for a, x, of_a, of_x, merge, (merged, deleted) in played:
        assert merged.status_code == 200
        person = project.person(a)
        assert person == project.person(x)
        left = there & {of_a, of_x, merge}
        if way == "bulk" and person is None:
            # Merged first: either id names the person, who goes with everything.
            assert deleted.json()["persons_deleted"] == 1
            assert left == set()
        elif way == "bulk" or deleted.status_code == 202:
            if person is None:
                assert role == "target"
                assert left == set()
            else:
                assert left == {of_x if role == "target" else of_a, merge}
        else:
            # Merged first, and whom the deletion names is no more.
            assert (deleted.status_code, role) == (404, "source")
            assert left == {of_a, of_x, merge}


def test_the_same_person_twice(arena: Arena) -> None:
    project = arena.project
    for number in range(REPETITIONS):
        make_listed(project, f"a-{number}")
        person = listed(project, f"a-{number}")
        pair = [delete(person), delete(person)]
        answers = at_once(arena, *pair)
        assert sorted(answer.status_code for answer in answers) == [202, 404]

    receipts = everything_is_erased_and_true(project)

    assert len(receipts) == REPETITIONS
    assert events_there(project) == set()
    assert erased_events(receipts) == REPETITIONS


def test_a_request_that_another_one_joins_in_the_middle(stack: Stack, project: ProjectClient) -> None:
    """The worker has read the first one and waits for its turn at ClickHouse."""
    person = make_listed(project, "a")
    settle()
    with psycopg.connect(stack.environment["DATABASE_URL"], autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s, %s)", squash.REWRITING)
        assert delete(person)(project).status_code == 202
        eventually(lambda: is_waited_for(other, squash.REWRITING))
        assert make_listed(project, "a")["uuid"] == person["uuid"]
        settle()
        assert delete(person)(project).status_code == 202

    (receipt,) = everything_is_erased_and_true(project)

    assert receipt["counts_before"]["clickhouse_events"] == 2
    assert events_there(project) == set()


def test_what_is_left_keeps_every_request_open_that_it_belongs_to(
    stack: Stack, project: ProjectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two requests about the same distinct id, the second one without events; an event slips through."""
    person = make_listed(project, "a")
    settle()
    remove = clickhouse.remove
    with only_one(*erase.LOCK) as is_alone:
        assert is_alone
        assert act(person, "delete_events")(project).status_code == 202
        assert delete_only(person)(project).status_code == 202

        def remove_and_bring_back(tables: Sequence[clickhouse.Table], *args: Any) -> None:
            remove(tables, *args)
            client.administer(
                """INSERT INTO events (project_id, uuid, event, distinct_id, timestamp, received_at)
                VALUES ({project_id:Int64}, generateUUIDv4(), 'late', 'a', now64(6), '2026-01-01 00:00:00')""",
                parameters={"project_id": project.id},
            )
            monkeypatch.undo()

        monkeypatch.setattr(clickhouse, "remove", remove_and_bring_back)
        batch = erase._next_batch(after=0)
        assert batch is not None
        erase._erase(batch)
        (pending,) = deletions(project, person_uuid=person["uuid"])
        assert (pending["status"], pending["stage"]) == ("pending", "accepted")

    everything_is_erased_and_true(project)
    assert events_there(project) == set()


def is_waited_for(other: psycopg.Connection[Any], lock: tuple[int, int]) -> bool:
    found = other.execute(
        "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND (classid, objid) = (%s, %s)",
        lock,
    )
    return found.fetchone() is not None


def eventually(is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_true():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)


def test_many_persons_in_lists_that_overlap(arena: Arena) -> None:
    project = arena.project
    names = [f"a-{number}" for number in range(60)]
    kept = event("kept", "somebody else")
    project.capture(*(event("a", name) for name in names), kept)
    uuids = [listed(project, name)["uuid"] for name in names[:3]]

    answers = at_once(
        arena,
        bulk_delete(distinct_ids=names),
        bulk_delete(distinct_ids=names[::-1]),
        bulk_delete(distinct_ids=names[20:50]),
        bulk_delete(ids=uuids),
        delete({"uuid": uuids[0]}),
    )

    *bulk, single = answers
    assert [answer.status_code for answer in bulk] == [202] * 4
    assert [answer.json()["deletion_errors"] for answer in bulk] == [[]] * 4
    deleted = sum(answer.json()["persons_deleted"] for answer in bulk) + (single.status_code == 202)
    assert deleted == len(names)
    assert len(everything_is_erased_and_true(project)) == len(names)
    assert events_there(project) == {kept["uuid"]}


def test_events_of_a_person_and_the_person_itself(arena: Arena) -> None:
    """One erasure leaves the person, another one does not, and a deletion leaves the events."""
    project = arena.project
    stay = set()
    for number in range(REPETITIONS):
        person = make_listed(project, f"a-{number}", f"b-{number}")
        answers = at_once(arena, act(person, "delete_events"), delete(person), delete_only(person))
        kept, gone, only = (answer.status_code for answer in answers)
        assert sorted([gone, only]) == [202, 404]
        assert kept in (202, 404)
        if (kept, gone) == (404, 404):
            stay.add(f"a-{number}")

    everything_is_erased_and_true(project)

    assert set(events_by_id(project)) == stay


def test_a_split(arena: Arena) -> None:
    project = arena.project
    played = []
    for number in range(REPETITIONS):
        a, b = f"a-{number}", f"b-{number}"
        person = make_listed(project, a, b)
        of_a, of_b = event("x", a), event("x", b)
        project.capture(of_a, of_b)
        answers = at_once(arena, act(person, "split", {"distinct_ids_to_split": [b]}), delete(person))
        played.append((b, of_a["uuid"], of_b["uuid"], answers))

    everything_is_erased_and_true(project)

    there = events_there(project)
    for b, of_a, of_b, (split, deleted) in played:
        assert deleted.status_code == 202
        assert split.status_code in (201, 404)
        assert there & {of_a, of_b} == ({of_b} if split.status_code == 201 else set())
        assert (project.person(b) is not None) == (split.status_code == 201)


@pytest.mark.parametrize("kind", ["merge", "split"])
def test_taking_back(arena: Arena, kind: str) -> None:
    project = arena.project
    played = []
    for number in range(REPETITIONS):
        a, b = f"a-{number}", f"b-{number}"
        if kind == "merge":
            person = make_listed(project, a)
            make_listed(project, b)
            assert act(person, "merge", {"distinct_id": b})(project).status_code == 201
        else:
            person = make_listed(project, a, b)
            assert act(person, "split", {"distinct_ids_to_split": [b]})(project).status_code == 201
        of_a, of_b = event("x", a), event("x", b)
        project.capture(of_a, of_b)
        person = listed(project, a)
        answers = at_once(arena, act(person, "undo"), delete(person))
        played.append((a, b, of_a["uuid"], of_b["uuid"], answers))

    everything_is_erased_and_true(project)

    there = events_there(project)
    for a, b, of_a, of_b, (undone, deleted) in played:
        assert deleted.status_code == 202
        assert undone.status_code in (201, 400, 404, 409), undone.text
        is_undone = undone.status_code == 201
        # Apart at the moment of the deletion: after the merge was taken back, or before the split was.
        stays = is_undone if kind == "merge" else not is_undone
        assert there & {of_a, of_b} == ({of_b} if stays else set())
        assert project.person(a) is None
        assert (project.person(b) is not None) == stays


#: After each of these stages a squash lets the erasure go first.
STAGES = ("take_snapshot", "fold", "pages", "remove")


@pytest.mark.parametrize("stage", STAGES)
def test_a_squash(project: ProjectClient, monkeypatch: pytest.MonkeyPatch, stage: str) -> None:
    for user, visitor in (("user", "visitor"), ("other", "other visitor")):
        project.capture(event("a", visitor), event("b", user))
        project.capture(event("$identify", user, properties={"$anon_distinct_id": visitor}))
    settle()
    person = listed(project, "user")
    original = getattr(squash, stage)
    reused = event("again", "visitor")

    def then_erase(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        result = list(result) if stage == "pages" else result
        monkeypatch.setattr(squash, stage, original)
        assert delete(person)(project).status_code == 202
        all_done(project)
        project.capture(reused)
        return result

    monkeypatch.setattr(squash, stage, then_erase)

    squash_overrides(older_than=timedelta(0))

    everything_is_erased_and_true(project)
    assert events_by_id(project) == {"visitor": 1, "other": 2, "other visitor": 1}
    assert events_there(project) >= {reused["uuid"]}
    assert listed(project, "visitor")["distinct_ids"] == ["visitor"]


def test_squashes_that_never_stop(arena: Arena) -> None:
    project = arena.project
    is_over = threading.Event()

    def squash_again_and_again() -> None:
        try:
            while not is_over.is_set():
                squash_overrides(older_than=timedelta(0))
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as threads:
        squashing = threads.submit(squash_again_and_again)
        try:
            for number in range(6):
                user, visitor = f"user-{number}", f"visitor-{number}"
                project.capture(event("a", visitor), event("b", user))
                project.capture(event("$identify", user, properties={"$anon_distinct_id": visitor}))
                if number % 2:
                    assert delete(listed(project, user))(project).status_code == 202
            all_done(project)
        finally:
            is_over.set()
        squashing.result(PATIENCE)

    everything_is_erased_and_true(project)
    expected = {f"user-{number}": 2 for number in (0, 2, 4)} | {
        f"visitor-{number}": 1 for number in (0, 2, 4)
    }
    assert events_by_id(project) == expected


@contextmanager
def nobody_delivers(stack: Stack, *targets: str) -> Iterator[None]:
    """Hold the locks of delivery, as a worker that hangs does."""
    with psycopg.connect(stack.environment["DATABASE_URL"], autocommit=True) as other:
        for target in targets:
            other.execute("SELECT pg_advisory_lock(%s, %s)", [LOCK_SPACE, TARGETS.index(target)])
        yield


def test_a_batch_that_was_frozen_before(stack: Stack, project: ProjectClient) -> None:
    """It is sent, for nobody knows whether it was; then what it brought is erased. What waits behind it never goes."""
    person = make_listed(project, "a")
    settle()
    with nobody_delivers(stack, EVENTS):
        project.capture(event("frozen", "a"), event("frozen", "b"))
        assert next_batch(EVENTS) is not None
        project.capture(event("waits", "a"), event("waits", "b"))
        assert delete(person)(project).status_code == 202
        after = event("after", "a")
        project.capture(after)
        (pending,) = deletions(project, person_uuid=person["uuid"])
        assert (pending["status"], pending["delete_verified_at"]) == ("pending", None)

    (receipt,) = everything_is_erased_and_true(project)

    rows = client.query(
        "SELECT event, distinct_id FROM events WHERE project_id = {project_id:Int64} ORDER BY ALL",
        project_id=project.id,
    )
    assert rows == [("after", "a"), ("frozen", "b"), ("waits", "b")]
    assert receipt["counts_before"]["postgres_events"] == 1
    # The event that made the person, and the frozen one.
    assert receipt["counts_before"]["clickhouse_events"] == 2


def test_an_id_that_is_used_again_at_once(project: ProjectClient) -> None:
    kept = []
    for number in range(REPETITIONS):
        person = make_listed(project, "a", **{f"k{number}": 1})
        assert delete(person)(project).status_code == 202
        kept.append(event("after", "a", properties={"$set": {"round": number}}))
        project.capture(kept[-1])
        again = listed(project, "a")
        assert again["uuid"] == person["uuid"]
        assert {name for name in again["properties"] if name.startswith("k")} == set()
        assert again["properties"]["round"] == number

    everything_is_erased_and_true(project)

    assert events_there(project) == {kept[-1]["uuid"]}


def test_an_erasure_leaves_half_of_clickhouse_to_who_asks_something(project: ProjectClient) -> None:
    ((cores,),) = client.inspect("SELECT getSetting('max_threads')")
    questions = "SELECT count() FROM system.processes WHERE Settings['log_comment'] = 'a long question'"

    def ask() -> None:
        client.query(
            "SELECT sleepEachRow(1), {project_id:Int64} FROM numbers(30)",
            project_id=project.id,
            settings={"log_comment": "a long question", "max_block_size": 1, "max_execution_time": 2},
        )

    with ThreadPoolExecutor(1) as thread:
        question = thread.submit(ask)
        eventually(lambda: client.inspect(questions) == [(1,)])
        assert clickhouse._threads("events") == max(1, cores // 2)
        assert clickhouse._threads("person") == 1
        assert isinstance(question.exception(), QueryTooHeavy)
