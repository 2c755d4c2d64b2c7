"""How far an import has come, in PostgreSQL: what the next run begins with."""

from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.db import transaction
from django.db.backends.utils import CursorWrapper

from core.models import PosthogImport
from core.services.import_events import ImportRunning

#: Events may arrive this long after they happened: the next pass looks at as much again.
LATE = timedelta(days=1)


class OneImportRunning(ImportRunning):
    """Another import into this project is running. Let it end, then run this one."""


@dataclass(slots=True)
class EventsState:
    """``at`` and ``seen`` are the place behind the last event that was found in ClickHouse, ``since`` and ``until`` the
    ends of the pass: ISO 8601 texts. The counts are of the pass.
    """

    since: str = ""
    until: str = ""
    at: str = ""
    seen: list[str] = field(default_factory=list)
    read: int = 0
    found: int = 0
    #: What is no event that this server takes.
    unfit: int = 0
    #: Of distinct ids that were deleted here.
    deleted: int = 0
    is_done: bool = False
    #: The other server has no route for events.
    is_missing: bool = False


@dataclass(slots=True)
class CohortState:
    """A cohort of the other server. ``cohort`` is its number here, null while there is none; ``problem`` says why."""

    cohort: int | None = None
    problem: str = ""
    #: Of a static one: where its list of members goes on, and how many it has had so far there and here.
    next: dict[str, str] | None = None
    read: int = 0
    found: int = 0
    is_done: bool = False


@dataclass(slots=True)
class State:
    """All parts. A pass ends when every part of a run is done; the next one begins with the first page again."""

    pass_number: int = 1
    is_finished: bool = False
    persons_next: dict[str, str] | None = None
    persons_done: bool = False
    #: Persons were copied once: events come after them and change nobody.
    has_persons: bool = False
    events: EventsState = field(default_factory=EventsState)
    cohorts: dict[str, CohortState] = field(default_factory=dict)
    cohorts_done: bool = False

    def begin_pass(self) -> None:
        """Persons and cohorts are read once more, and events from a little before the end of the last pass: from its
        start when some did not arrive.
        """
        self.pass_number += 1
        self.is_finished = self.persons_done = self.cohorts_done = False
        self.persons_next = None
        if self.events.is_done:
            has_all = self.events.found == self.events.read
            self.events = EventsState(since=_earlier(self.events.until) if has_all else self.events.since)
        for cohort in self.cohorts.values():
            cohort.next, cohort.read, cohort.found, cohort.is_done = None, 0, 0, False


def read_state(found: PosthogImport) -> State:
    """The state that is stored."""
    stored: dict[str, Any] = dict(found.state)
    if not stored:
        return State()
    stored["events"] = EventsState(**stored["events"])
    stored["cohorts"] = {number: CohortState(**cohort) for number, cohort in stored["cohorts"].items()}
    return State(**stored)


def _earlier(moment: str) -> str:
    return (datetime.fromisoformat(moment) - LATE).isoformat() if moment else ""


_SAVE = """
UPDATE core_posthogimport SET state = %s, step = step + 1 WHERE project_id = %s AND id = %s AND step = %s
"""


def save_state(cursor: CursorWrapper, found: PosthogImport, state: State) -> None:
    """Store ``state`` with what the transaction of the caller does besides. Raises ``ImportRunning`` when somebody else
    went on: the lock was lost with a connection.
    """
    text = orjson.dumps(asdict(state)).decode()
    cursor.execute(_SAVE, [text, found.project_id, found.pk, found.step])
    if cursor.rowcount != 1:
        raise OneImportRunning
    # Not before the commit: what is rolled back is tried again from the same step.
    transaction.on_commit(lambda: _advance(found))


def _advance(found: PosthogImport) -> None:
    found.step += 1
