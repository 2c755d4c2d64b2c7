"""Asynchronous queries: a request whose answer is fetched later.

Valkey keeps the request for a day, and the answers to its questions as they come. Whoever asks how far it is has the
request answered again from these; what is missing is on its way, or is sent for once more. So a result shows persons
as they are when it is fetched, nobody works for it in vain, and an erasure takes kept answers away without ending the
query (``core.answers``).

A query is found by its id together with who started it: for anybody else it does not exist.
"""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson
from django.conf import settings

from core import valkey
from core.answers import answers_key, job_answers_key, job_key, jobs_key
from insights import cache, flights
from insights.cache import ERA
from insights.failures import QuestionFailed
from insights.flights import Joined
from insights.run import Answered, Asked, Asking, Outlasted, Refresh, answer_of, send

#: Seconds for which an answer is waited for that nobody asked to have later: unless somebody fetches it, the client of
#: the request that took too long may be gone.
PATIENCE = 60
#: How often a query sends for answers: a worker that dies of one would die again.
MOST_TRIES = 10


class NotYet(Exception):
    """An answer is missing."""


class TooManyJobs(Exception):
    """So many asynchronous queries of the project are not done."""


@dataclass(frozen=True, slots=True)
class Job:
    """An asynchronous query. ``request`` is what ``insights.api.replay`` needs; times are Unix seconds.

    With ``is_patient`` somebody asked to have the answer later; else a request took too long.
    """

    id: str
    name: str
    project_id: int
    request: dict[str, Any]
    refresh: Refresh
    started: float
    is_patient: bool

    @property
    def key(self) -> str:
        return job_key(self.project_id, self.name)

    @property
    def expires(self) -> float:
        return self.started + float(settings.INSIGHTS_RESULT_SECONDS)

    @property
    def now(self) -> datetime:
        """When its questions are asked."""
        return datetime.fromtimestamp(self.started, UTC)


@dataclass(frozen=True, slots=True)
class State:
    """What happened to a job: when a worker took a question of it last, and when one ended, in Unix seconds; the mark
    of its queries.
    """

    picked: float | None
    ended: float | None
    mark: str | None
    is_cancelled: bool


def job_name(caller: str, job_id: str) -> str:
    """What the job is kept under: who knows the id and is not the caller finds nothing."""
    return hashlib.sha256(f"{caller}\0{job_id}".encode()).hexdigest()[:32]


def begin(job: Job) -> None:
    """Keep the job. Raises ``TooManyJobs`` or ``redis.RedisError``."""
    running = flights.running_key(job.project_id)
    client = valkey.client()
    with client.pipeline(transaction=True) as pipeline:
        pipeline.zremrangebyscore(running, "-inf", time.time())
        pipeline.zscore(running, job.name)
        pipeline.zcard(running)
        _, is_counted, count = pipeline.execute()
    if is_counted is None and count >= settings.INSIGHTS_ASYNC and job.is_patient:
        raise TooManyJobs
    fields: dict[Any, Any] = {
        "id": job.id,
        "request": orjson.dumps(job.request),
        "refresh": job.refresh.name,
        "started": job.started,
        "is_patient": int(job.is_patient),
    }
    with client.pipeline(transaction=True) as pipeline:
        pipeline.delete(job.key, job_answers_key(job.project_id, job.name))
        pipeline.hset(job.key, mapping=fields)
        pipeline.expire(job.key, settings.INSIGHTS_RESULT_SECONDS)
        pipeline.zremrangebyscore(jobs_key(job.project_id), "-inf", time.time())
        pipeline.zadd(jobs_key(job.project_id), {job.name: job.expires})
        pipeline.expire(jobs_key(job.project_id), settings.INSIGHTS_RESULT_SECONDS)
        pipeline.execute()


def find(project_id: int, caller: str, job_id: str) -> Job | None:
    """The caller's job; null when there is none (any more). Raises ``redis.RedisError``."""
    name = job_name(caller, job_id)
    wanted = ["id", "request", "refresh", "started", "is_patient"]
    found: Any = valkey.client().hmget(job_key(project_id, name), wanted)
    if any(value is None for value in found):
        return None
    _, request, refresh, started, is_patient = found
    return Job(
        id=job_id,
        name=name,
        project_id=project_id,
        request=orjson.loads(request),
        refresh=Refresh[refresh.decode()],
        started=float(started),
        is_patient=is_patient == b"1",
    )


def state(job: Job) -> State:
    """Raises ``redis.RedisError``."""
    found: Any = valkey.client().hmget(job.key, ["picked", "ended", "mark", "cancelled"])
    picked, ended, mark, cancelled = found
    return State(
        picked=picked and float(picked),
        ended=ended and float(ended),
        mark=mark and mark.decode(),
        is_cancelled=cancelled is not None,
    )


def cancel(job: Job) -> None:
    """The job waits for nothing any more; a query that nobody else waits for is stopped.

    Raises ``redis.RedisError``.
    """
    found: Any = valkey.client().hmget(job.key, ["flight", "mark"])
    flight, mark = found
    if flight is not None:
        flights.leave(flight.decode(), mark.decode(), flights.job_waiter(job.name))
    with valkey.client().pipeline(transaction=True) as pipeline:
        pipeline.hset(job.key, "cancelled", 1)
        pipeline.expire(job.key, settings.INSIGHTS_RESULT_SECONDS)
        pipeline.delete(job_answers_key(job.project_id, job.name))
        pipeline.zrem(flights.running_key(job.project_id), job.name)
        pipeline.execute()


@dataclass(slots=True)
class AskingLater(Asking):
    """The questions of a job. Raises ``NotYet`` for an answer that is missing, and sees to it that it comes."""

    job: Job = field(kw_only=True)

    def find(self, asked: Asked) -> Answered:
        reply = self._reply(asked)
        if reply is None:
            flight, mark = self._flight()
            if flight and mark and flights.exists(flight, mark):
                # It goes on, whatever the data are by now.
                flights.wait_on(flight, mark, flights.job_waiter(self.job.name), until=self._patience())
                _count_as_running(self.job)
                raise NotYet
            # It may have landed in between.
            reply = self._reply(asked) if flight else None
        if reply is not None:
            return answer_of(flights.read_reply(reply))
        era, found = self.kept(asked)
        if found is not None:
            keep(self.job, asked.digest, found, era=era)
            return found
        self._send(asked, era=era)
        raise NotYet

    def _reply(self, asked: Asked) -> bytes | None:
        reply: Any = valkey.client().hget(job_answers_key(self.job.project_id, self.job.name), asked.digest)
        found: bytes | None = reply
        return found

    def _flight(self) -> tuple[str | None, str | None]:
        """The key and the id of the one that the job waits for."""
        found: Any = valkey.client().hmget(self.job.key, ["flight", "mark"])
        flight, mark = found
        return flight and flight.decode(), mark and mark.decode()

    def _send(self, asked: Asked, *, era: str) -> None:
        tries: Any = valkey.client().hincrby(self.job.key, "tries", 1)
        if tries > MOST_TRIES:
            raise QuestionFailed
        waiter = flights.job_waiter(self.job.name)
        joined = send(asked, waiter, era=era, until=time.time(), waits_until=self._patience(), is_long=True)
        attach(self.job, asked, joined)

    def _patience(self) -> float:
        """Until when it waits, unless it is asked for again, in Unix seconds."""
        return self.job.expires if self.job.is_patient else time.time() + PATIENCE


def attach(job: Job, asked: Asked, joined: Joined) -> None:
    """Note the flight that the job waits for. Raises ``redis.RedisError``."""
    with valkey.client().pipeline(transaction=True) as pipeline:
        pipeline.hset(job.key, mapping={"flight": asked.key, "mark": joined.id})
        pipeline.expire(job.key, settings.INSIGHTS_RESULT_SECONDS)
        pipeline.execute()
    _count_as_running(job)


def _count_as_running(job: Job) -> None:
    """Until it has its answer; or until that could have come, if the worker has died and nobody asks."""
    until = time.time() + (settings.INSIGHTS_LONGEST if job.is_patient else PATIENCE)
    running = flights.running_key(job.project_id)
    with valkey.client().pipeline(transaction=True) as pipeline:
        pipeline.zadd(running, {job.name: until})
        pipeline.expire(running, settings.INSIGHTS_RESULT_SECONDS)
        pipeline.execute()


def keep(job: Job, digest: str, answered: Answered, *, era: str) -> None:
    """The answer becomes the job's own. Raises ``redis.RedisError``."""
    reply = orjson.dumps(
        {"answer": answered.answer, "computed": answered.computed, "is_cached": answered.is_cached}
    )
    flights.run_script(
        _KEEP,
        [answers_key(job.project_id), job_answers_key(job.project_id, job.name)],
        [ERA, era, digest, reply, settings.INSIGHTS_RESULT_SECONDS],
    )


_KEEP = """
if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then
    redis.call('HSET', KEYS[2], ARGV[3], ARGV[4])
    redis.call('EXPIRE', KEYS[2], ARGV[5])
end
"""


def take_over(job: Job, asking: Asking, outlasted: Outlasted) -> None:
    """``job`` goes on where a request has stopped waiting. Raises ``redis.RedisError``."""
    asked, joined = outlasted.asked, outlasted.joined
    begin(job)
    era, _ = cache.read(job.project_id, asked.digest)
    for digest, answered in asking.answered.items():
        keep(job, digest, answered, era=era)
    attach(job, asked, joined)
    flights.wait_on(asked.key, joined.id, flights.job_waiter(job.name), until=time.time() + PATIENCE)


def same_request(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether a job that was started by ``one`` may answer ``other``."""
    return orjson.dumps(one, option=orjson.OPT_SORT_KEYS) == orjson.dumps(other, option=orjson.OPT_SORT_KEYS)
