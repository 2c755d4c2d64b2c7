"""Small capture requests that arrive together share a transaction.

An SDK in a browser sends events one by one. A transaction costs the same few statements for one event as for a
hundred, so while one is under way in this process, the small requests of the same project that come in wait and
then go together, in the order of their arrival. A request that finds nobody waits for nobody.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db import InterfaceError, OperationalError
from psycopg_pool import PoolTimeout

from core.events.event import Event
from core.exceptions import DatabaseUnavailable
from core.services.capture import capture

#: Events up to which a request is small; a larger one is worth a transaction of its own.
SMALL = 20
#: Events that go together at most.
MOST = 500
#: What befalls a transaction whatever is in it; trying its requests one by one would only take longer.
_SHARED_FATE = (OperationalError, InterfaceError, PoolTimeout)


@dataclass(slots=True, eq=False)
class _Request:
    """One request. ``turn`` comes when it is stored, or when it has to store ``group``, itself included."""

    events: Sequence[Event]
    turn: threading.Event = field(default_factory=threading.Event)
    group: "list[_Request]" = field(default_factory=list)
    #: Null once it is stored.
    error: Exception | None = field(default_factory=DatabaseUnavailable)


#: Requests that wait, by project; a project has an entry while a transaction of its small requests is under way.
_waiting: dict[int, list[_Request]] = {}
_guard = threading.Lock()


def capture_together(*, project_id: int, events: Sequence[Event]) -> None:
    """As ``core.services.capture.capture``: when this returns, ``events`` are durable; when it raises, nothing
    of them was stored.
    """
    if len(events) > SMALL:
        capture(project_id=project_id, events=events)
        return
    request = _Request(events)
    with _guard:
        line = _waiting.get(project_id)
        if line is None:
            _waiting[project_id] = []
            request.group = [request]
        else:
            line.append(request)
    if not request.group:
        request.turn.wait()
    if request.group:
        try:
            _store(project_id, request.group)
        finally:
            _pass_on(project_id)
            for other in request.group:
                other.turn.set()
    if request.error is not None:
        raise request.error


def _pass_on(project_id: int) -> None:
    """Let the first of those who wait store as many as may go together."""
    with _guard:
        line = _waiting[project_id]
        if not line:
            del _waiting[project_id]
            return
        count = taken = 0
        while count < len(line) and taken + len(line[count].events) <= MOST:
            taken += len(line[count].events)
            count += 1
        first = line[0]
        first.group, _waiting[project_id] = line[:count], line[count:]
    first.turn.set()


def _store(project_id: int, group: list[_Request]) -> None:
    """Store the requests in one transaction; if that fails, each by itself, so that none suffers for another."""
    try:
        capture(
            project_id=project_id,
            events=[event for request in group for event in request.events],
        )
    except Exception as error:
        if len(group) == 1 or isinstance(error, _SHARED_FATE):
            for request in group:
                request.error = error
        else:
            for request in group:
                _store(project_id, [request])
    else:
        for request in group:
            request.error = None
