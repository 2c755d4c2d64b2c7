"""``/api/organizations/``: the organizations of a user."""

from dataclasses import replace
from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.account import PAGING, AccountViewSet, counted_page
from core.api.account_serializers import (
    OrganizationSerializer,
    OrganizationSettingsSerializer,
    PaginatedOrganizationListSerializer,
)
from core.api.persons.documents import ERRORS
from core.auth.access import check_organization
from core.auth.authentication import CURRENT, Caller
from core.auth.sessions import SessionCaller
from core.models import Membership
from core.selectors.organizations import refused_by, show_organization, visible_memberships
from core.selectors.projects import Visible
from core.services.update_organization import update_organization

ORGANIZATION_ID = OpenApiParameter(
    "id", str, OpenApiParameter.PATH, description="The organization's uuid, or `@current`."
)


class OrganizationViewSet(AccountViewSet):
    """Organizations that the user is a member of."""

    scopes: ClassVar = {
        "list": ("organization:read",),
        "retrieve": ("organization:read",),
        "partial_update": ("organization:write",),
    }
    sensitive: ClassVar = frozenset(["partial_update"])

    @extend_schema(
        operation_id="organizations_list",
        parameters=PAGING,
        responses={200: PaginatedOrganizationListSerializer, **ERRORS},
    )
    def list(self, request: Request, **kwargs: Any) -> Response:
        """One's organizations, the first one joined first."""
        visible = visible_to(self.caller)
        return counted_page(
            request,
            visible_memberships(visible),
            lambda memberships: [show_organization(one, visible) for one in memberships],
        )

    @extend_schema(
        operation_id="organizations_retrieve",
        parameters=[ORGANIZATION_ID],
        responses={200: OrganizationSerializer, **ERRORS},
    )
    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        """One organization with its projects."""
        membership = find_membership(self.caller, kwargs["id"])
        return Response(show_organization(membership, visible_to(self.caller)))

    @extend_schema(
        operation_id="organizations_partial_update",
        parameters=[ORGANIZATION_ID],
        request=OrganizationSettingsSerializer,
        responses={200: OrganizationSerializer, **ERRORS},
    )
    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Change its name, or whether keys of ordinary members work in it; it counts from the next request on. Takes an
        administrator.
        """
        membership = find_membership(self.caller, kwargs["id"])
        check_level(membership.level)
        form = OrganizationSettingsSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        update_organization(organization_id=membership.organization_id, fields=form.validated_data)
        membership = find_membership(self.caller, str(membership.organization_id))
        return Response(show_organization(membership, visible_to(self.caller)))


def visible_to(caller: Caller) -> Visible:
    """What lists show."""
    is_key = not isinstance(caller, SessionCaller)
    return Visible(caller.user_id, caller.scoped_organizations, caller.scoped_projects, by_key=is_key)


def check_level(level: int | None, detail: str = "Your organization access level is insufficient.") -> None:
    """Raises ``PermissionDenied`` for who is no administrator of an organization."""
    if (level or 0) < Membership.Level.ADMIN:
        raise PermissionDenied(detail)


def find_membership(caller: Caller, name: str) -> Membership:
    """The membership in the organization that a path names; ``@current`` is that of the current project, or else the
    one joined first. Raises ``NotFound``, and ``PermissionDenied`` for a key that the organization does not take.
    """
    found = visible_memberships(replace(visible_to(caller), by_key=False))
    if name != CURRENT:
        found = found.filter(organization_id=_uuid(name))
    elif caller.project is not None and caller.is_member:
        found = found.filter(organization_id=caller.project.organization_id)
    membership = found.first()
    if membership is None:
        raise NotFound("Not found.")
    if not isinstance(caller, SessionCaller):
        check_organization(refused_by(membership))
    return membership


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound("Not found.") from None
