"""The task of the ``insights`` queue; ``insights.run`` publishes it."""

from typing import Any

from celery import shared_task

from insights.answering import WORKER
from insights.flights import Flight
from insights.run import TASK


@shared_task(name=TASK)
def answer(flight: dict[str, Any]) -> None:
    """Answer the question of ``flight``."""
    WORKER.answer(Flight(**flight))
