"""At most so many in any so many seconds, counted exactly, by all processes together.

For each limit Valkey keeps the times of what was accepted in the last seconds, oldest first. One script looks at all
limits of a request and adds its time to each, or to none: one round trip, and two requests cannot both be the last one.
The clock is Valkey's, so processes need not agree on the time. A list takes some 20 bytes for each request in it.
"""

import hashlib
import logging
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import redis

from core import valkey
from core.metrics.counts import LIMITS

logger = logging.getLogger(__name__)

#: Seconds for which nothing is counted after Valkey did not answer: not every request is to wait for it in vain.
PAUSE = 5.0
_MICROSECONDS = 1_000_000

# A list may be longer than its limit, after the limit was lowered.
_SCRIPT = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local wait, answer = 0, {}
for i, key in ipairs(KEYS) do
    local limit, window = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
    local oldest = redis.call('LINDEX', key, 0)
    while oldest and tonumber(oldest) <= now - window do
        redis.call('LPOP', key)
        oldest = redis.call('LINDEX', key, 0)
    end
    local count = redis.call('LLEN', key)
    local reset = oldest and tonumber(oldest) + window - now or window
    if count >= limit then
        reset = tonumber(redis.call('LINDEX', key, count - limit)) + window - now
        wait = math.max(wait, reset)
    end
    answer[2 * i - 1], answer[2 * i] = math.max(0, limit - count), reset
end
if wait == 0 then
    for i, key in ipairs(KEYS) do
        redis.call('RPUSH', key, string.format('%.0f', now))
        redis.call('PEXPIRE', key, math.ceil(tonumber(ARGV[2 * i]) / 1000))
        answer[2 * i - 1] = answer[2 * i - 1] - 1
    end
end
return {wait, unpack(answer)}
"""
_DIGEST = hashlib.sha1(_SCRIPT.encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``count`` in any ``seconds``, of what has this ``name``."""

    name: str
    count: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Budget:
    """What is left. Times are whole seconds, rounded up."""

    #: Until the next one is accepted; 0 says that this one was.
    wait: int
    #: Of the limit with the least left.
    limit: int
    remaining: int
    #: Until that one has more left.
    reset: int


_silent_until = 0.0


def take(limits: Sequence[Limit]) -> Budget | None:
    """Take one from each limit, or from none of them if one has nothing left. Null when Valkey is away: what cannot be
    counted is accepted.
    """
    if not limits:
        return None
    started = time.perf_counter()
    budget = _take(limits)
    outcome = "uncounted" if budget is None else "refused" if budget.wait else "accepted"
    LIMITS.observe((outcome,), time.perf_counter() - started)
    return budget


def _take(limits: Sequence[Limit]) -> Budget | None:
    global _silent_until
    if time.monotonic() < _silent_until:
        return None
    arguments = [number for limit in limits for number in (limit.count, limit.seconds * _MICROSECONDS)]
    try:
        wait, *left = _run([f"rate:{limit.name}" for limit in limits], arguments)
    except redis.RedisError as error:
        _silent_until = time.monotonic() + PAUSE
        logger.warning("Valkey does not answer; rates are not limited for %g s: %s", PAUSE, error)
        return None
    remaining, reset, limit = min(zip(left[::2], left[1::2], [one.count for one in limits], strict=True))
    return Budget(_seconds(wait), limit, remaining, _seconds(wait or reset))


def _run(names: list[str], arguments: list[int]) -> list[int]:
    given: list[str | int] = [len(names), *names, *arguments]
    answer: list[int]
    try:
        answer = valkey.ask("EVALSHA", _DIGEST, *given)
    except redis.exceptions.NoScriptError:
        # Valkey is new; it keeps what it is sent.
        answer = valkey.ask("EVAL", _SCRIPT, *given)
    return answer


def _seconds(microseconds: int) -> int:
    return math.ceil(microseconds / _MICROSECONDS)
