"""Tells the delivery worker that there is something to send, once for many requests.

The key in Valkey says that a wake-up is under way; the worker removes it before it looks. A request that
finds the key knows that the worker has yet to look and will see its rows. A wake-up that gets lost is made
good by the schedule (``CELERY_BEAT_SCHEDULE``), so a Valkey that is away costs a capture nothing but this
try.
"""

import logging
import time

import redis
from kombu.exceptions import OperationalError

from core import valkey

logger = logging.getLogger(__name__)

KEY = "delivery:wake"
#: Seconds after which a wake-up counts as lost.
EXPIRY = 5
#: Seconds without another try after Valkey did not answer, so that captures do not queue up behind its
#: time-out.
RESPITE = 2.0

_silent_until = 0.0


def wake_delivery() -> None:
    """Start a delivery unless one is about to start. Never raises for a queue that is away."""
    global _silent_until
    if time.monotonic() < _silent_until:
        return
    from core.tasks.delivery import deliver  # the task imports what it delivers, which imports this

    try:
        if valkey.client().set(KEY, 1, nx=True, ex=EXPIRY):
            deliver.apply_async(retry=False)
    except (redis.RedisError, OperationalError, OSError):
        _silent_until = time.monotonic() + RESPITE
        logger.warning("Valkey does not answer; the schedule will start the delivery")


def wake_up_seen() -> None:
    """Called by the worker before it looks, so that whatever comes later wakes it again."""
    try:
        valkey.client().delete(KEY)
    except redis.RedisError:
        logger.warning("Valkey does not answer; wake-ups may be late")
