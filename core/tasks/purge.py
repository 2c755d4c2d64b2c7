"""The task that erases deleted projects; a request and the schedule start it."""

import logging

from celery import shared_task
from django.db import OperationalError

from core.exceptions import ClickHouseRefused, ServiceUnavailable
from core.outbox.wake import PURGE_KEY, wake_up_seen
from core.services.open_transactions import TransactionsOpen
from core.services.purge_project import NotDelivered, purge_deleted_projects

logger = logging.getLogger(__name__)


@shared_task(name="core.tasks.purge.purge")
def purge() -> None:
    """Erase the projects that were deleted. What cannot be done now is done by the next start."""
    wake_up_seen(PURGE_KEY)
    try:
        purge_deleted_projects()
    except (ServiceUnavailable, ClickHouseRefused, NotDelivered, TransactionsOpen, OperationalError) as error:
        logger.warning("the deletion of a project goes on later: %s", error)
