"""``/api/projects/{project_id}/webhooks/``: URLs that are told of changes. See docs/howto/webhooks.md."""

import threading
from datetime import timedelta
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.documents import lenient_limit, lenient_offset
from core.api.pages import page_links
from core.api.parameters import read_lenient_page
from core.api.persons.documents import ERRORS, PROJECT_ID
from core.api.views import ProjectViewSet
from core.api.webhooks.documents import WEBHOOK_ID, read_webhook_id
from core.api.webhooks.serializers import (
    PatchedWebhookRequestSerializer,
    ReplayedSerializer,
    RotateSecretRequestSerializer,
    WebhookPageSerializer,
    WebhookRequestSerializer,
    WebhookSerializer,
    WebhookTestSerializer,
)
from core.exceptions import TooManyTests
from core.selectors.webhooks import get_webhook, list_webhooks, show_webhook
from core.services.webhooks.save import (
    change_webhook,
    create_webhook,
    delete_webhook,
    replay_dead,
    rotate_secret,
)
from core.services.webhooks.try_out import try_out

#: Who says where events go reads persons by that.
_WRITE = ("webhook:write", "person:read")
#: Tests of one web process at once: each may hold up a thread for as long as a receiver likes to take.
_testing = threading.BoundedSemaphore(2)


class WebhookViewSet(ProjectViewSet):
    """Webhooks of a project."""

    scopes: ClassVar = {
        "list": ("webhook:read",),
        "create": _WRITE,
        "retrieve": ("webhook:read",),
        "partial_update": _WRITE,
        "destroy": ("webhook:write",),
        "rotate_secret": ("webhook:write",),
        "replay": ("webhook:write",),
        "test": ("webhook:write",),
    }

    @extend_schema(
        operation_id="webhooks_list",
        parameters=[
            PROJECT_ID,
            lenient_limit("Webhooks a page."),
            lenient_offset("Webhooks to skip."),
        ],
        responses={200: WebhookPageSerializer, **ERRORS},
    )
    def list(self, request: Request, **kwargs: Any) -> Response:
        """The webhooks of the project, newest first."""
        limit, offset = read_lenient_page(request.query_params)
        page = list_webhooks(self.project.pk, limit=limit, offset=offset)
        has_more = offset + len(page.rows) < page.total
        following, previous = page_links(request, limit=limit, offset=offset, has_more=has_more)
        body = {"count": page.total, "next": following, "previous": previous, "results": page.rows}
        return Response(body)

    @extend_schema(
        operation_id="webhooks_create",
        parameters=[PROJECT_ID],
        request=WebhookRequestSerializer,
        responses={201: WebhookSerializer, **ERRORS},
    )
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Make a webhook. It is told of changes that come in after the answer, which is the only one that has the
        secret in clear.
        """
        fields = _read(WebhookRequestSerializer(data=request.data))
        webhook, secret = create_webhook(
            project_id=self.project.pk, fields=fields, user_id=self.caller.user_id
        )
        return Response(show_webhook(webhook, secret=secret), status=201)

    @extend_schema(
        operation_id="webhooks_retrieve",
        parameters=[PROJECT_ID, WEBHOOK_ID],
        responses={200: WebhookSerializer, **ERRORS},
    )
    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        """One webhook."""
        return Response(show_webhook(get_webhook(self.project.pk, read_webhook_id(kwargs["id"]))))

    @extend_schema(
        operation_id="webhooks_partial_update",
        parameters=[PROJECT_ID, WEBHOOK_ID],
        request=PatchedWebhookRequestSerializer,
        responses={200: WebhookSerializer, **ERRORS},
    )
    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Change a webhook; the secret stays. What waits goes to the new URL. While `enabled` is false, nothing is sent
        and changes are not noted for it; what waited before goes on waiting.
        """
        webhook_id = read_webhook_id(kwargs["id"])
        fields = _read(PatchedWebhookRequestSerializer(data=request.data))
        webhook = change_webhook(
            project_id=self.project.pk, webhook_id=webhook_id, fields=fields, user_id=self.caller.user_id
        )
        return Response(show_webhook(webhook))

    @extend_schema(
        operation_id="webhooks_destroy",
        parameters=[PROJECT_ID, WEBHOOK_ID],
        responses={204: None, **ERRORS},
    )
    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Delete the webhook and everything that waits for it."""
        delete_webhook(
            project_id=self.project.pk,
            webhook_id=read_webhook_id(kwargs["id"]),
            user_id=self.caller.user_id,
        )
        return Response(status=204)

    @extend_schema(
        operation_id="webhooks_rotate_secret_create",
        parameters=[PROJECT_ID, WEBHOOK_ID],
        request=RotateSecretRequestSerializer,
        responses={200: WebhookSerializer, **ERRORS},
    )
    def rotate_secret(self, request: Request, **kwargs: Any) -> Response:
        """Give the webhook a new secret, shown this one time. The old one is dead at once, or signs besides for
        `overlap_seconds`.
        """
        webhook_id = read_webhook_id(kwargs["id"])
        fields = _read(RotateSecretRequestSerializer(data=request.data))
        webhook, secret = rotate_secret(
            project_id=self.project.pk,
            webhook_id=webhook_id,
            overlap=timedelta(seconds=fields["overlap_seconds"]),
            user_id=self.caller.user_id,
        )
        return Response(show_webhook(webhook, secret=secret))

    @extend_schema(
        operation_id="webhooks_replay_create",
        parameters=[PROJECT_ID, WEBHOOK_ID],
        request=None,
        responses={200: ReplayedSerializer, **ERRORS},
    )
    def replay(self, request: Request, **kwargs: Any) -> Response:
        """Send everything again that was given up."""
        webhook_id = read_webhook_id(kwargs["id"])
        return Response({"replayed": replay_dead(project_id=self.project.pk, webhook_id=webhook_id)})

    @extend_schema(
        operation_id="webhooks_test_create",
        parameters=[PROJECT_ID, WEBHOOK_ID],
        request=None,
        responses={200: WebhookTestSerializer, **ERRORS},
    )
    def test(self, request: Request, **kwargs: Any) -> Response:
        """Send `webhook.test` now and tell what came of it, after 10 seconds at most. It is not tried again."""
        webhook_id = read_webhook_id(kwargs["id"])
        if not _testing.acquire(blocking=False):
            raise TooManyTests
        try:
            event_id, answer = try_out(project_id=self.project.pk, webhook_id=webhook_id)
        finally:
            _testing.release()
        body = {
            "id": str(event_id),
            "delivered": answer.is_taken,
            "status": answer.status,
            "error": answer.error,
            "body": answer.body,
            "duration_ms": round(answer.seconds * 1000),
        }
        return Response(body)


def _read(form: Any) -> dict[str, Any]:
    form.is_valid(raise_exception=True)
    fields: dict[str, Any] = form.validated_data
    if "events" in fields:
        fields["events"] = list(dict.fromkeys(fields["events"]))
    return fields
