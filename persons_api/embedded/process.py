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
from typing import BinaryIO

import psutil

from persons_api.embedded.privileges import Account, before_exec
from persons_api.embedded.state import ProcessRecord

#: Seconds before a child that died is started again; doubled at each death.
FIRST_DELAY = 0.2
LONGEST_DELAY = 10.0
#: Seconds of life after which a child counts as healthy, and its next death as the first.
HEALTHY_AFTER = 30.0
LOG_MAX_BYTES = 10 * 1024 * 1024


@dataclass(frozen=True)
class Command:
    """What to run, and how to end it."""

    name: str
    arguments: list[str]
    environment: Mapping[str, str]
    log: Path
    stop_signal: signal.Signals = signal.SIGTERM
    account: Account | None = None
    #: Runs before each start, restarts included.
    prepare: Callable[[], None] = field(default=lambda: None)


class Child:
    """A running ``Command``, started again when it dies.

    It leads a session of its own: Ctrl-C in the terminal reaches only us, and all that it starts can
    be ended with it.
    """

    def __init__(self, command: Command) -> None:
        self.command = command
        self._process: subprocess.Popen[bytes] | None = None
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
        self.command.prepare()
        with open_log(self.command.log) as log:
            self._process = subprocess.Popen(
                self.command.arguments,
                env={**os.environ, **self.command.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # Only system calls happen in there, and the supervisor has a single thread.
                preexec_fn=before_exec(self.command.stop_signal, self.command.account, parent=os.getpid()),
            )
        self._started_at = time.monotonic()

    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def revive(self) -> str | None:
        """Start a dead child again when its time has come; what there is to say about it, once per death."""
        if self.is_alive():
            return None
        now = time.monotonic()
        if self._process:
            return self._note_death(self._process, now)
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
            kill_group(self._process.pid)
            self._process.wait()

    def record(self) -> ProcessRecord | None:
        """What identifies the process later; None when it has ended."""
        if not self._process or not self.is_alive():
            return None
        with suppress(psutil.NoSuchProcess):
            started = psutil.Process(self._process.pid).create_time()
            return ProcessRecord(self.name, self._process.pid, started, int(self.command.stop_signal))
        return None

    def _note_death(self, process: subprocess.Popen[bytes], now: float) -> str:
        # What it leaves behind would keep its port or its files.
        kill_group(process.pid)
        if now - self._started_at >= HEALTHY_AFTER:
            self._delay = FIRST_DELAY
        delay, self._delay = self._delay, min(self._delay * 2, LONGEST_DELAY)
        self._process, self._restart_at = None, now + delay
        ended = f"exit status {process.returncode}"
        if process.returncode < 0:
            ended = f"signal {signal.Signals(-process.returncode).name}"
        return f"{self.name} ended ({ended}), starting it again in {delay:g} s; log: {self.command.log}"


def kill_group(leader: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def open_log(path: Path) -> BinaryIO:
    """The log to append to; a large one is set aside first, in place of the one set aside before."""
    with suppress(FileNotFoundError):
        if path.stat().st_size > LOG_MAX_BYTES:
            path.replace(path.with_suffix(".log.1"))
    return path.open("ab")
