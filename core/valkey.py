"""The connection to Valkey: the task queue's bookkeeping and the answers of tasks. Nothing durable lives
there.
"""

from functools import lru_cache

import redis
from django.conf import settings


@lru_cache(maxsize=1)
def client() -> redis.Redis:
    """The client of this process; it keeps a pool of connections and may be shared by threads.

    Its calls raise ``redis.RedisError`` within ``VALKEY_TIMEOUT`` seconds when Valkey is away.
    """
    return redis.Redis.from_url(
        settings.VALKEY_URL,
        socket_timeout=settings.VALKEY_TIMEOUT,
        socket_connect_timeout=settings.VALKEY_TIMEOUT,
        health_check_interval=30,
    )
