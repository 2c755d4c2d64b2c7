"""The tasks that erase and that clear the disk of what was erased; a request and the schedule start them."""

import logging

from celery import shared_task
from django.db import OperationalError

from core.exceptions import ServiceUnavailable
from core.outbox.wake import ERASURE_KEY, wake_up_seen
from core.services.erase import NotDelivered, erase_waiting
from core.services.open_transactions import TransactionsOpen
from core.services.scrub import ScrubRunning, is_due, scrub
from core.services.squash_overrides import NotNow

logger = logging.getLogger(__name__)


@shared_task(name="core.tasks.erase.erase")
def erase() -> None:
    """Erase what waits. What cannot be done now is done by the next start."""
    wake_up_seen(ERASURE_KEY)
    try:
        erase_waiting()
    except (ServiceUnavailable, NotDelivered, TransactionsOpen, OperationalError) as error:
        logger.warning("the erasure goes on later: %s", error)


@shared_task(name="core.tasks.erase.scrub_when_due")
def scrub_when_due() -> None:
    """Clear the disk when it is time."""
    try:
        if is_due():
            scrub()
    except (ServiceUnavailable, ScrubRunning, NotNow, OperationalError) as error:
        logger.warning("clearing the disk waits for its next start: %s", error)
