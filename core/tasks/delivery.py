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
    from celery.worker import state  # nothing for the processes that only send this task

    # The first event after a silence leaves at once; under load many requests share one insert.
    time.sleep(max(0.0, _last_start + settings.DELIVERY_PAUSE - time.monotonic()))
    _last_start = time.monotonic()
    wake_up_seen()
    try:
        # A worker that is asked to stop leaves the rest to its successor.
        deliver_all(may_go_on=lambda: state.should_stop is None)
    except ClickHouseUnavailable:
        logger.warning("ClickHouse does not answer; delivery goes on when it does")
    except OperationalError:
        logger.warning("PostgreSQL does not answer; delivery goes on when it does")
