"""``…/webhooks/{id}/deliveries/``: what became of events, and sending one again."""

from collections.abc import Sequence
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api import documents
from core.api.pages import page_links
from core.api.parameters import read_limit, read_offset
from core.api.persons.documents import ERRORS, PROJECT_ID
from core.api.views import ProjectViewSet
from core.api.webhooks.documents import DELIVERY_ID, WEBHOOK_ID, read_delivery_id, read_webhook_id
from core.api.webhooks.serializers import DeliveryPageSerializer, DeliverySerializer
from core.exceptions import InvalidInput
from core.models import WebhookDelivery
from core.selectors.webhooks import get_webhook, list_deliveries, show_delivery
from core.services.webhooks.events import EVENTS
from core.services.webhooks.save import replay_one

_PAGE, _LARGEST_PAGE = 100, 1000
_STATES = WebhookDelivery.State.values


class DeliveryViewSet(ProjectViewSet):
    """Events for a webhook: those that wait, and others for as long as they are kept."""

    scopes: ClassVar = {
        "list": ("webhook:read",),
        "retrieve": ("webhook:read",),
        "replay": ("webhook:write",),
    }

    @extend_schema(
        operation_id="webhooks_deliveries_list",
        parameters=[
            PROJECT_ID,
            WEBHOOK_ID,
            OpenApiParameter("state", str, enum=_STATES, description="Only those in this state."),
            OpenApiParameter("event", str, enum=EVENTS, description="Only those of this name."),
            documents.limit("Events a page.", default=_PAGE, most=_LARGEST_PAGE),
            documents.offset("Events to skip."),
        ],
        responses={200: DeliveryPageSerializer, **ERRORS},
    )
    def list(self, request: Request, **kwargs: Any) -> Response:
        """Events for the webhook, newest first."""
        query = request.query_params
        limit = read_limit(query, default=_PAGE, most=_LARGEST_PAGE)
        offset = read_offset(query)
        state = _read_choice(query.get("state"), among=_STATES, attr="state")
        event = _read_choice(query.get("event"), among=EVENTS, attr="event")
        webhook = get_webhook(self.project.pk, read_webhook_id(kwargs["id"]))
        page = list_deliveries(
            self.project.pk, webhook.pk, state=state, event=event, limit=limit, offset=offset
        )
        following, previous = page_links(request, limit=limit, offset=offset, has_more=page.has_more)
        return Response({"results": page.rows, "next": following, "previous": previous})

    @extend_schema(
        operation_id="webhooks_deliveries_retrieve",
        parameters=[PROJECT_ID, WEBHOOK_ID, DELIVERY_ID],
        responses={200: DeliverySerializer, **ERRORS},
    )
    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        """One event."""
        return Response(self._show(**kwargs))

    @extend_schema(
        operation_id="webhooks_deliveries_replay_create",
        parameters=[PROJECT_ID, WEBHOOK_ID, DELIVERY_ID],
        request=None,
        responses={200: DeliverySerializer, **ERRORS},
    )
    def replay(self, request: Request, **kwargs: Any) -> Response:
        """Send the event again, under the same id, whatever became of it. One that waits is tried at once."""
        replay_one(
            project_id=self.project.pk,
            webhook_id=read_webhook_id(kwargs["id"]),
            event_id=read_delivery_id(kwargs["delivery_id"]),
        )
        return Response(self._show(**kwargs))

    def _show(self, **kwargs: Any) -> dict[str, Any]:
        webhook_id, event_id = read_webhook_id(kwargs["id"]), read_delivery_id(kwargs["delivery_id"])
        return show_delivery(self.project.pk, webhook_id, event_id)


def _read_choice(text: str | None, *, among: Sequence[str], attr: str) -> str | None:
    if not text:
        return None
    if text not in among:
        raise InvalidInput(f'"{text}" is not one of {", ".join(among)}.', attr=attr)
    return text
