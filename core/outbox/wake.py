"""Tells the workers of delivery, of erasure and of webhooks that there is something to do, once for many requests.

The key in Valkey says that a wake-up is under way; the worker removes it before it looks. A request that
finds the key knows that the worker has yet to look and will see its rows. A wake-up that gets lost is made
good by the schedule (``CELERY_BEAT_SCHEDULE``), so a Valkey that is away costs a capture nothing but this
try.
"""

import logging
import time

import redis
from celery import current_app
from kombu.exceptions import OperationalError

from core import valkey

logger = logging.getLogger(__name__)

KEY = "delivery:wake"
ERASURE_KEY = "erasure:wake"
WEBHOOKS_KEY = "webhooks:wake"
PURGE_KEY = "purge:wake"
#: Seconds after which a wake-up counts as lost.
EXPIRY = 5
#: Seconds without another try after Valkey did not answer, so that captures do not queue up behind its
#: time-out.
RESPITE = 2.0

_silent_until = 0.0


def wake_delivery() -> None:
    """Start a delivery unless one is about to start. Never raises for a queue that is away."""
    _wake(KEY, "core.tasks.delivery.deliver")


def wake_erasure() -> None:
    """The same for an erasure."""
    _wake(ERASURE_KEY, "core.tasks.erase.erase")


def wake_webhooks() -> None:
    """The same for what webhooks are told."""
    _wake(WEBHOOKS_KEY, "core.tasks.webhooks.send")


def wake_purge() -> None:
    """The same for the deletion of a project."""
    _wake(PURGE_KEY, "core.tasks.purge.purge")


def _wake(key: str, task: str) -> None:
    global _silent_until
    if time.monotonic() < _silent_until:
        return
    try:
        if valkey.client().set(key, 1, nx=True, ex=EXPIRY):
            # By its name: the task imports what it does, which imports this.
            current_app.send_task(task, retry=False)
    except (redis.RedisError, OperationalError, OSError):
        _silent_until = time.monotonic() + RESPITE
        logger.warning("Valkey does not answer; the schedule will start what waits")


def wake_up_seen(key: str = KEY) -> None:
    """Called by the worker before it looks, so that whatever comes later wakes it again."""
    try:
        valkey.client().delete(key)
    except redis.RedisError:
        logger.warning("Valkey does not answer; wake-ups may be late")


def keep_awake(key: str) -> None:
    """Called now and then by a worker that looks again and again: nobody need wake it, until it says that it saw the
    last wake-up.
    """
    try:
        valkey.client().set(key, 1, ex=EXPIRY)
    except redis.RedisError:
        logger.warning("Valkey does not answer; a worker may be woken in vain")
