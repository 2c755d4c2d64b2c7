"""The task that squashes overrides; the schedule starts it."""

import logging
from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.db import OperationalError

from core.exceptions import ClickHouseUnavailable
from core.services.squash_overrides import NotNow, squash_overrides

logger = logging.getLogger(__name__)


@shared_task(name="core.tasks.squash.squash")
def squash() -> None:
    """Squash what is old enough. What cannot be done now is done by the next start."""
    try:
        count = squash_overrides(older_than=timedelta(seconds=settings.SQUASH_AGE))
    except (NotNow, ClickHouseUnavailable, OperationalError) as error:
        logger.warning("the squash waits for its next start: %s", error)
    else:
        logger.info("squashed %d overrides", count)
