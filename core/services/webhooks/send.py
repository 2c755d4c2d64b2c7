"""Sends what waits for webhooks: to many receivers at once, to each in the order of each person's changes.

One process in an installation does this (``LOCK``). It only plans; requests are made by threads. Nothing is under way
that is not still waiting in PostgreSQL, so who is killed in the middle is followed by somebody who sends it again.
"""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from django.db import InterfaceError, OperationalError, connection
from psycopg_pool import PoolTimeout

from core.advisory_lock import only_one
from core.services.webhooks.attempt import attempt
from core.services.webhooks.lanes import LONGEST, Lane, Planner, Waiting

logger = logging.getLogger(__name__)

#: The advisory lock of who sends.
LOCK = (7_263_007, 0)
#: Requests that are under way at once, to all receivers and to one.
MOST_REQUESTS = 32
MOST_OF_ONE = 4
#: Seconds of a request on average above which a receiver gets one request at a time.
SLOW = 2.0
#: Seconds after which a lane gives back what it has not begun.
_LANE_SECONDS = 10.0
#: Seconds between two looks for new events while requests are under way.
_LOOK = 0.25
#: Waiting events of one webhook that are read at once, and how often: beyond that, events wait until some before them
#: have gone.
_PAGE, _PAGES = 500, 20


@dataclass(slots=True, eq=False)
class _Run:
    """A lane under way."""

    webhook_id: int
    lane: Lane


@dataclass(slots=True)
class _Sending:
    """What one round of sending knows."""

    pool: ThreadPoolExecutor
    stopping: threading.Event = field(default_factory=threading.Event)
    running: dict[Future[float], _Run] = field(default_factory=dict)
    #: Seconds that a request of the last lane took, by webhook.
    pace: dict[int, float] = field(default_factory=dict)
    #: Lanes, so far.
    begun: int = 0


def send_waiting(
    *, may_go_on: Callable[[], bool] = lambda: True, still_here: Callable[[], None] = lambda: None
) -> int:
    """Send until nothing is left that can be sent now, or ``may_go_on`` says no; ``still_here`` is called several times
    a second. What another process is at is left to it. How much was begun: 0 when another call would do nothing.
    """
    with only_one(*LOCK) as is_alone:
        if not is_alone:
            return 0
        with ThreadPoolExecutor(MOST_REQUESTS, thread_name_prefix="webhooks") as pool:
            sending = _Sending(pool)
            try:
                _send(sending, may_go_on, still_here)
                return 0 if sending.stopping.is_set() else sending.begun
            finally:
                sending.stopping.set()


def _send(sending: _Sending, may_go_on: Callable[[], bool], still_here: Callable[[], None]) -> None:
    while True:
        still_here()
        if not may_go_on():
            sending.stopping.set()
        if not sending.stopping.is_set():
            _start(sending)
        if not sending.running:
            return
        done, _ = wait(sending.running, timeout=_LOOK, return_when=FIRST_COMPLETED)
        for future in done:
            run = sending.running.pop(future)
            sending.pace[run.webhook_id] = future.result()


_DUE = """
SELECT w.id, w.failures FROM core_webhook w
WHERE w.enabled AND (w.paused_until IS NULL OR w.paused_until <= now()) AND EXISTS (
    SELECT 1 FROM core_webhookdelivery d
    WHERE d.webhook_id = w.id AND d.state = 'waiting' AND d.due_at <= now()
)
ORDER BY w.id
"""
_WAITING = """
SELECT id, persons, due_at <= now() FROM core_webhookdelivery
WHERE webhook_id = %s AND state = 'waiting' AND id > %s ORDER BY id LIMIT %s
"""


def _start(sending: _Sending) -> None:
    """Begin what can be begun."""
    with connection.cursor() as cursor:
        cursor.execute(_DUE)
        webhooks = cursor.fetchall()
    for webhook_id, failures in webhooks:
        runs = [run for run in sending.running.values() if run.webhook_id == webhook_id]
        is_unwell = failures > 0
        most = 1 if is_unwell or sending.pace.get(webhook_id, 0.0) > SLOW else MOST_OF_ONE
        room = min(most - len(runs), MOST_REQUESTS - len(sending.running))
        if room > 0:
            busy = frozenset(person for run in runs for person in run.lane.persons)
            planner = Planner(most=room, longest=1 if is_unwell else LONGEST, busy=busy)
            _plan(webhook_id, planner)
            for lane in planner.lanes:
                future = sending.pool.submit(_send_lane, lane, sending.stopping)
                sending.running[future] = _Run(webhook_id, lane)
                sending.begun += 1


def _plan(webhook_id: int, planner: Planner) -> None:
    after = 0
    for _ in range(_PAGES):
        with connection.cursor() as cursor:
            cursor.execute(_WAITING, [webhook_id, after, _PAGE])
            rows = [Waiting(one, frozenset(persons), is_due) for one, persons, is_due in cursor.fetchall()]
        planner.take(rows)
        if planner.is_full or len(rows) < _PAGE:
            return
        after = rows[-1].id


def _send_lane(lane: Lane, stopping: threading.Event) -> float:
    """Send the events of a lane until one fails; seconds that each took."""
    started = time.monotonic()
    count = 0
    try:
        for delivery_id in lane.ids:
            if stopping.is_set() or time.monotonic() - started > _LANE_SECONDS:
                break
            count += 1
            if not attempt(delivery_id):
                break
    except (OperationalError, InterfaceError, PoolTimeout) as error:
        # What was not noted as sent is sent again.
        logger.warning("PostgreSQL does not answer; events of webhooks go on later: %s", error)
        stopping.set()
    except Exception:
        logger.exception("a defect keeps an event from its webhook")
        stopping.set()
    finally:
        connection.close()
    return (time.monotonic() - started) / max(1, count)
