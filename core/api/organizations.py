"""``/api/organizations/``: the organizations of a user."""

from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.account import PAGING, AccountViewSet, counted_page
from core.api.account_serializers import OrganizationSerializer, PaginatedOrganizationListSerializer
from core.api.persons.documents import ERRORS
from core.auth.authentication import CURRENT, Caller
from core.models import Membership
from core.selectors.organizations import show_organization, visible_memberships
from core.selectors.projects import Visible

ORGANIZATION_ID = OpenApiParameter(
    "id", str, OpenApiParameter.PATH, description="The organization's uuid, or `@current`."
)


class OrganizationViewSet(AccountViewSet):
    """Organizations that the user is a member of."""

    scopes: ClassVar = {"list": ("organization:read",), "retrieve": ("organization:read",)}

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


def visible_to(caller: Caller) -> Visible:
    return Visible(caller.user_id, caller.scoped_organizations, caller.scoped_projects)


def find_membership(caller: Caller, name: str) -> Membership:
    """The membership in the organization that a path names; ``@current`` is that of the current project, or else the
    one joined first. Raises ``NotFound``.
    """
    found = visible_memberships(visible_to(caller))
    if name != CURRENT:
        found = found.filter(organization_id=_uuid(name))
    elif caller.project is not None and caller.is_member:
        found = found.filter(organization_id=caller.project.organization_id)
    membership = found.first()
    if membership is None:
        raise NotFound("Not found.")
    return membership


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound("Not found.") from None
