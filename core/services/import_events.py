"""Takes a file of events: batch by batch, from where an earlier run of the same file ended.

What a batch does and how far the file has come are one transaction, so an import that is killed neither loses
a row nor takes one twice.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from core.advisory_lock import only_one_soon
from core.events.event import Event
from core.events.file import EventFile
from core.events.file_row import BadRow, read_row
from core.exceptions import ClickHouseUnavailable, InvalidInput, RequestError
from core.models import EventImport, Project
from core.outbox.drain import drain, rows_left
from core.services.capture import take_events
from core.services.transaction import change_persons

#: Events, and bytes of their rows, after which a batch takes no further row.
BATCH_EVENTS = 2_000
BATCH_BYTES = 8 * 1024 * 1024
#: Rows that may wait in PostgreSQL for ClickHouse before the import waits too, and batches between two looks.
MOST_WAITING = 100_000
_LOOK_EVERY = 10
#: Seconds without a row delivered after which ClickHouse counts as away.
PATIENCE = 60.0
#: Bad rows that are remembered; the others are only counted.
BAD_ROWS_KEPT = 5
#: First number of the advisory locks of imports; the second one is the import's.
LOCK_SPACE = 7_263_003
#: Seconds for the connection of an import that was killed to end.
LOCK_PATIENCE = 5.0


class ImportRunning(RequestError):
    """Another import of this file into this project is running. Let it end; nothing is left to do then."""

    def __init__(self) -> None:
        super().__init__((self.__doc__ or "").strip())


@dataclass(slots=True)
class Progress:
    """How far an import is. ``rows_before`` were done by earlier runs; the counts below are of this one."""

    rows_before: int
    rows_done: int
    events: int = 0
    #: Events that count as of the start of the import, for want of a time that can be believed.
    undated: int = 0
    bad_rows: int = 0
    first_bad_rows: list[BadRow] = field(default_factory=list)
    #: Rows for ClickHouse that the import waits for; 0 when it does not wait.
    waiting: int = 0


Tell = Callable[[Progress], None]


@dataclass(slots=True)
class _Batch:
    """Consecutive rows: those after the first ``rows_before`` of the file, up to ``rows_done``."""

    rows_before: int
    rows_done: int
    events: list[Event] = field(default_factory=list)
    bad_rows: list[BadRow] = field(default_factory=list)
    bytes: int = 0


def import_events(*, project_id: int, file: EventFile, skip_bad: bool, tell: Tell) -> Progress:
    """Store the rows of ``file`` that are not in the project yet; ``tell`` hears of each batch.

    A bad row ends it with ``BadRow`` once the rows before it are stored, or is left out with ``skip_bad``.
    Raises ``InvalidInput``, ``ImportRunning``, ``UnreadableFile`` or ``ClickHouseUnavailable`` besides; the same
    call goes on later.
    """
    if not Project.objects.filter(pk=project_id).exists():
        raise InvalidInput(
            f"There is no project {project_id}. Make one: persons-api create-project --name NAME",
            attr="project",
        )
    imports = EventImport.objects.for_project(project_id)
    found, _ = imports.get_or_create(project_id=project_id, fingerprint=file.fingerprint)
    with _alone(found):
        found.refresh_from_db(from_queryset=imports)
        progress = Progress(rows_before=found.rows_done, rows_done=found.rows_done)
        tell(progress)
        if found.finished_at is not None:
            return progress
        for index, batch in enumerate(_batches(file, found, skip_bad=skip_bad)):
            if index % _LOOK_EVERY == 0:
                _wait_for_room(progress, tell)
            file.check_unchanged()
            _store(found, batch)
            _count(progress, batch, found)
            tell(progress)
        imports.filter(pk=found.pk).update(finished_at=timezone.now())
    return progress


@contextmanager
def _alone(found: EventImport) -> Iterator[None]:
    """One process imports a file at a time. Raises ``ImportRunning``."""
    with only_one_soon(LOCK_SPACE, found.pk, patience=LOCK_PATIENCE) as is_alone:
        if not is_alone:
            raise ImportRunning
        yield


def _batches(file: EventFile, found: EventImport, *, skip_bad: bool) -> Iterator[_Batch]:
    """The rows still to do. A bad row that is not skipped is raised after those before it were taken."""
    batch = _Batch(found.rows_done, found.rows_done)
    for number, text in file.json_rows(after=found.rows_done):
        try:
            # Not the present: a row without a time must be the same event in every run.
            event = read_row(text, number=number, received=found.created_at)
        except BadRow as bad:
            if not skip_bad:
                yield batch
                raise
            batch.bad_rows.append(bad)
        else:
            batch.events += [event] if event else []
        batch.rows_done = number
        batch.bytes += len(text)
        if len(batch.events) >= BATCH_EVENTS or batch.bytes >= BATCH_BYTES:
            yield batch
            batch = _Batch(number, number)
    yield batch


_ADVANCE = """
UPDATE core_eventimport SET rows_done = %s WHERE project_id = %s AND id = %s AND rows_done = %s
"""


def _store(found: EventImport, batch: _Batch) -> None:
    def store(cursor: CursorWrapper) -> None:
        cursor.execute(_ADVANCE, [batch.rows_done, found.project_id, found.pk, batch.rows_before])
        if cursor.rowcount != 1:  # the lock was lost with a connection, and somebody else went on
            raise ImportRunning
        take_events(cursor, project_id=found.project_id, events=batch.events)

    change_persons(found.project_id, store)


def _count(progress: Progress, batch: _Batch, found: EventImport) -> None:
    progress.rows_done = batch.rows_done
    progress.events += len(batch.events)
    progress.undated += sum(event.timestamp == found.created_at for event in batch.events)
    progress.bad_rows += len(batch.bad_rows)
    progress.first_bad_rows = [*progress.first_bad_rows, *batch.bad_rows][:BAD_ROWS_KEPT]


def _wait_for_room(progress: Progress, tell: Tell) -> None:
    """Until few rows wait for ClickHouse: PostgreSQL must not fill up with a file that ClickHouse is too slow for.

    Raises ``ClickHouseUnavailable``.
    """
    left = least = rows_left()
    deadline = time.monotonic() + PATIENCE
    while left > MOST_WAITING:
        if time.monotonic() >= deadline:
            raise ClickHouseUnavailable(
                f"ClickHouse does not answer and {left} rows wait for it. Run the same command when it does: "
                "it goes on where it was."
            )
        progress.waiting = left
        tell(progress)
        try:
            left = drain(timeout_seconds=1)
        except ClickHouseUnavailable:
            left = rows_left()
        if left < least:
            least, deadline = left, time.monotonic() + PATIENCE
    progress.waiting = 0
