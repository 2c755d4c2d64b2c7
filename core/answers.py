"""Where Valkey keeps answers to questions about a project (``insights.cache``, ``insights.jobs``), and how they are
forgotten.

All keys of a project have the same text in braces, so that a cluster keeps them on one node and a script can use them
together.
"""

from collections.abc import Iterable
from functools import lru_cache

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
redis.call('DEL', KEYS[1], KEYS[2])
for _, name in ipairs(redis.call('ZRANGE', KEYS[3], 0, -1)) do
    redis.call('DEL', prefix .. 'job-answers:' .. name)
    redis.call('HDEL', prefix .. 'job:' .. name, 'tries')
end
"""


def forget_answers(project_ids: Iterable[int]) -> None:
    """Remove every kept answer about these projects. One that is being made now will not be kept.

    Raises ``QueueUnavailable``.
    """
    try:
        for project_id in project_ids:
            keys = [answers_key(project_id), times_key(project_id), jobs_key(project_id)]
            _script()(keys=keys, client=valkey.client())
    except redis.RedisError as error:
        raise QueueUnavailable from error


@lru_cache(maxsize=1)
def _script() -> Script:
    return valkey.client().register_script(_FORGET)
