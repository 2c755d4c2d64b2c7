"""``/api/projects/`` and ``/api/organizations/{organization_id}/projects/``: projects and their settings."""

from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.account import PAGING, AccountViewSet, counted_page
from core.api.account_serializers import (
    PaginatedProjectBasicListSerializer,
    ProjectDeletionSerializer,
    ProjectSerializer,
    ProjectSettingsSerializer,
)
from core.api.organizations import check_level, find_membership, visible_to
from core.api.persons.documents import ERRORS
from core.api.strict_fields import check_numbers
from core.api.views import demanded
from core.auth.access import check_organization, check_restriction, check_scopes, check_takes_keys
from core.auth.authentication import CURRENT, read_project_number
from core.exceptions import InvalidInput
from core.models import Project
from core.selectors.organizations import refused_by, visible_memberships
from core.selectors.project_deletions import show_project_deletion
from core.selectors.projects import Visible, membership_level, project_rows, show_project, visible_projects
from core.services.create_project import create_project_of
from core.services.delete_project import delete_project
from core.services.update_project import update_project

PROJECT = OpenApiParameter("id", str, OpenApiParameter.PATH, description="The project's id, or `@current`.")
#: What is shown and cannot be changed here, although elsewhere it can: refused, so that nobody believes it was.
_FIXED = ("anonymize_ips", "modifiers")


class ProjectViewSet(AccountViewSet):
    """Projects that the user can reach."""

    scopes: ClassVar = {
        "list": ("project:read",),
        "create": ("project:write",),
        "retrieve": ("project:read",),
        "update": ("project:write",),
        "partial_update": ("project:write",),
        "destroy": ("project:write",),
    }
    sensitive: ClassVar = frozenset(["destroy"])

    def check_key(self) -> None:
        """One project is found before the key is judged, as on all routes of a project; among many, a key that is
        limited to some of them has no place.
        """
        if "id" not in self.kwargs:
            super().check_key()
            return
        project = self.project
        scopes = check_takes_keys(demanded(self.scopes, self.action))
        check_restriction(self.caller, project)
        check_organization(self._refused_by(project))
        check_scopes(self.caller, scopes)

    @extend_schema(
        operation_id="list", parameters=PAGING, responses={200: PaginatedProjectBasicListSerializer, **ERRORS}
    )
    def list(self, request: Request, **kwargs: Any) -> Response:
        """Projects of all one's organizations, or of the one in the path."""
        name = kwargs.get("organization_id")
        organization_id = None if name is None else find_membership(self.caller, name).organization_id
        found = visible_projects(visible_to(self.caller), organization_id=organization_id)
        return counted_page(request, found, project_rows)

    @extend_schema(
        operation_id="create",
        request=ProjectSettingsSerializer,
        responses={201: ProjectSerializer, **ERRORS},
    )
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Make a project of the organization in the path, or of the current one. Takes an administrator of it."""
        membership = find_membership(self.caller, kwargs.get("organization_id", CURRENT))
        check_level(membership.level, "You need to be an organization admin or above to create new projects.")
        user_id = self.caller.user_id
        fields = _read_settings(request)
        project = create_project_of(
            organization_id=membership.organization_id, user_id=user_id, fields=fields
        )
        return Response(show_project(project, user_id=user_id), status=201)

    @extend_schema(
        operation_id="retrieve", parameters=[PROJECT], responses={200: ProjectSerializer, **ERRORS}
    )
    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        """One project with its settings."""
        return Response(show_project(self.project, user_id=self.caller.user_id))

    @extend_schema(
        operation_id="update",
        parameters=[PROJECT],
        request=ProjectSettingsSerializer,
        responses={200: ProjectSerializer, **ERRORS},
    )
    def update(self, request: Request, **kwargs: Any) -> Response:
        """The same as `PATCH`."""
        return self.partial_update(request, **kwargs)

    @extend_schema(
        operation_id="partial_update",
        parameters=[PROJECT],
        request=ProjectSettingsSerializer,
        responses={200: ProjectSerializer, **ERRORS},
    )
    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Change settings; they count from the next request on. Takes an administrator of the organization."""
        project, user_id = self.project, self.caller.user_id
        check_level(membership_level(user_id, project.organization_id))
        fields = _read_settings(request)
        body: Any = request.data
        shown = show_project(project, user_id=user_id)
        for name in _FIXED:
            if name in body and body[name] != shown[name]:
                raise InvalidInput("This setting cannot be changed on this server.", attr=name)
        project = update_project(project_id=project.pk, fields=fields, user_id=user_id)
        return Response(show_project(project, user_id=user_id))

    @extend_schema(
        operation_id="destroy", parameters=[PROJECT], responses={202: ProjectDeletionSerializer, **ERRORS}
    )
    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Delete the project. It is gone at once: its id answers 404, and its token takes no events. Everything of it
        is erased afterwards; the answer is the receipt, which `/api/organizations/{id}/project_deletions/` keeps.
        Takes an administrator of the organization.
        """
        project, user_id = self.project, self.caller.user_id
        check_level(membership_level(user_id, project.organization_id))
        deletion = delete_project(project_id=project.pk, user_id=user_id)
        return Response(show_project_deletion(deletion), status=202)

    @cached_property
    def project(self) -> Project:
        """The project of the path. Raises ``NotFound`` for one that the user cannot see."""
        name, caller = self.kwargs["id"], self.caller
        if name != CURRENT:
            found = visible_projects(Visible(caller.user_id)).filter(pk=read_project_number(name))
        else:
            found = visible_projects(replace(visible_to(caller), by_key=False)).filter(
                pk=caller.project.pk if caller.project is not None else 0
            )
        if "organization_id" in self.kwargs:
            membership = find_membership(caller, self.kwargs["organization_id"])
            found = found.filter(organization_id=membership.organization_id)
        project = found.first()
        if project is None:
            raise NotFound("Not found.")
        return project

    def _refused_by(self, project: Project) -> str | None:
        found = visible_memberships(Visible(self.caller.user_id)).filter(
            organization_id=project.organization_id
        )
        return refused_by(found.get())


def _read_settings(request: Request) -> dict[str, Any]:
    form = ProjectSettingsSerializer(data=request.data)
    form.is_valid(raise_exception=True)
    fields: dict[str, Any] = form.validated_data
    check_numbers(fields.get("test_account_filters"), attr="test_account_filters")
    return fields
