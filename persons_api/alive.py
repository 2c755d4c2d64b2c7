"""Workers and beat touch a file every few seconds, so that a container whose process is stuck can be told."""

from pathlib import Path
from typing import Any

from celery import beat
from celery.signals import worker_ready
from django.conf import settings

#: Seconds between two touches of a worker; by the loop that takes its tasks from the queue.
_EVERY = 10.0


@worker_ready.connect
def _watch_worker(sender: Any, **_: Any) -> None:
    if settings.ALIVE_FILE:
        _touch()
        sender.timer.call_repeatedly(_EVERY, _touch)


class Scheduler(beat.Scheduler):
    """Celery's schedule, kept in memory, which says that it goes on."""

    def tick(self, *args: Any, **kwargs: Any) -> float:
        if settings.ALIVE_FILE:
            _touch()
        seconds: float = super().tick(*args, **kwargs)
        return seconds


def _touch() -> None:
    Path(settings.ALIVE_FILE).touch()
