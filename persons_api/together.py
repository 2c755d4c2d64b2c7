"""Workers and beat below one process, each forked from it when it has loaded the program.

What is loaded they share: three workers and beat take 165 MB together, and 280 MB started one by one; and loading takes
seconds of a processor once instead of four times. The process itself opens no connection and no thread, so that it can
start again what dies, at any time.
"""

import gc
import logging
import math
import multiprocessing
import os
import signal
import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from persons_api import roles
from persons_api.embedded.children import Children
from persons_api.embedded.errors import StopRequested
from persons_api.embedded.part import Part
from persons_api.embedded.privileges import before_exec, name_process
from persons_api.embedded.process import Process
from persons_api.embedded.signals import Signals

logger = logging.getLogger(__name__)

#: What Celery imports only when a worker or beat starts.
_LATER = (
    "celery.apps.beat",
    "celery.apps.worker",
    "celery.bin.celery",
    "celery.concurrency.solo",
    "celery.concurrency.thread",
    "celery.events.state",
    "celery.worker.components",
    "celery.worker.consumer",
    "kombu.transport.redis",
    "persons_api.alive",
    "persons_api.clock",
)
#: Seconds between two looks at the children when nothing happens; a death is noticed at once.
_WATCH_EVERY = 60.0
_FORK = multiprocessing.get_context("fork")


def main() -> None:
    """Run ``roles.celery_arguments`` of each name on the command line until SIGTERM; a second one ends all at once."""
    load()
    with Signals() as signals:
        children = Children(pause=signals.pause, tell=logger.error)
        try:
            children.start(Part(Fork(name)) for name in sys.argv[1:])
            while True:
                children.revive()
                signals.pause(min(_WATCH_EVERY, children.due_in()))
        except StopRequested:
            pass
        finally:
            # Also when no process can be made: nobody would look after those that run. Each ends when its work is done;
            # who asked knows how long that may take.
            children.stop(patience=math.inf, hurry=lambda: signals.stops > 1)


def load() -> None:
    """Import all that a worker works with, and keep the garbage collector from writing to it."""
    from persons_api.celery import app

    app.loader.import_default_modules()
    app.finalize()
    for name in _LATER:
        import_module(name)
    gc.collect()
    gc.freeze()


@dataclass(frozen=True)
class Fork:
    """A copy of this process that becomes a worker, or beat."""

    name: str
    stop_signal: signal.Signals = signal.SIGTERM
    log: Path | None = None

    def start(self) -> Process:
        process = _FORK.Process(target=self._run, args=(os.getpid(),), name=self.name)
        process.start()
        return _Forked(process)

    def end(self, process: Process) -> None:
        process.send_signal(signal.SIGKILL)

    def _run(self, parent: int) -> None:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        before_exec(self.stop_signal, None, parent=parent)()
        name_process(self.name)
        from celery.bin.celery import celery

        arguments = roles.celery_arguments(self.name)
        # Celery starts itself anew with these after a SIGHUP.
        sys.argv = ["-m", "celery", *arguments]
        celery(args=arguments, auto_envvar_prefix="CELERY")


class _Forked:
    """A started ``multiprocessing`` process, asked as a ``subprocess`` one is."""

    def __init__(self, process: "multiprocessing.context.ForkProcess") -> None:
        self._process = process
        self.pid = int(process.pid or 0)

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self) -> int:
        self._process.join()
        return int(self._process.exitcode or 0)

    def send_signal(self, number: int, /) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


if __name__ == "__main__":
    main()
