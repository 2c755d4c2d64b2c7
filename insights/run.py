"""How a question of a request gets its answer: from those that are kept, from one that is on its way, or from a worker.

The request joins the flight of its question (``insights.flights``), publishes a task if it is the first one, and waits
in Valkey for the worker's reply. Celery's own result backend is not used: it shares one subscription among all waiting
threads of a process, and is not made for that.
"""

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from threading import BoundedSemaphore
from typing import Any
from uuid import uuid4

import redis
from celery import current_app
from django.conf import settings
from kombu.exceptions import OperationalError

from core import valkey
from core.database import release_connection
from core.exceptions import ClientGone, QueueUnavailable, TooManyQuestions
from core.metrics.counts import ANSWERS
from core.selectors.data_version import DataVersion, data_version
from insights import cache, failures, flights
from insights.flights import Flight, Joined

logger = logging.getLogger(__name__)

#: The task in ``insights.tasks``.
TASK = "insights.tasks.answer"
#: Seconds after its wait that a request has for becoming an asynchronous query.
GRACE = 3.0
#: Parameters that no worker needs to know.
_SECRET = frozenset({"personal_api_key"})
#: There as long as a worker is at something, so a question that waits is not alone.
BUSY = "insights:busy"
#: Seconds between two looks whether the worker that took a question still lives, and its client; and until the first.
_LOOK = 1.0
_FIRST_LOOK = 0.2

_places = BoundedSemaphore(settings.INSIGHTS_WAITING)


class Refresh(Enum):
    """Which kept answers a request takes."""

    ORDINARY = "those that are true"
    ANEW = "none"
    WHATEVER = "any"


class Outlasted(Exception):
    """The answer takes longer than a request waits; ``asked`` goes on at ``joined``."""

    def __init__(self, asked: "Asked", joined: Joined) -> None:
        super().__init__("the answer takes longer than a request waits")
        self.asked = asked
        self.joined = joined


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, what of the data it was asked about, and the flight that brings the answer."""

    kind: str
    question: dict[str, Any]
    project_id: int
    last: datetime | None
    digest: str
    version: DataVersion
    #: Of the flight.
    key: str
    #: In seconds since 1970.
    now: float


@dataclass(frozen=True, slots=True)
class Answered:
    """``computed`` is when it was asked, in seconds since 1970."""

    answer: Any
    computed: float
    is_cached: bool


@dataclass(slots=True)
class Asking(ABC):
    """The questions of one request, or of one asynchronous query, asked at ``now``."""

    now: datetime
    refresh: Refresh
    #: What was answered, by digest.
    answered: dict[str, Answered] = field(default_factory=dict)

    @property
    def is_cached(self) -> bool:
        """Whether no worker was asked."""
        return bool(self.answered) and all(one.is_cached for one in self.answered.values())

    @property
    def last_refresh(self) -> datetime:
        """When the oldest of the answers was true."""
        computed = [one.computed for one in self.answered.values()]
        return min([self.now, *(datetime.fromtimestamp(one, UTC) for one in computed)])

    def __call__(self, kind: str, question: Mapping[str, Any], *, last: datetime | None = None) -> Any:
        """The answer to a question of a kind in ``insights.questions``. No event after ``last`` matters to it (null:
        any may).

        Raises ``InvalidInput`` for what only ClickHouse can find wrong, ``QueueUnavailable`` (Valkey is away, or no
        worker takes the question), ``ClickHouseUnavailable``, ``QueryTooHeavy`` or ``QuestionFailed``.
        """
        started = time.perf_counter()
        asked = self._asked(kind, question, last)
        try:
            found = self.find(asked)
        except (redis.RedisError, OperationalError, OSError) as error:
            logger.warning("Valkey does not answer: %s", error)
            raise QueueUnavailable from error
        self.answered[asked.digest] = found
        ANSWERS.observe((kind, "cache" if found.is_cached else "worker"), time.perf_counter() - started)
        return found.answer

    @abstractmethod
    def find(self, asked: Asked) -> Answered:
        """The answer. Raises besides what Valkey's client raises."""

    def kept(self, asked: Asked) -> tuple[str, Answered | None]:
        """The era that a new answer belongs to, and what is kept if this request takes it."""
        era, kept = cache.read(asked.project_id, asked.digest)
        if kept is None or self.refresh is Refresh.ANEW:
            return era, None
        is_true = (
            kept.version == asked.version.text
            and not asked.version.is_late
            and not cache.is_of_another_time(kept.computed, asked.question, last=asked.last, now=self.now)
        )
        if self.refresh is Refresh.WHATEVER or is_true:
            return era, Answered(kept.answer, kept.computed.timestamp(), is_cached=True)
        return era, None

    def _asked(self, kind: str, question: Mapping[str, Any], last: datetime | None) -> Asked:
        given = {name: value for name, value in question["given"].items() if name not in _SECRET}
        whole = {**question, "given": given}
        project_id = whole["project"]["id"]
        version = data_version(project_id, last=last, has_cohorts="cohort" in str(given))
        digest = cache.digest_of(kind, whole)
        # Who joins a flight has seen the same data. While changes are late, an answer is shared within a second.
        shared = f"{version.text} {int(time.time())}" if version.is_late else version.text
        return Asked(
            kind=kind,
            question=whole,
            project_id=project_id,
            last=last,
            digest=digest,
            version=version,
            key=flights.flight_key(project_id, digest, shared),
            now=self.now.timestamp(),
        )


@dataclass(slots=True)
class Waiting(Asking):
    """Waits for answers until ``until`` (Unix seconds). Raises ``TooManyQuestions``, and ``Outlasted`` when an answer
    takes longer. ``is_gone`` says whether whoever asked has hung up, which raises ``ClientGone``.
    """

    until: float = field(default_factory=lambda: time.time() + settings.INSIGHTS_WAIT)
    is_gone: Callable[[], bool] = lambda: False

    def find(self, asked: Asked) -> Answered:
        era, found = self.kept(asked)
        if found is not None:
            return found
        with _place():
            waiter = f"reply:{uuid4().hex}"
            joined = send(asked, waiter, era=era, until=self.until, waits_until=self.until + GRACE)
            release_connection()
            try:
                reply = _await(asked, joined, waiter, until=self.until, is_gone=self.is_gone)
            except ClientGone:
                flights.leave(asked.key, joined.id, waiter)
                raise
        return answer_of(flights.read_reply(reply))


def send(
    asked: Asked, waiter: str, *, era: str, until: float, waits_until: float, is_long: bool = False
) -> Joined:
    """Let ``waiter`` wait for the answer until ``waits_until``; a worker is asked unless one is already."""
    joined = flights.join(asked.key, waiter, until=waits_until)
    if joined.is_new:
        flight = Flight(
            id=joined.id,
            key=asked.key,
            project_id=asked.project_id,
            kind=asked.kind,
            question=asked.question,
            digest=asked.digest,
            version=asked.version.text,
            era=era,
            until=until,
            computed=asked.now,
            is_long=is_long,
        )
        try:
            current_app.send_task(TASK, args=[flight.as_json()], expires=flights.QUEUED, retry=False)
        except Exception:
            flights.drop(flight.key, flight.id)
            raise
    return joined


def answer_of(reply: Mapping[str, Any]) -> Answered:
    """What a worker replied. Raises what went wrong there."""
    if "error" in reply:
        raise failures.from_wire(reply["error"])
    return Answered(reply["answer"], reply["computed"], reply.get("is_cached", False))


@contextmanager
def _place() -> Iterator[None]:
    """One of the places for waiting requests, so that capture always finds a free thread."""
    if not _places.acquire(blocking=False):
        raise TooManyQuestions
    try:
        yield
    finally:
        _places.release()


def _await(asked: Asked, joined: Joined, waiter: str, *, until: float, is_gone: Callable[[], bool]) -> bytes:
    """The reply. While nobody has taken the question, somebody must at least be at work."""
    pickup_until = time.time() + settings.INSIGHTS_PICKUP
    is_picked_up = joined.is_running
    pause = _FIRST_LOOK
    while (left := until - time.time()) > 0:
        element = _pop(waiter, seconds=min(pause, left, settings.VALKEY_TIMEOUT / 2))
        if element == flights.PICKED_UP:
            is_picked_up = True
            continue
        if element is not None:
            return element
        pause = _LOOK
        if is_gone():
            raise ClientGone("The client has hung up.")
        if is_picked_up:
            if not flights.exists(asked.key, joined.id):
                return _last_look(waiter)
        elif time.time() >= pickup_until and not valkey.client().exists(BUSY):
            raise QueueUnavailable(
                f"No worker took the question within {settings.INSIGHTS_PICKUP} seconds; try again shortly."
            )
    raise Outlasted(asked, joined)


def _pop(waiter: str, *, seconds: float) -> bytes | None:
    """The next element of a list; null when there is none in time. The wait is shorter than the client's time-out, so
    that a Valkey that hangs is noticed.
    """
    found: Any = valkey.client().blpop([waiter], timeout=max(seconds, 0.01))
    element: bytes | None = found and found[1]
    return element


def _last_look(waiter: str) -> bytes:
    """The flight has ended; its reply came before that, unless its worker died."""
    while (element := _pop(waiter, seconds=0.1)) == flights.PICKED_UP:
        pass
    if element is None:
        raise QueueUnavailable("The worker that had the question is gone; try again.")
    return element
