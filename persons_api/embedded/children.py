"""The running parts of a stack: started and waited for together, watched, and stopped in order."""

import math
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from persons_api.embedded.errors import CannotStart
from persons_api.embedded.part import Part
from persons_api.embedded.process import Child
from persons_api.embedded.state import ProcessRecord

#: Seconds between two looks at children that are starting or stopping.
LOOK_EVERY = 0.05
LAST_LINES = 5


class Children:
    """Children by name, in the order of their start.

    ``pause`` waits up to the given seconds; it may raise to give up what is being waited for. ``tell`` shows
    a line to the person at the terminal.
    """

    def __init__(self, *, pause: Callable[[float], None], tell: Callable[[str], None]) -> None:
        self._pause = pause
        self._tell = tell
        self._children: dict[str, Child] = {}

    def start(self, parts: Iterable[Part]) -> None:
        """Start all of ``parts`` and return when each answers. Raises ``CannotStart`` when one does not."""
        waiting = list(parts)
        for part in waiting:
            child = self._children[part.name] = Child(part.command)
            child.start()
        deadlines = {part.name: time.monotonic() + part.patience for part in waiting}
        while waiting:
            waiting = [part for part in waiting if not self._is_up(part, deadlines[part.name])]
            if waiting:
                self._pause(LOOK_EVERY)

    def revive(self) -> bool:
        """Start again what died; whether anything changed."""
        before = self._pids()
        for child in self._children.values():
            if line := child.revive():
                self._tell(line)
        return self._pids() != before

    def due_in(self) -> float:
        """Seconds until a dead child is to be started again; infinite when all live."""
        return min((child.due_in() for child in self._children.values()), default=math.inf)

    def records(self) -> list[ProcessRecord]:
        return [record for child in self._children.values() if (record := child.record())]

    def stop(self, names: Iterable[str] | None = None, *, patience: float, hurry: Callable[[], bool]) -> None:
        """Ask children (all, or those of ``names``) to stop.

        Those that have not after ``patience`` seconds, or when ``hurry`` says so, are killed.
        """
        stopping = [child for name, child in self._children.items() if names is None or name in names]
        for child in reversed(stopping):
            child.ask_to_stop()
        deadline = time.monotonic() + patience
        while any(child.is_alive() for child in stopping) and time.monotonic() < deadline and not hurry():
            time.sleep(LOOK_EVERY)
        for child in stopping:
            if child.is_alive():
                self._tell(f"{child.name} does not stop, killing it")
            # Also when it ended: what it started may be left.
            child.kill()
            del self._children[child.name]

    def _is_up(self, part: Part, deadline: float) -> bool:
        child = self._children[part.name]
        if not child.is_alive():
            raise CannotStart(f"{part.name} ended at once. {end_of_log(child.command.log)}")
        if part.is_ready():
            return True
        if time.monotonic() > deadline:
            raise CannotStart(
                f"{part.name} does not answer after {part.patience:g} s. {end_of_log(child.command.log)}"
            )
        return False

    def _pids(self) -> list[int | None]:
        return [child.pid for child in self._children.values()]


def end_of_log(log: Path | None) -> str:
    if not log:
        return ""
    lines = log.read_text(errors="replace").splitlines()[-LAST_LINES:]
    return "\n  ".join([f"The end of {log}:", *lines])
