"""Tells the worker that cohorts wait for their calculation, once for many requests.

Which cohorts wait is in PostgreSQL; a wake-up that gets lost is made good by the schedule
(``CELERY_BEAT_SCHEDULE``).
"""

import logging

import redis
from celery import current_app
from kombu.exceptions import OperationalError

from core import valkey

logger = logging.getLogger(__name__)

#: The task in ``insights.cohort_tasks``; by name, for it knows how to ask and core does not.
TASK = "insights.cohort_tasks.calculate"
_KEY = "cohorts:wake"
#: Seconds after which a wake-up counts as lost.
_EXPIRY = 5


def wake_calculation() -> None:
    """Start the worker unless it is about to start. Never raises for a queue that is away."""
    try:
        if valkey.client().set(_KEY, 1, nx=True, ex=_EXPIRY):
            current_app.send_task(TASK, retry=False)
    except (redis.RedisError, OperationalError, OSError):
        logger.warning("Valkey does not answer; the schedule will start the calculation")


def wake_up_seen() -> None:
    """Called by the worker before it looks, so that whatever comes later wakes it again."""
    try:
        valkey.client().delete(_KEY)
    except redis.RedisError:
        logger.warning("Valkey does not answer; wake-ups may be late")
