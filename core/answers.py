"""Where Valkey keeps answers to questions about a project (``insights.cache``, ``insights.jobs``), and how they are
forgotten.

All keys of a project have the same text in braces, so that a cluster keeps them on one node and a script can use them
together.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import redis
from redis.commands.core import Script

from core import valkey
from core.exceptions import QueueUnavailable


def answers_key(project_id: int) -> str:
    """A hash of answers by digest. Its field ``era`` is a random text that goes with the answers when they are
    forgotten: who began before then may not add any.
    """
    return f"{{insights:{project_id}}}:answers"


def times_key(project_id: int) -> str:
    """A sorted set: digests of the answers by when they were stored."""
    return f"{{insights:{project_id}}}:times"


def jobs_key(project_id: int) -> str:
    """A sorted set: names of asynchronous queries by when they expire."""
    return f"{{insights:{project_id}}}:jobs"


def job_key(project_id: int, name: str) -> str:
    """A hash: what is known of an asynchronous query, but for its answers."""
    return f"{{insights:{project_id}}}:job:{name}"


def job_answers_key(project_id: int, name: str) -> str:
    """A hash: answers to the questions of an asynchronous query, by digest."""
    return f"{{insights:{project_id}}}:job-answers:{name}"


_FORGET = """
local prefix = string.sub(KEYS[1], 1, -8)
local era, count = redis.call('HGET', KEYS[1], 'era'), redis.call('ZCARD', KEYS[2])
redis.call('DEL', KEYS[1], KEYS[2])
for _, name in ipairs(redis.call('ZRANGE', KEYS[3], 0, -1)) do
    count = count + redis.call('HLEN', prefix .. 'job-answers:' .. name)
    redis.call('DEL', prefix .. 'job-answers:' .. name)
    redis.call('HDEL', prefix .. 'job:' .. name, 'tries')
end
return {era, count}
"""
# A Valkey that takes over from another one may have missed the last moments.
_COUNT = """
if redis.call('HGET', KEYS[1], 'era') ~= ARGV[1] then return 0 end
return redis.call('ZCARD', KEYS[2])
"""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How many answers about a project were removed, and of which era: null when there was none."""

    era: bytes | None
    answers: int


def forget_answers(project_ids: Iterable[int]) -> dict[int, Forgotten]:
    """Remove every kept answer about these projects. One that is being made now will not be kept.

    Raises ``QueueUnavailable``.
    """
    return {project_id: Forgotten(*_run(_FORGET, project_id)) for project_id in project_ids}


def answers_left(forgotten: Mapping[int, Forgotten]) -> dict[int, int]:
    """How many answers are there, by project, that had been removed. Raises ``QueueUnavailable``."""
    return {
        project_id: 0 if one.era is None else _run(_COUNT, project_id, one.era)
        for project_id, one in forgotten.items()
    }


def _run(script: str, project_id: int, *arguments: bytes) -> Any:
    keys = [answers_key(project_id), times_key(project_id), jobs_key(project_id)]
    try:
        return _script(script)(keys=keys, args=arguments, client=valkey.client())
    except redis.RedisError as error:
        raise QueueUnavailable from error


@lru_cache(maxsize=2)
def _script(text: str) -> Script:
    return valkey.client().register_script(text)
