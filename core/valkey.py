"""The connection to Valkey: the task queue's bookkeeping and the answers of tasks. Nothing durable lives
there.
"""

from functools import lru_cache
from typing import Any

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


def ask(*command: str | int) -> Any:
    """What Valkey answers to a command of nearly every request, as the client has it from the wire: in half of the time
    that the client itself takes. Raises ``redis.RedisError``, without trying again.
    """
    pool = client().connection_pool
    # It sees to it that the connection is alive.
    connection = pool.get_connection()
    try:
        connection.send_command(*command)  # type: ignore[no-untyped-call]
        return connection.read_response()
    finally:
        pool.release(connection)
