"""The worker's side of ``insights.run``: answers questions, stops what nobody waits for, and sees to it that long
questions leave threads to short ones.

A thread of the worker runs one question at a time. Another thread, which lives while there are any, touches their
flights in Valkey a few times a second and has the queries of those that must end stopped in ClickHouse, again and again
until they do: a question may be several queries.
"""

import logging
import threading
import time
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from typing import Any

import orjson
import redis
from django.conf import settings

from core import valkey
from core.clickhouse import running as queries
from core.exceptions import ClickHouseUnavailable, QueryTooHeavy
from insights import cache, failures, flights
from insights.flights import Flight
from insights.limits import Limits
from insights.questions import KINDS
from insights.run import BUSY, GRACE

logger = logging.getLogger(__name__)

#: Seconds between two looks at what runs.
LOOK = 0.25
_BUSY_SECONDS = 3


class End(Enum):
    """Why a question is stopped."""

    #: Nobody waits for it.
    UNWANTED = auto()
    #: Nobody may wait for it any longer.
    TOO_LONG = auto()
    #: It goes on later, from its start, when fewer long ones run.
    LATER = auto()
    #: Somebody else has to do it.
    SHUTDOWN = auto()


@dataclass(slots=True, eq=False)
class Running:
    """A question that a thread is at; ``is_long`` when it has one of the places for long ones."""

    flight: Flight
    is_long: bool
    end: End | None = None


class Worker:
    """The questions of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._something = threading.Event()
        self._watch: threading.Thread | None = None
        self._running: list[Running] = []
        #: Long ones that wait for a place.
        self._waiting: deque[Flight] = deque()
        self._long = 0
        self._told_busy = 0.0

    def answer(self, flight: Flight) -> None:
        """Answer the question of ``flight``, unless somebody else has or nobody waits any more. A long one may be left
        to whichever thread has a place for it later.
        """
        is_long = flight.is_long or time.time() >= flight.until
        if is_long and not self._take_place_or_wait(flight):
            return
        running: Running | None = Running(flight, is_long)
        while running is not None:
            try:
                self._answer(running)
            except redis.RedisError as error:
                logger.warning("an answer got lost, Valkey does not answer: %s", error)
            running = self._next(running)

    def _answer(self, running: Running) -> None:
        flight = running.flight
        if not flights.take(flight):
            return
        self._begin(running)
        try:
            # The wait of the request is no limit of the query: it may go on without it.
            limits = Limits(
                seconds=settings.INSIGHTS_LONGEST, memory=settings.INSIGHTS_MEMORY, mark=flight.id
            )
            found = KINDS[flight.kind](flight.question, limits)
            reply: dict[str, Any] = {"answer": found, "computed": flight.computed}
            entry = cache.entry_of(
                flight.kind, cache.Kept(flight.version, datetime.fromtimestamp(flight.computed, UTC), found)
            )
        except Exception as error:
            entry = b""
            reply = {"error": failures.to_wire(error if running.end is None else QueryTooHeavy())}
        finally:
            self._end(running)
        if running.end is End.LATER and "error" in reply:
            with self._lock:
                self._waiting.append(flight)
            self._wake()
        elif running.end is End.SHUTDOWN and "error" in reply:
            flights.drop(flight.key, flight.id)
        elif running.end is not End.UNWANTED or "answer" in reply:
            flights.land(flight, reply=orjson.dumps(reply), entry=entry)

    def _take_place_or_wait(self, flight: Flight) -> bool:
        with self._lock:
            if self._long < settings.INSIGHTS_LONG:
                self._long += 1
                return True
            self._waiting.append(flight)
        self._wake()
        return False

    def _next(self, done: Running) -> Running | None:
        """The long one whose turn it is in the place of one that is done."""
        with self._lock:
            if not done.is_long:
                return self._next_waiting() if self._long < settings.INSIGHTS_LONG else None
            self._long -= 1
            return self._next_waiting()

    def _next_waiting(self) -> Running | None:
        if not self._waiting:
            return None
        self._long += 1
        return Running(self._waiting.popleft(), is_long=True)

    def _begin(self, running: Running) -> None:
        with self._lock:
            self._running.append(running)
        self._wake()

    def _end(self, running: Running) -> None:
        with self._lock:
            self._running.remove(running)

    def _wake(self) -> None:
        self._something.set()
        with self._lock:
            if self._watch is None or not self._watch.is_alive():
                self._watch = threading.Thread(target=self._keep_looking, name="questions", daemon=True)
                self._watch.start()

    def _keep_looking(self) -> None:
        while True:
            self._something.wait()
            with self._lock:
                running, waiting = list(self._running), list(self._waiting)
                if not running and not waiting:
                    self._something.clear()
                    continue
            try:
                self._look(running, waiting)
            except Exception:
                # Whatever it was, the next look must come.
                logger.exception("a look at the running questions failed")
            time.sleep(LOOK)

    def _look(self, running: list[Running], waiting: list[Flight]) -> None:
        self._tell_busy()
        for one in running:
            if one.end is None:
                self._judge(one)
            if one.end is not None:
                _stop(one.flight)
        for flight in waiting:
            if not _waiters(flight):
                with self._lock:
                    if flight in self._waiting:
                        self._waiting.remove(flight)

    def _judge(self, one: Running) -> None:
        waiters = _waiters(one.flight)
        if waiters is not None and not waiters:
            one.end = End.UNWANTED
        elif one.is_long:
            if _is_stopping():
                one.end = End.SHUTDOWN
        elif time.time() > one.flight.until + GRACE / 2:
            one.end = self._end_of_wait(one, waiters or [])

    def _end_of_wait(self, one: Running, waiters: list[str]) -> End | None:
        if not any(map(flights.is_job, waiters)):
            return End.TOO_LONG
        with self._lock:
            if self._long >= settings.INSIGHTS_LONG:
                return End.LATER
            self._long += 1
            one.is_long = True
        return None

    def _tell_busy(self) -> None:
        if time.monotonic() - self._told_busy >= 1:
            self._told_busy = time.monotonic()
            try:
                valkey.client().set(BUSY, 1, ex=_BUSY_SECONDS)
            except redis.RedisError as error:
                logger.warning("Valkey does not answer: %s", error)


def _waiters(flight: Flight) -> list[str] | None:
    """Who waits; null when that cannot be known."""
    try:
        return flights.touch(flight)
    except redis.RedisError as error:
        logger.warning("Valkey does not answer: %s", error)
        return None


def _stop(flight: Flight) -> None:
    try:
        queries.stop(flight.id)
    except ClickHouseUnavailable as error:
        logger.warning("a query cannot be stopped: %s", error)


def _is_stopping() -> bool:
    """Whether this worker was told to end."""
    from celery.worker import state  # nothing for the processes that only ask

    return state.should_stop is not None


WORKER = Worker()
