"""Webhooks in the admin: whether they are reached, what was given up, and sending it again."""

from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from core.models import ActivityEntry, Webhook, WebhookDelivery
from tests.admin.staff import Admin
from tests.clients import ProjectClient

State = WebhookDelivery.State


@pytest.fixture
def webhook(admin: Admin) -> dict[str, Any]:
    """A webhook that is switched off, so that nothing is sent meanwhile."""
    return make(admin.project)


def make(project: ProjectClient) -> dict[str, Any]:
    body = {"url": "https://hooks.example.org/x", "events": ["person.updated"], "enabled": False}
    made = project.post(f"/api/projects/{project.id}/webhooks/", body)
    assert made.status_code == 201, made.text
    shown: dict[str, Any] = made.json()
    return shown


def give_up(project: ProjectClient, webhook: dict[str, Any]) -> WebhookDelivery:
    now = timezone.now()
    return WebhookDelivery.objects.for_project(project.id).create(
        project_id=project.id,
        webhook_id=webhook["id"],
        event_id=uuid4(),
        event="person.updated",
        persons=[uuid4()],
        names=[],
        data={},
        state=State.DEAD,
        attempts=9,
        created_at=now,
        queued_at=now,
        due_at=now,
        ended_at=now,
        last_status=500,
    )


def state(delivery: WebhookDelivery) -> str:
    return WebhookDelivery.objects.for_project(delivery.project_id).get(pk=delivery.pk).state


def test_webhooks_are_shown_without_their_secret(admin: Admin, webhook: dict[str, Any]) -> None:
    give_up(admin.project, webhook)
    page = admin.url(f"webhooks/{webhook['id']}/")

    assert "https://hooks.example.org/x person.updated off 0 1" in admin.page(admin.url("webhooks/"))
    shown = admin.page(page)
    assert webhook["secret_mask"] in shown
    assert webhook["secret"] not in shown
    assert "dead 9 500" in shown
    assert "dead 9 500" in admin.page(page, state="dead")
    assert "No such events." in admin.page(page, state="waiting")


def test_the_dead_are_sent_again_one_or_all(admin: Admin, webhook: dict[str, Any]) -> None:
    one, other = give_up(admin.project, webhook), give_up(admin.project, webhook)
    replay = admin.url(f"webhooks/{webhook['id']}/replay/")

    assert "The event is sent again." in admin.done(f"{replay}{one.event_id}/")
    assert (state(one), state(other)) == (State.WAITING, State.DEAD)

    assert "1 event to send again." in admin.done(replay)
    assert state(other) == State.WAITING
    assert admin.send(f"{replay}{uuid4()}/").status_code == 404


def test_a_webhook_is_switched_on_and_off_and_that_is_noted(admin: Admin, webhook: dict[str, Any]) -> None:
    switch = admin.url(f"webhooks/{webhook['id']}/switch/")

    assert "It is told of changes." in admin.done(switch)
    assert "It is told nothing any more." in admin.done(switch)

    assert not Webhook.objects.for_project(admin.project.id).get(pk=webhook["id"]).enabled
    entries = ActivityEntry.objects.for_project(admin.project.id).filter(scope="Webhook", activity="updated")
    assert [entry.user and entry.user.email for entry in entries] == [admin.project.owner] * 2


def test_a_webhook_of_another_project_is_not_there(admin: Admin, other_project: ProjectClient) -> None:
    theirs = make(other_project)
    dead = give_up(other_project, theirs)
    page = admin.url(f"webhooks/{theirs['id']}/")

    assert admin.http.get(page).status_code == 404
    for action in ("switch/", "replay/", f"replay/{dead.event_id}/"):
        assert admin.send(page + action).status_code == 404
    assert state(dead) == State.DEAD
