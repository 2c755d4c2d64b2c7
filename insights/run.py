"""How a question gets its answer: the request publishes a task and waits in Valkey for the worker's reply.

Both sides speak through one list, ``reply:<id>``: the worker pushes a mark when it takes the question and
later the answer, and lets the list expire. Celery's own result backend is not used: it shares one
subscription among all waiting threads of a process, and is not made for that.

A question that nobody waits for any more is not run: the task expires, and a query gets no more time than
the request has left.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import Any
from uuid import uuid4

import orjson
import redis
from celery import current_app
from django.conf import settings
from kombu.exceptions import OperationalError

from core import valkey
from core.database import release_connection
from core.exceptions import QueryTooHeavy, QueueUnavailable, TooManyQuestions
from insights import failures
from insights.limits import Limits

logger = logging.getLogger(__name__)

#: The task in ``insights.tasks``; by name, for it runs ``respond`` of this module.
TASK = "insights.tasks.answer"
#: Seconds that the worker has for bringing back word of a query that was stopped at the deadline.
GRACE = 2.0
#: Seconds until an answer that nobody fetched is forgotten.
_KEPT = 60
_PICKED_UP = b"picked up"

_places = BoundedSemaphore(settings.INSIGHTS_WAITING)


def deadline() -> float:
    """Until when a request that comes in now may wait, in Unix seconds."""
    return time.time() + settings.INSIGHTS_WAIT


def ask(kind: str, question: Mapping[str, Any], *, until: float) -> Any:
    """The answer to a question of a kind in ``insights.questions``, before ``until`` (Unix seconds).

    Raises ``InvalidInput`` for what only ClickHouse can find wrong, ``TooManyQuestions``,
    ``QueueUnavailable`` (Valkey is away, or no worker takes the question), ``ClickHouseUnavailable``,
    ``QueryTooHeavy`` or ``QuestionFailed``.
    """
    reply_key = f"reply:{uuid4().hex}"
    with _place():
        try:
            _publish(kind, question, until=until, reply_key=reply_key)
            release_connection()
            reply = orjson.loads(_await(reply_key, until=until))
        except (redis.RedisError, OperationalError, OSError) as error:
            logger.warning("Valkey does not answer: %s", error)
            raise QueueUnavailable from error
    if "error" in reply:
        raise failures.from_wire(reply["error"])
    return reply["answer"]


@contextmanager
def _place() -> Iterator[None]:
    """One of the places for waiting requests, so that capture always finds a free thread."""
    if not _places.acquire(blocking=False):
        raise TooManyQuestions
    try:
        yield
    finally:
        _places.release()


def _publish(kind: str, question: Mapping[str, Any], *, until: float, reply_key: str) -> None:
    # Fails within the time-out of the client; publishing alone would try for seconds.
    valkey.client().ping()
    current_app.send_task(
        TASK,
        args=[kind, dict(question), until, reply_key],
        expires=min(settings.INSIGHTS_PICKUP, max(until - time.time(), 0)),
        retry=False,
    )


def _await(reply_key: str, *, until: float) -> bytes:
    first = _pop(reply_key, until=min(until, time.time() + settings.INSIGHTS_PICKUP))
    if first is None:
        raise QueueUnavailable(
            f"No worker took the question within {settings.INSIGHTS_PICKUP} seconds; try again shortly."
        )
    reply = _pop(reply_key, until=until + GRACE) if first == _PICKED_UP else first
    if reply is None:
        raise QueryTooHeavy
    return reply


def _pop(key: str, *, until: float) -> bytes | None:
    """The next element of a list; null when there is none in time.

    One wait is shorter than the client's time-out, so that a Valkey that hangs is noticed.
    """
    while (left := until - time.time()) > 0:
        found: Any = valkey.client().blpop([key], timeout=min(settings.VALKEY_TIMEOUT / 2, max(left, 0.01)))
        if found is not None:
            element: bytes = found[1]
            return element
    return None


def respond(answer: Callable[[Limits], Any], *, until: float, reply_key: str) -> None:
    """The worker's side of ``ask``: ``answer`` is called with what the query may use, and its result goes
    into the list.
    """
    if time.time() >= until:
        return
    try:
        _push(reply_key, _PICKED_UP)
        _push(reply_key, orjson.dumps(_reply(answer, until=until)))
    except redis.RedisError as error:
        logger.warning("an answer got lost, Valkey does not answer: %s", error)


def _reply(answer: Callable[[Limits], Any], *, until: float) -> dict[str, Any]:
    try:
        return {
            "answer": answer(Limits(seconds=max(until - time.time(), 0.1), memory=settings.INSIGHTS_MEMORY))
        }
    except Exception as error:
        return {"error": failures.to_wire(error)}


def _push(key: str, element: bytes) -> None:
    with valkey.client().pipeline(transaction=False) as pipeline:
        pipeline.rpush(key, element)
        pipeline.expire(key, _KEPT)
        pipeline.execute()
