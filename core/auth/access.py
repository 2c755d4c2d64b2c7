"""Whether a key reaches a project, and what it may do there. Refusals come in the order of the platform
contract.
"""

from collections.abc import Sequence

from rest_framework.exceptions import NotFound, PermissionDenied

from core.auth.scopes import missing_scope
from core.models import Membership, PersonalAPIKey, Project

CURRENT = "@current"
#: The largest id that PostgreSQL's bigint holds.
LARGEST_ID = 2**63 - 1


def project_for(key: PersonalAPIKey, project_id: str, scopes: Sequence[str]) -> Project:
    """The project that ``project_id`` names, reachable by ``key`` with all of ``scopes``.

    Raises ``NotFound`` for a project that does not exist and ``PermissionDenied`` for one out of reach.
    """
    project = _named_project(key, project_id)
    if project is None:
        raise NotFound("Project not found.")
    _check_restriction(key, project)
    missing = missing_scope(key.scopes, scopes)
    if missing is not None:
        raise PermissionDenied(f"API key missing required scope '{missing}'")
    if not Membership.objects.filter(user_id=key.user_id, organization_id=project.organization_id).exists():
        raise PermissionDenied("You don't have access to the project.")
    return project


def _named_project(key: PersonalAPIKey, project_id: str) -> Project | None:
    if project_id == CURRENT:
        only = key.scoped_projects[0] if len(key.scoped_projects) == 1 else key.user.current_project_id
        return Project.objects.filter(pk=only).first() if only is not None else None
    if not (project_id.isascii() and project_id.isdigit()) or int(project_id) > LARGEST_ID:
        return None
    return Project.objects.filter(pk=int(project_id)).first()


def _check_restriction(key: PersonalAPIKey, project: Project) -> None:
    if key.scoped_projects and project.pk not in key.scoped_projects:
        raise PermissionDenied(f"API key does not have access to the requested project: ID {project.pk}.")
    if key.scoped_organizations and project.organization_id not in key.scoped_organizations:
        raise PermissionDenied(
            f"API key does not have access to the requested organization: ID {project.organization_id}."
        )
