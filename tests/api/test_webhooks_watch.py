"""What waits for webhooks shows up in metrics and in ``persons-api doctor``."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db.models import F

from core.advisory_lock import only_one
from core.doctor import Check, checks
from core.metrics.gauges import read
from core.models import WebhookDelivery
from core.services.webhooks.send import LOCK
from tests.clients import ProjectClient, event
from tests.receiver import PATIENCE, all_ended, receiving, register


@contextmanager
def nothing_is_sent() -> Iterator[None]:
    """The worker finds that somebody else is at it."""
    deadline = time.monotonic() + PATIENCE
    while True:
        with only_one(*LOCK) as is_alone:
            if is_alone:
                yield
                return
        assert time.monotonic() < deadline
        time.sleep(0.05)


def doctor() -> Check:
    return next(check for check in checks() if check.name == "webhooks")


def gauges() -> dict[str, dict[str, float]]:
    return {gauge.name: gauge.values for gauge in read()}


def test_a_backlog_is_told(project: ProjectClient) -> None:
    with receiving() as receiver:
        webhook = register(project, receiver.url)
        with nothing_is_sent():
            before = gauges()["persons_api_webhook_events"]["waiting"]
            project.capture(event("a", "ada"), event("a", "bob"))
            found = gauges()

            assert found["persons_api_webhook_events"]["waiting"] == before + 2
            assert found["persons_api_webhook_lag_seconds"][""] > 0
            assert doctor().ok

            rows = WebhookDelivery.objects.for_project(project.id).filter(webhook_id=webhook["id"])
            rows.update(due_at=F("due_at") - timedelta(minutes=5))
            late = doctor()
            assert not late.ok
            assert "events wait; one could have been sent for 30" in late.detail

        all_ended(project, webhook)
    assert doctor().ok
