"""Questions and answers through Valkey: who gets which answer, what the asker gets when anything on the way fails, and
how soon.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import count
from threading import Event, Thread
from typing import Any
from unittest.mock import Mock
from uuid import uuid4

import orjson
import pytest
from celery import current_app
from celery.worker import state as celery_state

from core import valkey
from core.answers import answers_key, forget_answers, times_key
from core.clickhouse import client
from core.exceptions import (
    ClickHouseUnavailable,
    InvalidInput,
    QueryTooHeavy,
    QueueUnavailable,
    TooManyQuestions,
)
from insights import answering, flights, jobs, run
from insights.failures import QuestionFailed
from insights.jobs import AskingLater, Job, NotYet
from insights.limits import Limits
from insights.questions import KINDS
from insights.run import Outlasted, Refresh, Waiting
from insights.tasks import answer
from tests.insights.world import NOON, World

_projects = count(2 * 10**12 + uuid4().int % 10**11 * 1000)
PATIENCE = 15


@pytest.fixture
def project_id() -> int:
    return next(_projects)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Mock:
    """Nobody takes what is published."""
    published = Mock()
    monkeypatch.setattr(current_app, "send_task", published)
    return published


class FakeWorker:
    """Answers the kind ``test`` by ``answer``, in a thread for each question, with what was published."""

    def __init__(self) -> None:
        self.answer: Any = lambda question, limits: question["n"]
        self.published: list[tuple[dict[str, Any], dict[str, Any]]] = []

    def send(self, name: str, *, args: list[Any], **options: Any) -> None:
        assert name == "insights.tasks.answer"
        (flight,) = orjson.loads(orjson.dumps(args))
        self.published.append((flight, options))
        Thread(target=answer, args=[flight]).start()


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeWorker]:
    fake = FakeWorker()
    monkeypatch.setattr(current_app, "send_task", fake.send)
    monkeypatch.setitem(KINDS, "test", lambda question, limits: fake.answer(question, limits))
    monkeypatch.setattr(answering, "WORKER", answering.Worker())
    monkeypatch.setattr("insights.tasks.WORKER", answering.WORKER)
    yield fake
    wait_for(lambda: not answering.WORKER._running)


def question_of(project_id: int, n: int = 1) -> dict[str, Any]:
    return {"n": n, "given": {}, "project": {"id": project_id, "timezone": "UTC"}, "now": time.time()}


def waiting(seconds: float = 5, refresh: Refresh = Refresh.ORDINARY) -> Waiting:
    return Waiting(now=datetime.now(UTC), refresh=refresh, until=time.time() + seconds)


def ask(project_id: int, n: int = 1, *, seconds: float = 5) -> Any:
    return waiting(seconds)("test", question_of(project_id, n))


def wait_for(condition: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def new_job(project_id: int) -> Job:
    job = Job(
        id="mine",
        name=jobs.job_name("a key", uuid4().hex),
        project_id=project_id,
        request={},
        refresh=Refresh.ORDINARY,
        started=time.time(),
        is_patient=True,
    )
    jobs.begin(job)
    return job


def ask_later(job: Job, n: int = 1) -> Any:
    return AskingLater(now=job.now, refresh=job.refresh, job=job)("test", question_of(job.project_id, n))


def fetched(job: Job, n: int = 1) -> Any:
    """The answer, when it is there."""
    found: list[Any] = []

    def is_there() -> bool:
        try:
            found.append(ask_later(job, n))
        except NotYet:
            return False
        return True

    wait_for(is_there)
    return found[0]


def endless(until: Event) -> Any:
    """An answer that takes until then, by as many queries as that needs."""

    def answer(question: Any, limits: Limits) -> Any:
        sql = "SELECT sum(sleepEachRow(0.01)) FROM numbers(50) WHERE {project_id:Int64} > 0"
        settings = {**limits.settings(purpose="test"), "max_block_size": 10}
        while not until.is_set():
            client.query(sql, project_id=1, settings=settings)
        return "done"

    return answer


def test_the_answer_comes_back(worker: FakeWorker, project_id: int) -> None:
    assert ask(project_id, 7) == 7

    ((flight, options),) = worker.published
    assert options == {"expires": flights.QUEUED, "retry": False}
    assert "personal_api_key" not in flight["question"]["given"]


def test_a_query_is_limited_and_marked(worker: FakeWorker, project_id: int) -> None:
    worker.answer = lambda question, limits: [limits.seconds, limits.memory, limits.mark]

    seconds, memory, mark = ask(project_id)

    assert (seconds, memory) == (600, 1_000_000_000)
    assert mark == worker.published[0][0]["id"]


@pytest.mark.parametrize("error", [ClickHouseUnavailable(), QueryTooHeavy()])
def test_failures_of_the_system_come_back_as_they_are(
    worker: FakeWorker, project_id: int, error: Exception
) -> None:
    worker.answer = Mock(side_effect=error)

    for _ in range(2):
        with pytest.raises(type(error)):
            ask(project_id)

    assert worker.answer.call_count == 2


def test_mistakes_come_back_with_their_field(worker: FakeWorker, project_id: int) -> None:
    worker.answer = Mock(side_effect=InvalidInput("No.", attr="properties[1]"))

    with pytest.raises(InvalidInput, match=r"No\.") as caught:
        ask(project_id)

    assert caught.value.attr == "properties[1]"


def test_a_defect_is_no_silence(
    worker: FakeWorker, project_id: int, caplog: pytest.LogCaptureFixture
) -> None:
    worker.answer = Mock(side_effect=KeyError("x"))

    with pytest.raises(QuestionFailed):
        ask(project_id)

    assert "a question failed" in caplog.text


def test_one_answer_for_all_who_ask_the_same(worker: FakeWorker, project_id: int) -> None:
    go_on = Event()
    worker.answer = Mock(side_effect=lambda question, limits: go_on.wait(PATIENCE) and question["n"])
    with ThreadPoolExecutor(7) as threads:
        same = [threads.submit(ask, project_id, 1, seconds=10) for _ in range(5)]
        other = threads.submit(ask, project_id, 2, seconds=10)
        wait_for(lambda: _waiters(worker, 5))
        go_on.set()

        assert [one.result() for one in same] == [1] * 5
        assert other.result() == 2

    assert worker.answer.call_count == 2


def _waiters(worker: FakeWorker, number: int) -> bool:
    for flight, _ in worker.published:
        fields: Any = valkey.client().hkeys(flight["key"])
        if sum(field.startswith(b"w:") for field in fields) == number:
            return True
    return False


def test_a_kept_answer_needs_no_worker(worker: FakeWorker, project_id: int) -> None:
    first, second = waiting(), waiting()
    assert first("test", question_of(project_id)) == second("test", question_of(project_id)) == 1

    assert len(worker.published) == 1
    assert (first.is_cached, second.is_cached) == (False, True)
    assert second.last_refresh == first.last_refresh == first.now


def test_large_answers_are_not_kept(worker: FakeWorker, project_id: int, settings: Any) -> None:
    settings.INSIGHTS_CACHE_ANSWER = 100
    worker.answer = lambda question, limits: ["x" * 100]

    ask(project_id)
    ask(project_id)

    assert len(worker.published) == 2


def test_the_oldest_make_room(worker: FakeWorker, project_id: int, settings: Any) -> None:
    settings.INSIGHTS_CACHE_BYTES = 1000
    worker.answer = lambda question, limits: ["x" * 300]

    for n in (1, 2, 3):
        ask(project_id, n)
    ask(project_id, 3)
    ask(project_id, 1)

    assert [flight["question"]["n"] for flight, _ in worker.published] == [1, 2, 3, 1]
    kept: Any = valkey.client().hgetall(answers_key(project_id))
    entries = [value for field, value in kept.items() if field not in (b"era", b"bytes")]
    assert int(kept[b"bytes"]) == sum(map(len, entries)) <= 1000
    assert valkey.client().zcard(times_key(project_id)) == len(entries) == 2


def test_an_answer_from_before_an_erasure_is_not_kept(worker: FakeWorker, project_id: int) -> None:
    begun, go_on = Event(), Event()

    def answer(question: Any, limits: Limits) -> Any:
        begun.set()
        return go_on.wait(PATIENCE) and "erased"

    worker.answer = answer
    job = new_job(project_id)
    with pytest.raises(NotYet):
        ask_later(job)
    begun.wait(PATIENCE)

    forget_answers([project_id])
    go_on.set()
    wait_for(lambda: jobs.state(job).ended is not None)

    assert b"erased" not in b"".join(_everything(project_id))
    worker.answer = lambda question, limits: "anew"
    assert fetched(job) == "anew"
    forget_answers([project_id])
    assert b"anew" not in b"".join(_everything(project_id))
    assert fetched(job) == "anew"


def _everything(project_id: int) -> list[bytes]:
    found: list[bytes] = []
    for key in valkey.client().scan_iter(f"{{insights:{project_id}}}*"):
        if valkey.client().type(key) == b"hash":
            values: Any = valkey.client().hvals(key)
            found.extend(values)
    return found


def test_without_a_worker_the_asker_hears_so_soon(sent: Mock, project_id: int, settings: Any) -> None:
    settings.INSIGHTS_PICKUP = 1
    wait_for(lambda: not valkey.client().exists(run.BUSY))
    started = time.monotonic()

    with pytest.raises(QueueUnavailable, match="No worker took the question within 1 seconds"):
        ask(project_id, seconds=30)

    assert 0.9 < time.monotonic() - started < 15


def test_while_workers_are_busy_the_asker_waits(sent: Mock, project_id: int, settings: Any) -> None:
    settings.INSIGHTS_PICKUP = 1
    valkey.client().set(run.BUSY, 1, ex=5)

    with pytest.raises(Outlasted):
        ask(project_id, seconds=2)


def test_a_worker_that_dies_is_noticed(sent: Mock, project_id: int) -> None:
    def take_and_die(name: str, *, args: list[Any], **options: Any) -> None:
        taken = flights.Flight(**args[0])
        flights.take(taken)
        # As if nobody had touched it for a while.
        flights.drop(taken.key, taken.id)

    sent.side_effect = take_and_die

    with pytest.raises(QueueUnavailable, match="gone"):
        ask(project_id, seconds=30)


def test_a_query_goes_on_when_the_wait_ends_and_somebody_comes_back(
    worker: FakeWorker, project_id: int
) -> None:
    done = Event()
    worker.answer = endless(done)
    asking = waiting(seconds=0.5)
    with pytest.raises(Outlasted) as outlasted:
        asking("test", question_of(project_id))

    job = new_job(project_id)
    jobs.take_over(job, asking, outlasted.value)
    wait_for(lambda: all(one.is_long for one in answering.WORKER._running))
    done.set()

    assert fetched(job) == "done"
    assert len(worker.published) == 1


def test_a_query_that_nobody_waits_for_is_stopped(worker: FakeWorker, project_id: int) -> None:
    worker.answer = endless(Event())

    with pytest.raises(Outlasted):
        ask(project_id, seconds=0.5)

    wait_for(lambda: not answering.WORKER._running)
    assert _running_in_clickhouse(worker) == 0


def _running_in_clickhouse(worker: FakeWorker) -> int:
    sql = "SELECT count() FROM system.processes WHERE position(Settings['log_comment'], {mark:String}) > 0"
    mark = worker.published[0][0]["id"]
    return int(client.inspect(sql, parameters={"mark": mark})[0][0])


def test_long_ones_take_turns_and_leave_short_ones_alone(
    worker: FakeWorker, project_id: int, settings: Any
) -> None:
    settings.INSIGHTS_LONG = 1
    done = [Event(), Event()]
    worker.answer = lambda question, limits: (
        question["n"] if question["n"] > 1 else endless(done[question["n"]])(question, limits)
    )
    first, second = new_job(project_id), new_job(project_id)
    for n, job in enumerate((first, second)):
        with pytest.raises(NotYet):
            ask_later(job, n)
        wait_for(lambda: answering.WORKER._running)

    assert ask(project_id, 5) == 5
    wait_for(lambda: len(answering.WORKER._waiting) == 1)
    assert [one.flight.question["n"] for one in answering.WORKER._running] == [0]
    done[0].set()
    assert fetched(first, 0) == "done"
    wait_for(lambda: [one.flight.question["n"] for one in answering.WORKER._running] == [1])
    done[1].set()
    assert fetched(second, 1) == "done"


def test_one_that_becomes_long_when_there_is_no_place_begins_again_later(
    worker: FakeWorker, project_id: int, settings: Any
) -> None:
    settings.INSIGHTS_LONG = 1
    done = [Event(), Event()]
    worker.answer = lambda question, limits: endless(done[question["n"]])(question, limits)
    long = new_job(project_id)
    with pytest.raises(NotYet):
        ask_later(long, 0)
    asking = waiting(seconds=0.5)
    with pytest.raises(Outlasted) as outlasted:
        asking("test", question_of(project_id, 1))
    later = new_job(project_id)
    jobs.take_over(later, asking, outlasted.value)

    wait_for(lambda: len(answering.WORKER._waiting) == 1)
    done[0].set()
    wait_for(lambda: [one.flight.question["n"] for one in answering.WORKER._running] == [1])
    done[1].set()

    assert (fetched(long, 0), fetched(later, 1)) == ("done", "done")
    assert len(worker.published) == 2


def test_one_that_waits_for_a_place_in_vain_is_given_up(
    worker: FakeWorker, project_id: int, settings: Any
) -> None:
    settings.INSIGHTS_LONG = 1
    done = Event()
    worker.answer = endless(done)
    first, second = new_job(project_id), new_job(project_id)
    for n, job in enumerate((first, second)):
        with pytest.raises(NotYet):
            ask_later(job, n)
    wait_for(lambda: len(answering.WORKER._waiting) == 1)
    (waits,) = answering.WORKER._waiting

    jobs.cancel(second if waits.question["n"] == 1 else first)
    wait_for(lambda: not answering.WORKER._waiting)
    done.set()


def test_a_worker_that_ends_leaves_long_ones_to_others(
    worker: FakeWorker, project_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker.answer = endless(Event())
    job = new_job(project_id)
    with pytest.raises(NotYet):
        ask_later(job)
    wait_for(lambda: answering.WORKER._running)

    monkeypatch.setattr(celery_state, "should_stop", 0)
    wait_for(lambda: not answering.WORKER._running)
    worker.answer = lambda question, limits: "by another one"

    assert fetched(job) == "by another one"


def test_a_question_that_kills_its_workers_is_not_sent_for_ever(sent: Mock, project_id: int) -> None:
    sent.side_effect = lambda name, args, **options: flights.drop(args[0]["key"], args[0]["id"])
    job = new_job(project_id)

    for _ in range(jobs.MOST_TRIES):
        with pytest.raises(NotYet):
            ask_later(job)

    with pytest.raises(QuestionFailed):
        ask_later(job)
    assert sent.call_count == jobs.MOST_TRIES


def test_without_valkey_the_asker_hears_at_once(project_id: int, settings: Any) -> None:
    settings.VALKEY_URL = "redis://127.0.0.1:1/0"
    valkey.client.cache_clear()
    started = time.monotonic()
    try:
        with pytest.raises(QueueUnavailable):
            ask(project_id, seconds=30)
    finally:
        valkey.client.cache_clear()

    assert time.monotonic() - started < 15


def test_only_so_many_may_wait(sent: Mock, project_id: int, settings: Any) -> None:
    taken = [run._places.acquire(blocking=False) for _ in range(settings.INSIGHTS_WAITING)]
    try:
        with pytest.raises(TooManyQuestions):
            ask(project_id)
    finally:
        for _ in taken:
            run._places.release()

    assert all(taken)
    sent.assert_not_called()


def test_a_question_that_nobody_waits_for_is_not_run(
    worker: FakeWorker, sent: Mock, project_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "GRACE", 0)
    with pytest.raises(Outlasted):
        ask(project_id, seconds=0.1)
    worker.answer = Mock()

    answer(sent.call_args.kwargs["args"][0])

    worker.answer.assert_not_called()


def test_what_nobody_fetches_is_forgotten(project_id: int) -> None:
    flights.push(["reply:forgotten"], b"x")

    assert 0 < int(valkey.client().ttl("reply:forgotten")) <= flights.REPLY_KEPT


def test_a_query_that_wants_too_much_memory_is_stopped(worker: FakeWorker, project_id: int) -> None:
    def wide_query(question: Any, limits: Limits) -> Any:
        sql = "SELECT length(groupArray(number)) FROM numbers(100000000) WHERE {project_id:Int64} > 0"
        settings = Limits(seconds=limits.seconds, memory=10_000_000).settings(purpose="test")
        return client.query(sql, project_id=1, settings=settings)

    worker.answer = wide_query

    with pytest.raises(QueryTooHeavy):
        ask(project_id)


def test_the_worker_of_the_stack_answers() -> None:
    world = World()
    world.persons("p")
    world.events(world.event_line("A", "p", 0))
    question = {
        "given": {"events": [{"id": "A"}], "funnel_step": 1},
        "project": {
            "id": world.project_id,
            "timezone": "UTC",
            "week_start_day": 0,
            "test_account_filters": [],
        },
        "now": NOON.timestamp(),
        "offset": 0,
        "rows": 10,
    }

    assert waiting(10)("funnel_persons", question) == [str(world.person_id("p"))]
