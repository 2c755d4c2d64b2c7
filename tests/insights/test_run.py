"""Questions and answers through Valkey: what the asker gets when anything on the way fails, and how soon."""

import time
from threading import Thread
from typing import Any
from unittest.mock import Mock

import orjson
import pytest
from celery import current_app

from core import valkey
from core.clickhouse import client
from core.exceptions import (
    ClickHouseUnavailable,
    InvalidInput,
    QueryTooHeavy,
    QueueUnavailable,
    TooManyQuestions,
)
from insights import run
from insights.failures import QuestionFailed
from insights.limits import Limits
from insights.questions import KINDS
from insights.tasks import answer
from tests.insights.world import NOON, World

LONGEST = 10**9


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Mock:
    """Nobody takes what is published."""
    published = Mock()
    monkeypatch.setattr(current_app, "send_task", published)
    return published


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A worker in a thread that answers the kind ``test`` by ``worker["answer"]``, with what was published."""
    state: dict[str, Any] = {}

    def send(name: str, *, args: list[Any], **options: Any) -> None:
        assert name == "insights.tasks.answer"
        state["published"] = orjson.loads(orjson.dumps(args)), options
        Thread(target=answer, args=state["published"][0]).start()

    monkeypatch.setattr(current_app, "send_task", send)
    monkeypatch.setitem(KINDS, "test", lambda question, limits: state["answer"](question, limits))
    return state


def ask(question: Any = None, *, seconds: float = 5) -> Any:
    return run.ask("test", question or {}, until=time.time() + seconds)


def test_the_answer_comes_back(worker: dict[str, Any]) -> None:
    worker["answer"] = lambda question, limits: [question["n"] + 1]

    assert ask({"n": 1}) == [2]

    _, options = worker["published"]
    assert 0 < options["expires"] <= 5
    assert options["retry"] is False


def test_a_query_gets_what_is_left_of_the_time(worker: dict[str, Any]) -> None:
    worker["answer"] = lambda question, limits: [limits.seconds, limits.memory]

    seconds, memory = ask(seconds=3)

    assert 2 < seconds <= 3
    assert memory == 1_000_000_000


@pytest.mark.parametrize("error", [ClickHouseUnavailable(), QueryTooHeavy()])
def test_failures_of_the_system_come_back_as_they_are(worker: dict[str, Any], error: Exception) -> None:
    worker["answer"] = Mock(side_effect=error)

    with pytest.raises(type(error)):
        ask()


def test_mistakes_come_back_with_their_field(worker: dict[str, Any]) -> None:
    worker["answer"] = Mock(side_effect=InvalidInput("No.", attr="properties[1]"))

    with pytest.raises(InvalidInput, match=r"No\.") as caught:
        ask()

    assert caught.value.attr == "properties[1]"


def test_a_defect_is_no_silence(worker: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    worker["answer"] = Mock(side_effect=KeyError("x"))

    with pytest.raises(QuestionFailed):
        ask()

    assert "a question failed" in caplog.text


def test_without_a_worker_the_asker_hears_so_soon(sent: Mock, settings: Any) -> None:
    settings.INSIGHTS_PICKUP = 1
    started = time.monotonic()

    with pytest.raises(QueueUnavailable):
        ask(seconds=30)

    assert 0.9 < time.monotonic() - started < 2
    assert sent.call_args.kwargs["expires"] == 1


def test_without_an_answer_in_time_the_query_was_too_heavy(sent: Mock) -> None:
    sent.side_effect = lambda name, args, **options: valkey.client().rpush(args[3], b"picked up")
    started = time.monotonic()

    with pytest.raises(QueryTooHeavy):
        ask(seconds=0.5)

    assert time.monotonic() - started < 0.5 + run.GRACE + 1


def test_without_valkey_the_asker_hears_at_once(settings: Any) -> None:
    settings.VALKEY_URL = "redis://127.0.0.1:1/0"
    valkey.client.cache_clear()
    started = time.monotonic()
    try:
        with pytest.raises(QueueUnavailable):
            ask(seconds=30)
    finally:
        valkey.client.cache_clear()

    assert time.monotonic() - started < settings.VALKEY_TIMEOUT + 1


def test_only_so_many_may_wait(sent: Mock, settings: Any) -> None:
    taken = [run._places.acquire(blocking=False) for _ in range(settings.INSIGHTS_WAITING)]
    try:
        with pytest.raises(TooManyQuestions):
            ask()
    finally:
        for _ in taken:
            run._places.release()

    assert all(taken)
    sent.assert_not_called()


def test_a_question_that_nobody_waits_for_is_not_run() -> None:
    question = Mock()

    run.respond(question, until=time.time() - 1, reply_key="reply:nobody")

    question.assert_not_called()
    assert valkey.client().exists("reply:nobody") == 0


def test_what_nobody_fetches_is_forgotten() -> None:
    run.respond(lambda limits: 1, until=time.time() + 5, reply_key="reply:forgotten")

    assert 0 < valkey.client().ttl("reply:forgotten") <= 60


def test_a_long_query_is_stopped_in_clickhouse(worker: dict[str, Any]) -> None:
    purpose = "test of a long query"

    def long_query(question: Any, limits: Limits) -> Any:
        sql = "SELECT sum(sleepEachRow(0.01)) FROM numbers(100000) WHERE {project_id:Int64} > 0"
        return client.query(
            sql, project_id=1, settings={**limits.settings(purpose=purpose), "max_block_size": 100}
        )

    worker["answer"] = long_query
    started = time.monotonic()

    with pytest.raises(QueryTooHeavy):
        ask(seconds=1)

    assert time.monotonic() - started < 5
    running = "SELECT count() FROM system.processes WHERE Settings['log_comment'] = {purpose:String}"
    assert client.inspect(running, parameters={"purpose": purpose})[0][0] == 0


def test_a_query_that_wants_too_much_memory_is_stopped(worker: dict[str, Any]) -> None:
    def wide_query(question: Any, limits: Limits) -> Any:
        sql = "SELECT length(groupArray(number)) FROM numbers(100000000) WHERE {project_id:Int64} > 0"
        settings = Limits(seconds=limits.seconds, memory=10_000_000).settings(purpose="test")
        return client.query(sql, project_id=1, settings=settings)

    worker["answer"] = wide_query

    with pytest.raises(QueryTooHeavy):
        ask()


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

    assert run.ask("funnel_persons", question, until=time.time() + 10) == [str(world.person_id("p"))]
