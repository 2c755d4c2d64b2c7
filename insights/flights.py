"""A question on its way through Valkey: many may wait for one answer, and it is worked on as long as anybody does.

A flight is a hash: its random ``id``, its ``state``, and for each who waits a field ``w:<name>`` with the time until
which, in Unix seconds. Requests wait at a list of their own, which gets a mark when a worker takes the question, and
later the reply; an asynchronous query gets the reply into its own hash (``insights.jobs``). Everything that changes a
flight is one script, so whoever joins one that is about to end either gets its reply or makes a new one.

A flight expires unless its worker touches it, so nobody waits for a worker that has died.
"""

import hashlib
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any
from uuid import uuid4

import orjson
from django.conf import settings
from redis.commands.core import Script

from core import valkey
from core.answers import answers_key, times_key

#: Seconds until a flight that no worker touches is forgotten: one that was taken, and one in the queue.
TOUCHED = 10
QUEUED = 60
#: Seconds until a reply that nobody fetched is forgotten.
REPLY_KEPT = 60
PICKED_UP = b"picked up"
RUNNING = "running"
_JOB = "job:"


@dataclass(frozen=True, slots=True)
class Flight:
    """What a worker gets. ``until`` is when whoever asked first stops waiting, ``computed`` the time that the question
    was asked for, both in Unix seconds; ``is_long`` says that nobody waits for the answer with an open request.
    """

    id: str
    key: str
    project_id: int
    kind: str
    question: dict[str, Any]
    digest: str
    version: str
    era: str
    until: float
    computed: float
    is_long: bool

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def flight_key(project_id: int, digest: str, version: str) -> str:
    """The same for questions of which one answer serves."""
    of_version = hashlib.sha256(version.encode()).hexdigest()[:16]
    return f"{{insights:{project_id}}}:flight:{digest}:{of_version}"


def running_key(project_id: int) -> str:
    """A sorted set: names of asynchronous queries that are not done, by when they count as done."""
    return f"{{insights:{project_id}}}:running"


def job_waiter(name: str) -> str:
    """How an asynchronous query waits."""
    return f"{_JOB}{name}"


def is_job(waiter: str) -> bool:
    return waiter.startswith(_JOB)


@dataclass(frozen=True, slots=True)
class Joined:
    """``is_new``: nobody was waiting yet, so the question has to be published."""

    id: str
    is_running: bool
    is_new: bool


_JOIN = """
local id = redis.call('HGET', KEYS[1], 'id')
redis.call('HSET', KEYS[1], 'w:' .. ARGV[2], ARGV[3])
if id then
    return {id, redis.call('HGET', KEYS[1], 'state') or '', 0}
end
redis.call('HSET', KEYS[1], 'id', ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return {ARGV[1], '', 1}
"""


def join(key: str, waiter: str, *, until: float) -> Joined:
    """Wait for the flight, or for a new one."""
    found: Any = run_script(_JOIN, [key], [uuid4().hex, waiter, until, QUEUED])
    flight_id, state, is_new = found
    return Joined(flight_id.decode(), state.decode() == RUNNING, bool(is_new))


_IF_MINE = "if redis.call('HGET', KEYS[1], 'id') ~= ARGV[1] then return {} end\n"


def wait_on(key: str, flight_id: str, waiter: str, *, until: float) -> None:
    """Wait for this flight, or go on waiting for it until then; nothing happens when it has ended."""
    script = _IF_MINE + "redis.call('HSET', KEYS[1], 'w:' .. ARGV[2], ARGV[3]) return {}"
    run_script(script, [key], [flight_id, waiter, until])


def leave(key: str, flight_id: str, waiter: str) -> None:
    """Do not wait any more. A flight that nobody waits for is stopped by its worker."""
    run_script(
        _IF_MINE + "redis.call('HDEL', KEYS[1], 'w:' .. ARGV[2]) return {}", [key], [flight_id, waiter]
    )


def drop(key: str, flight_id: str) -> None:
    """Forget the flight; who waits for it may make a new one."""
    run_script(_IF_MINE + "redis.call('DEL', KEYS[1]) return {}", [key], [flight_id])


def exists(key: str, flight_id: str) -> bool:
    """Whether it is still under way."""
    found: Any = valkey.client().hget(key, "id")
    return found is not None and found.decode() == flight_id


_TOUCH = (
    _IF_MINE
    + """
local waiting, fields = {}, redis.call('HGETALL', KEYS[1])
for i = 1, #fields, 2 do
    if string.sub(fields[i], 1, 2) == 'w:' then
        if tonumber(fields[i + 1]) > tonumber(ARGV[2]) then
            table.insert(waiting, string.sub(fields[i], 3))
        else
            redis.call('HDEL', KEYS[1], fields[i])
        end
    end
end
if #waiting == 0 then
    redis.call('DEL', KEYS[1])
    return {}
end
if ARGV[4] ~= '' then
    redis.call('HSET', KEYS[1], 'state', ARGV[4])
end
redis.call('EXPIRE', KEYS[1], ARGV[3])
return waiting
"""
)


def take(flight: Flight) -> list[str]:
    """Begin to work on it; who waits. Nobody: it was forgotten, or replaced by another one."""
    waiting = _touch(flight, RUNNING)
    with valkey.client().pipeline(transaction=False) as pipeline:
        for waiter in waiting:
            if is_job(waiter):
                _note(pipeline, flight, waiter, "picked")
            else:
                _push(pipeline, waiter, PICKED_UP)
        pipeline.execute()
    return waiting


def touch(flight: Flight) -> list[str]:
    """Who waits, at a flight that is kept for this worker. When nobody does, it is gone."""
    return _touch(flight, "")


def _touch(flight: Flight, state: str) -> list[str]:
    found: Any = run_script(_TOUCH, [flight.key], [flight.id, time.time(), TOUCHED, state])
    return [waiter.decode() for waiter in found]


# The answer is kept, and given to asynchronous queries, only in the era in which it was asked for.
_LAND = """
local answers, times, running, prefix = KEYS[2], KEYS[3], KEYS[4], ARGV[9]
local id, era, digest, entry, reply = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local now, most, kept = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local in_era = redis.call('HGET', answers, 'era') == era
local function forget(field)
    local bytes = redis.call('HINCRBY', answers, 'bytes', -redis.call('HSTRLEN', answers, field))
    redis.call('HDEL', answers, field)
    redis.call('ZREM', times, field)
    return bytes
end
if in_era and entry ~= '' then
    for _, field in ipairs(redis.call('ZRANGEBYSCORE', times, '-inf', now - kept)) do
        forget(field)
    end
    forget(digest)
    redis.call('HSET', answers, digest, entry)
    redis.call('ZADD', times, now, digest)
    local bytes = redis.call('HINCRBY', answers, 'bytes', #entry)
    while bytes > most do
        local oldest = redis.call('ZRANGE', times, 0, 0)[1]
        if not oldest then break end
        bytes = forget(oldest)
    end
    redis.call('EXPIRE', answers, kept)
    redis.call('EXPIRE', times, kept)
end
local waiting = {}
if redis.call('HGET', KEYS[1], 'id') == id then
    for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
        if string.sub(field, 1, 6) == 'w:job:' then
            local name = string.sub(field, 7)
            local left = redis.call('TTL', prefix .. 'job:' .. name)
            if left > 0 then
                if in_era then
                    redis.call('HSET', prefix .. 'job-answers:' .. name, digest, reply)
                    redis.call('EXPIRE', prefix .. 'job-answers:' .. name, left)
                else
                    redis.call('HDEL', prefix .. 'job:' .. name, 'tries')
                end
                redis.call('HSET', prefix .. 'job:' .. name, 'ended', ARGV[6])
            end
            redis.call('ZREM', running, name)
        elseif string.sub(field, 1, 2) == 'w:' then
            table.insert(waiting, string.sub(field, 3))
        end
    end
    redis.call('DEL', KEYS[1])
end
return waiting
"""


def land(flight: Flight, *, reply: bytes, entry: bytes) -> None:
    """Give ``reply`` to who waits, and keep ``entry`` (empty: nothing)."""
    keys = [
        flight.key,
        answers_key(flight.project_id),
        times_key(flight.project_id),
        running_key(flight.project_id),
    ]
    arguments = [
        flight.id,
        flight.era,
        flight.digest,
        entry,
        reply,
        time.time(),
        settings.INSIGHTS_CACHE_BYTES,
        settings.INSIGHTS_CACHE_SECONDS,
        _prefix(flight.project_id),
    ]
    waiting: Any = run_script(_LAND, keys, arguments)
    push((waiter.decode() for waiter in waiting), reply)


def push(waiters: Iterable[str], element: bytes) -> None:
    """Put something into lists at which requests wait."""
    with valkey.client().pipeline(transaction=False) as pipeline:
        for waiter in waiters:
            _push(pipeline, waiter, element)
        pipeline.execute()


def _push(pipeline: Any, waiter: str, element: bytes) -> None:
    pipeline.rpush(waiter, element)
    pipeline.expire(waiter, REPLY_KEPT)


_NOTE = "if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) end"


def _note(pipeline: Any, flight: Flight, waiter: str, what: str) -> None:
    key = f"{_prefix(flight.project_id)}{waiter}"
    pipeline.eval(_NOTE, 1, key, what, time.time())


def _prefix(project_id: int) -> str:
    """Of all keys of a project (``core.answers``)."""
    return f"{{insights:{project_id}}}:"


def read_reply(reply: bytes) -> dict[str, Any]:
    """``{answer, computed}``, or ``{error}`` (``insights.failures``)."""
    read: dict[str, Any] = orjson.loads(reply)
    return read


def run_script(text: str, keys: list[str], arguments: list[Any]) -> Any:
    """What a script of Valkey returns. Raises ``redis.RedisError``."""
    return _script(text)(keys=keys, args=arguments, client=valkey.client())


@lru_cache
def _script(text: str) -> Script:
    return valkey.client().register_script(text)
