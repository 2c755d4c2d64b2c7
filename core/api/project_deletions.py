"""``/api/organizations/{organization_id}/project_deletions/``: what became of projects that were deleted."""

from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.account import PAGING, AccountViewSet, counted_page
from core.api.account_serializers import PaginatedProjectDeletionListSerializer, ProjectDeletionSerializer
from core.api.organizations import find_membership
from core.api.persons.documents import ERRORS
from core.auth.authentication import read_project_number
from core.selectors.project_deletions import deletions_of, show_project_deletion

_ORGANIZATION = OpenApiParameter(
    "organization_id", str, OpenApiParameter.PATH, description="The organization's uuid, or `@current`."
)
_PROJECT = OpenApiParameter(
    "project", OpenApiTypes.INT, OpenApiParameter.PATH, description="The id that the project had."
)


class ProjectDeletionViewSet(AccountViewSet):
    """Deletions of projects of an organization."""

    scopes: ClassVar = {"list": ("organization:read",), "retrieve": ("organization:read",)}

    @extend_schema(
        operation_id="organizations_project_deletions_list",
        parameters=[_ORGANIZATION, *PAGING],
        responses={200: PaginatedProjectDeletionListSerializer, **ERRORS},
    )
    def list(self, request: Request, **kwargs: Any) -> Response:
        """Deletions of projects, newest first. One is `completed` when a count in every store has found nothing."""
        membership = find_membership(self.caller, kwargs["organization_id"])
        return counted_page(
            request,
            deletions_of(membership.organization_id),
            lambda deletions: [show_project_deletion(one) for one in deletions],
        )

    @extend_schema(
        operation_id="organizations_project_deletions_retrieve",
        parameters=[_ORGANIZATION, _PROJECT],
        responses={200: ProjectDeletionSerializer, **ERRORS},
    )
    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        """The receipt of one project: who deleted it when, what was found and what is left by store."""
        membership = find_membership(self.caller, kwargs["organization_id"])
        found = deletions_of(membership.organization_id).filter(
            project_id=read_project_number(kwargs["project"])
        )
        deletion = found.first()
        if deletion is None:
            raise NotFound("Not found.")
        return Response(show_project_deletion(deletion))
