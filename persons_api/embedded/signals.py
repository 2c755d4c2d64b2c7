"""Waiting that signals cut short."""

import os
import select
import signal
from types import FrameType, TracebackType
from typing import Self

from persons_api.embedded.errors import StopRequested

_STOP = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Signals:
    """Counts requests to stop, and wakes the waiting main thread for them and for children that ended.

    Handlers raise nothing: an exception at an arbitrary place could lose track of a child that just started.
    """

    def __init__(self) -> None:
        self.stops = 0

    def __enter__(self) -> Self:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        self._before = {number: signal.getsignal(number) for number in (*_STOP, signal.SIGCHLD)}
        for number in _STOP:
            # nohup has SIGHUP ignored, and that is meant to last. A shell ignores SIGINT for what it runs in the
            # background, which says nothing about who sends it on purpose.
            if number != signal.SIGHUP or self._before[number] is not signal.SIG_IGN:
                signal.signal(number, self._stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        signal.set_wakeup_fd(-1)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._reader)
        os.close(self._writer)

    def wait(self, seconds: float) -> None:
        """Return after ``seconds``, or as soon as a signal arrives."""
        ready, _, _ = select.select([self._reader], [], [], max(0.0, seconds))
        if ready:
            os.read(self._reader, 4096)

    def pause(self, seconds: float) -> None:
        """The same; raises ``StopRequested`` once somebody has asked to stop."""
        self.wait(seconds)
        if self.stops:
            raise StopRequested

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.stops += 1
