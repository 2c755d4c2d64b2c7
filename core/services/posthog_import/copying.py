"""What the parts of an import have in common: from where to where, how far, and who is told."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.backends.utils import CursorWrapper

from core.exceptions import ClickHouseUnavailable
from core.models import PosthogImport, Project
from core.outbox.drain import drain, rows_left
from core.posthog.client import Source
from core.services.posthog_import.state import State, save_state
from core.services.transaction import change_persons

#: Pages after which everything stored so far has to be in ClickHouse.
SETTLE_EVERY = 20
#: Seconds without a row delivered after which ClickHouse counts as away.
PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a part is: ``done`` of ``total``, which is null while nobody knows. ``note`` says what is waited for, or
    where the import is.
    """

    part: str
    done: int
    total: int | None
    note: str = ""


Tell = Callable[[Progress], None]


@dataclass(slots=True)
class Copying:
    """A run: ``path`` leads to the project on the other server."""

    project: Project
    source: Source
    path: str
    found: PosthogImport
    state: State
    tell: Tell

    def store(self, work: Callable[[CursorWrapper], Any]) -> None:
        """What ``work`` does, and the state as it is now, in one transaction."""

        def both(cursor: CursorWrapper) -> None:
            work(cursor)
            save_state(cursor, self.found, self.state)

        change_persons(self.project.pk, both)

    def save(self) -> None:
        """The state alone."""
        self.store(lambda cursor: None)


def settle(copying: Copying, progress: Progress) -> None:
    """Wait until everything is in ClickHouse: PostgreSQL must not fill up. Raises ``ClickHouseUnavailable``."""
    least, deadline = rows_left(), time.monotonic() + PATIENCE
    while left := _drain():
        if left < least:
            least, deadline = left, time.monotonic() + PATIENCE
        elif time.monotonic() >= deadline:
            raise ClickHouseUnavailable(
                f"ClickHouse does not answer and {left} rows wait for it. Run the same command when it does: "
                "it goes on where it was."
            )
        note = f"waiting for ClickHouse, {left:,} rows to go"
        copying.tell(Progress(progress.part, progress.done, progress.total, note))


def _drain() -> int:
    try:
        return drain(timeout_seconds=1)
    except ClickHouseUnavailable:
        return rows_left()
