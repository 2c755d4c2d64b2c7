"""How often something happened and how long it took, in all processes together.

A process counts in memory, which costs a request about a microsecond, and adds what it has counted to a hash in Valkey
once a second. What counts is lost with Valkey, and the last second of a process with that process: a counter that
starts anew is nothing new to Prometheus.
"""

import logging
import threading
import time
from bisect import bisect_left
from collections.abc import Mapping
from typing import Final

import redis

from core import valkey

logger = logging.getLogger(__name__)

#: Seconds between two additions.
EVERY = 1.0
_KEY = "metrics:{name}"
#: Between the labels, and before the number of the bucket, in a field of the hash.
_SEPARATOR = "\x1f"
_SUM = "sum"

Labels = tuple[str, ...]


class Durations:
    """Durations, in seconds, by labels: a histogram of Prometheus."""

    def __init__(self, name: str, meaning: str, *, labels: Labels, bounds: tuple[float, ...]) -> None:
        self.name: Final = name
        self.meaning: Final = meaning
        self.labels: Final = labels
        #: Upper bounds of the buckets; there is one more, without a bound.
        self.bounds: Final = bounds
        self._counted: dict[Labels, list[float]] = {}
        self._lock = threading.Lock()

    def observe(self, labels: Labels, seconds: float) -> None:
        with self._lock:
            counted = self._counted.get(labels)
            if counted is None:
                counted = self._counted[labels] = self._nothing()
            counted[bisect_left(self.bounds, seconds)] += 1
            counted[-1] += seconds
        if not _something.is_set():
            _wake()

    def flush(self) -> None:
        """Add what was counted to Valkey. Raises ``redis.RedisError``, and has lost nothing then."""
        with self._lock:
            counted, self._counted = self._counted, {}
        if not counted:
            return
        try:
            self._add(counted)
        except redis.RedisError:
            with self._lock:
                for labels, more in counted.items():
                    kept = self._counted.setdefault(labels, self._nothing())
                    self._counted[labels] = [one + other for one, other in zip(kept, more, strict=True)]
            raise

    def read(self) -> dict[Labels, list[float]]:
        """What all processes have counted: a number for each bucket, then the sum of the seconds. Raises
        ``redis.RedisError``.
        """
        stored: Mapping[bytes, bytes] = valkey.client().hgetall(_KEY.format(name=self.name))  # type: ignore[assignment]
        found: dict[Labels, list[float]] = {}
        for field, value in stored.items():
            *labels, place = field.decode().split(_SEPARATOR)
            # Another version of the program may have had other labels or buckets.
            if len(labels) == len(self.labels) and (place == _SUM or int(place) <= len(self.bounds)):
                counted = found.setdefault(tuple(labels), self._nothing())
                counted[-1 if place == _SUM else int(place)] = float(value)
        return found

    def _add(self, counted: Mapping[Labels, list[float]]) -> None:
        key = _KEY.format(name=self.name)
        with valkey.client().pipeline(transaction=True) as pipeline:
            for labels, (*buckets, seconds) in counted.items():
                field = _SEPARATOR.join(labels)
                for place, count in enumerate(buckets):
                    if count:
                        pipeline.hincrby(key, f"{field}{_SEPARATOR}{place}", int(count))
                pipeline.hincrbyfloat(key, f"{field}{_SEPARATOR}{_SUM}", seconds)
            pipeline.execute()

    def _nothing(self) -> list[float]:
        return [0.0] * (len(self.bounds) + 2)


REQUESTS = Durations(
    "persons_api_request_seconds",
    "Time until a request was answered.",
    labels=("method", "route", "status"),
    bounds=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
)
CLICKHOUSE = Durations(
    "persons_api_clickhouse_seconds",
    "Time that ClickHouse took for a statement.",
    labels=("kind", "outcome"),
    bounds=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)
ANSWERS = Durations(
    "persons_api_answer_seconds",
    "Time until a question of an analytical request had its answer.",
    labels=("kind", "source"),
    bounds=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
)
LIMITS = Durations(
    "persons_api_rate_limit_seconds",
    "Time until a request was counted against its limits; uncounted ones pass, for Valkey is away.",
    labels=("outcome",),
    bounds=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1.0, 2.5),
)
ALL = (REQUESTS, CLICKHOUSE, ANSWERS, LIMITS)

_something = threading.Event()
_starting = threading.Lock()
_thread: threading.Thread | None = None


def _wake() -> None:
    """Have what was counted added before long."""
    global _thread
    _something.set()
    if _thread is None or not _thread.is_alive():
        with _starting:
            if _thread is None or not _thread.is_alive():
                _thread = threading.Thread(target=_keep_flushing, name="metrics", daemon=True)
                _thread.start()


def _keep_flushing() -> None:
    while True:
        _something.wait()
        time.sleep(EVERY)
        _something.clear()
        try:
            for durations in ALL:
                durations.flush()
        except redis.RedisError:
            # Whoever needs Valkey says that it is away. The next observation comes back here.
            logger.debug("Valkey does not answer; what was counted is kept")
