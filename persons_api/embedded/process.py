"""One child process: how it is started, kept alive and ended."""

import math
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol

import psutil

from persons_api.embedded.privileges import Account, before_exec
from persons_api.embedded.state import ProcessRecord

#: Seconds before a child that died is started again; doubled at each death.
FIRST_DELAY = 0.2
LONGEST_DELAY = 10.0
#: Seconds of life after which a child counts as healthy, and its next death as the first.
HEALTHY_AFTER = 30.0
LOG_MAX_BYTES = 10 * 1024 * 1024


class Process(Protocol):
    """What is asked of a process that runs; ``subprocess.Popen`` is one."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None:
        """None while it lives, then its exit status; the negative number of the signal that ended it."""

    def wait(self) -> int: ...

    def send_signal(self, number: int, /) -> None: ...


class Startable(Protocol):
    """What to run, and how to end it."""

    @property
    def name(self) -> str: ...

    @property
    def stop_signal(self) -> signal.Signals: ...

    @property
    def log(self) -> Path | None:
        """Where its messages go; None when they go where ours go."""

    def start(self) -> Process: ...

    def end(self, process: Process) -> None:
        """End, at once, what the process left behind, and the process itself if it lives."""


@dataclass(frozen=True)
class Command:
    """A program.

    It leads a session of its own: Ctrl-C in the terminal reaches only us, and all that it starts can
    be ended with it.
    """

    name: str
    arguments: list[str]
    environment: Mapping[str, str]
    log: Path
    stop_signal: signal.Signals = signal.SIGTERM
    account: Account | None = None
    #: Runs before each start, restarts included.
    prepare: Callable[[], None] = field(default=lambda: None)

    def start(self) -> Process:
        self.prepare()
        with open_log(self.log) as log:
            return subprocess.Popen(
                self.arguments,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # Only system calls happen in there, and the supervisor has a single thread.
                preexec_fn=before_exec(self.stop_signal, self.account, parent=os.getpid()),
            )

    def end(self, process: Process) -> None:
        kill_group(process.pid)


class Child:
    """A running ``Startable``, started again when it dies."""

    def __init__(self, command: Startable) -> None:
        self.command = command
        self._process: Process | None = None
        self._started_at = 0.0
        self._delay = FIRST_DELAY
        self._restart_at = 0.0

    @property
    def name(self) -> str:
        return self.command.name

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> None:
        self._process = self.command.start()
        self._started_at = time.monotonic()

    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def revive(self) -> str | None:
        """Start a dead child again when its time has come; what there is to say about it, once per death."""
        if self.is_alive():
            return None
        now = time.monotonic()
        if self._process:
            return self._note_death(self._process, self._process.wait(), now)
        if now >= self._restart_at:
            self.start()
        return None

    def due_in(self) -> float:
        """Seconds until a dead child is to be started again; infinite for a living one."""
        return math.inf if self._process else self._restart_at - time.monotonic()

    def ask_to_stop(self) -> None:
        if self._process and self.is_alive():
            self._process.send_signal(self.command.stop_signal)

    def kill(self) -> None:
        """End the child and everything it started, at once."""
        if self._process:
            self.command.end(self._process)
            self._process.wait()

    def record(self) -> ProcessRecord | None:
        """What identifies the process later; None when it has ended."""
        if not self._process or not self.is_alive():
            return None
        with suppress(psutil.NoSuchProcess):
            started = psutil.Process(self._process.pid).create_time()
            return ProcessRecord(self.name, self._process.pid, started, int(self.command.stop_signal))
        return None

    def _note_death(self, process: Process, status: int, now: float) -> str:
        # What it leaves behind would keep its port or its files.
        self.command.end(process)
        if now - self._started_at >= HEALTHY_AFTER:
            self._delay = FIRST_DELAY
        delay, self._delay = self._delay, min(self._delay * 2, LONGEST_DELAY)
        self._process, self._restart_at = None, now + delay
        ended = f"signal {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
        log = f"; log: {self.command.log}" if self.command.log else ""
        return f"{self.name} ended ({ended}), starting it again in {delay:g} s{log}"


def kill_group(leader: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def open_log(path: Path) -> BinaryIO:
    """The log to append to; a large one is set aside first, in place of the one set aside before."""
    with suppress(FileNotFoundError):
        if path.stat().st_size > LOG_MAX_BYTES:
            path.replace(path.with_suffix(".log.1"))
    return path.open("ab")
