"""The tasks that send events to webhooks and forget old ones; changes and the schedule start them."""

import logging
import time

from celery import shared_task
from django.db import OperationalError

from core.outbox.wake import WEBHOOKS_KEY, keep_awake, wake_up_seen
from core.services.webhooks.forget import forget_old
from core.services.webhooks.send import send_waiting

logger = logging.getLogger(__name__)

#: Seconds between two signs that the worker is at it.
_SIGN = 1.0


@shared_task(name="core.tasks.webhooks.send")
def send() -> None:
    """Send what waits. What cannot be sent now is sent by the next start."""
    from celery.worker import state  # nothing for the processes that only send this task

    last_sign = time.monotonic()

    def sign() -> None:
        # Who looks anyhow need not be woken.
        nonlocal last_sign
        if time.monotonic() - last_sign >= _SIGN:
            last_sign = time.monotonic()
            keep_awake(WEBHOOKS_KEY)

    def may_go_on() -> bool:
        # A worker that is asked to stop leaves the rest to its successor.
        return state.should_stop is None

    try:
        wake_up_seen(WEBHOOKS_KEY)
        # Once more after the end: who came after the last look found that nobody need be woken.
        while send_waiting(may_go_on=may_go_on, still_here=sign):
            wake_up_seen(WEBHOOKS_KEY)
    except OperationalError as error:
        logger.warning("events of webhooks go on later: %s", error)


@shared_task(name="core.tasks.webhooks.forget")
def forget() -> None:
    """Forget what was told long ago."""
    try:
        count = forget_old()
    except OperationalError as error:
        logger.warning("old events of webhooks are forgotten later: %s", error)
    else:
        if count:
            logger.info("forgot %d events of webhooks", count)
