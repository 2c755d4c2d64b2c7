"""Webhooks of a project: whether they are reached, what was given up, and sending it again."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from core.admin.parts import (
    NOTHING,
    Action,
    Page,
    Tab,
    Table,
    Variant,
    badge,
    code,
    counted,
    link,
    number,
    post_button,
    show,
    when,
)
from core.admin.requests import ROWS, find_project, page_number, pager, user_id, with_choices
from core.auth.authentication import LARGEST_ID
from core.exceptions import WebhookNotFound
from core.models import Webhook, WebhookDelivery
from core.selectors.webhooks import get_webhook, list_deliveries, list_webhooks, show_webhook
from core.services.webhooks.save import change_webhook, replay_dead, replay_one

_STATES: dict[str, Variant] = {"waiting": "info", "delivered": "success", "dead": "danger"}
_ALL = "all"


def webhooks(request: HttpRequest, project_id: int) -> TemplateResponse:
    project = find_project(project_id)
    page = page_number(request)
    offset = (page - 1) * ROWS
    found = list_webhooks(project_id, limit=ROWS, offset=offset)
    return show(
        request,
        Page(
            title=f"Webhooks of {project.name}",
            tables=[
                Table(
                    ("URL", "Events", "State", "Waiting", "Dead", "Made"),
                    [
                        (
                            link(reverse("admin:webhooks_one", args=[project_id, row["id"]]), row["url"]),
                            ", ".join(row["events"]),
                            _state(row),
                            number(row["waiting"]),
                            number(row["dead"]),
                            when(row["created_at"]),
                        )
                        for row in found.rows
                    ],
                    empty="No webhooks. They are made through the API.",
                )
            ],
            pager=pager(request, page, has_more=offset + len(found.rows) < found.total),
        ),
    )


def webhook(request: HttpRequest, project_id: int, webhook_id: int) -> TemplateResponse:
    """An endpoint with what is on its way, or was given up."""
    found = _find(project_id, webhook_id)
    shown, page = show_webhook(found), page_number(request)
    wanted = request.GET.get("state", _ALL)
    state = wanted if wanted in WebhookDelivery.State.values else None
    deliveries = list_deliveries(
        project_id, found.pk, state=state, event=None, limit=ROWS, offset=(page - 1) * ROWS
    )
    here = [project_id, found.pk]
    return show(
        request,
        Page(
            title=f"Webhook {found.url}",
            facts=[
                ("State", _state(shown)),
                ("Events", ", ".join(found.events)),
                ("Secret", code(shown["secret_mask"])),
                ("Waiting", number(shown["waiting"])),
                ("Dead", number(shown["dead"])),
                ("Failures in a row", number(found.failures)),
                ("Description", found.description or NOTHING),
            ],
            actions=[
                Action(
                    "Replay the dead", reverse("admin:webhooks_replay", args=here), icon="replay", posts=True
                ),
                Action(
                    "Switch off" if found.enabled else "Switch on",
                    reverse("admin:webhooks_switch", args=here),
                    icon="toggle_off" if found.enabled else "toggle_on",
                    posts=True,
                ),
            ],
            tabs=[
                Tab(
                    one.capitalize(),
                    with_choices(request, {"state": one, "page": "1"}),
                    one == (state or _ALL),
                )
                for one in (_ALL, *WebhookDelivery.State.values)
            ],
            tables=[
                Table(
                    ("Event", "Person", "State", "Attempts", "Last answer", "Made", ""),
                    [_delivery(request, project_id, found.pk, row) for row in deliveries.rows],
                    empty="No such events.",
                )
            ],
            pager=pager(request, page, has_more=deliveries.has_more),
        ),
    )


@require_POST
def switch(request: HttpRequest, project_id: int, webhook_id: int) -> HttpResponse:
    found = _find(project_id, webhook_id)
    changed = change_webhook(
        project_id=project_id,
        webhook_id=found.pk,
        fields={"enabled": not found.enabled},
        user_id=user_id(request),
    )
    messages.success(request, "It is told of changes." if changed.enabled else "It is told nothing any more.")
    return _to_page(project_id, webhook_id)


@require_POST
def replay_all(request: HttpRequest, project_id: int, webhook_id: int) -> HttpResponse:
    count = replay_dead(project_id=project_id, webhook_id=_find(project_id, webhook_id).pk)
    messages.success(request, f"{counted(count, 'event')} to send again.")
    return _to_page(project_id, webhook_id)


@require_POST
def replay_event(request: HttpRequest, project_id: int, webhook_id: int, event_id: UUID) -> HttpResponse:
    replay_one(project_id=project_id, webhook_id=_find(project_id, webhook_id).pk, event_id=event_id)
    messages.success(request, "The event is sent again.")
    return _to_page(project_id, webhook_id)


def _find(project_id: int, webhook_id: int) -> Webhook:
    """Raises ``Http404`` or ``WebhookNotFound``."""
    find_project(project_id)
    if webhook_id > LARGEST_ID:
        raise WebhookNotFound
    return get_webhook(project_id, webhook_id)


def _to_page(project_id: int, webhook_id: int) -> HttpResponse:
    return redirect("admin:webhooks_one", project_id=project_id, webhook_id=webhook_id)


def _delivery(request: HttpRequest, project_id: int, webhook_id: int, row: dict[str, Any]) -> tuple[Any, ...]:
    replay = reverse("admin:webhooks_replay_one", args=[project_id, webhook_id, row["id"]])
    return (
        row["event"],
        code(row["person"]),
        badge(row["state"], _STATES[row["state"]]),
        number(row["attempts"]),
        row["last_status"] or row["last_error"] or NOTHING,
        when(row["created_at"]),
        post_button(request, replay, "Send again"),
    )


def _state(shown: dict[str, Any]) -> SafeString:
    if not shown["enabled"]:
        return badge("off")
    return badge("failing", "danger") if shown["failures"] else badge("on", "success")
