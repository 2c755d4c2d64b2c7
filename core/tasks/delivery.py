"""The task that carries buffers to ClickHouse; ``core.outbox.wake`` and the schedule start it."""

import logging
import time

from celery import shared_task
from django.conf import settings
from django.db import OperationalError

from core.exceptions import ClickHouseUnavailable
from core.outbox.deliver import deliver_all
from core.outbox.wake import wake_up_seen

logger = logging.getLogger(__name__)

_last_start = 0.0


@shared_task(name="core.tasks.delivery.deliver")
def deliver() -> None:
    """Send what waits. A store that is away is no error: the rows stay, and the next start finds them."""
    global _last_start
    # The first event after a silence leaves at once; under load many requests share one insert.
    time.sleep(max(0.0, _last_start + settings.DELIVERY_PAUSE - time.monotonic()))
    _last_start = time.monotonic()
    wake_up_seen()
    try:
        deliver_all()
    except ClickHouseUnavailable:
        logger.warning("ClickHouse does not answer; delivery goes on when it does")
    except OperationalError:
        logger.warning("PostgreSQL does not answer; delivery goes on when it does")
