"""The task that forgets what is old; the schedule starts it."""

import logging

from celery import shared_task
from django.db import OperationalError

from core.exceptions import ClickHouseUnavailable
from core.services.retention import forget_old

logger = logging.getLogger(__name__)


@shared_task(name="core.tasks.retention.forget")
def forget() -> None:
    """Forget what is too old. What cannot be done now is done by the next start."""
    try:
        done = forget_old()
    except (ClickHouseUnavailable, OperationalError) as error:
        logger.warning("what is old is forgotten later: %s", error)
    else:
        logger.info("forgot what is old: %s", done)
