"""The tasks of the ``cohorts`` queue."""

import logging

from celery import shared_task
from django.db import OperationalError

from core.services.cohorts.fill import fill_waiting
from core.services.cohorts.purge import purge_deleted
from core.services.cohorts.request_calculation import request_due
from core.services.cohorts.wake import TASK, wake_up_seen
from insights.cohorts import calculate_waiting

logger = logging.getLogger(__name__)


@shared_task(name=TASK)
def calculate() -> None:
    """Look up the files that wait, and calculate what was asked for; ``core.services.cohorts.wake`` starts it."""
    wake_up_seen()
    try:
        fill_waiting()
        calculate_waiting()
    except OperationalError:
        logger.warning("PostgreSQL does not answer; files and calculations go on when it does")


@shared_task(name="insights.cohort_tasks.look_after")
def look_after() -> None:
    """Ask for the cohorts whose result is old, and calculate; the schedule starts it."""
    try:
        request_due()
        purge_deleted()
    except OperationalError:
        logger.warning("PostgreSQL does not answer; files and calculations go on when it does")
        return
    calculate()
