"""The task of the ``insights`` queue; ``insights.run`` starts it."""

from functools import partial
from typing import Any

from celery import shared_task

from insights.questions import KINDS
from insights.run import TASK, respond


@shared_task(name=TASK)
def answer(kind: str, question: dict[str, Any], until: float, reply_key: str) -> None:
    """Answer ``question`` before ``until`` (Unix seconds) into the list ``reply_key``."""
    respond(partial(KINDS[kind], question), until=until, reply_key=reply_key)
