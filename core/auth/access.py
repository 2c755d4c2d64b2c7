"""Whether a key reaches a project, and what it may do there. Refusals come in the order of the platform contract."""

from collections.abc import Sequence

from rest_framework.exceptions import NotFound, PermissionDenied

from core.auth.authentication import Caller
from core.auth.scopes import missing_scope
from core.models import Project

CURRENT = "@current"
#: The largest id that PostgreSQL's bigint holds.
LARGEST_ID = 2**63 - 1

#: The project, and whether the key's user is a member of its organization: one look-up, for every request makes it.
_FIND = """
SELECT p.*, EXISTS (
    SELECT 1 FROM core_membership m WHERE m.user_id = %s AND m.organization_id = p.organization_id
) AS is_member
FROM core_project p WHERE p.id = %s
"""


def project_for(caller: Caller, project_id: str, scopes: Sequence[str]) -> Project:
    """The project that ``project_id`` names, reachable by the key with all of ``scopes``.

    Raises ``NotFound`` for a project that does not exist and ``PermissionDenied`` for one out of reach.
    """
    wanted = _read_id(caller, project_id)
    project = next(iter(Project.objects.raw(_FIND, [caller.user_id, wanted])), None) if wanted else None
    if project is None:
        raise NotFound("Project not found.")
    _check_restriction(caller, project)
    missing = missing_scope(caller.scopes, scopes)
    if missing is not None:
        raise PermissionDenied(f"API key missing required scope '{missing}'")
    if not getattr(project, "is_member", False):
        raise PermissionDenied("You don't have access to the project.")
    return project


def _read_id(caller: Caller, project_id: str) -> int | None:
    """The number that the path means; null when it can be none."""
    if project_id == CURRENT:
        return caller.scoped_projects[0] if len(caller.scoped_projects) == 1 else caller.current_project_id
    if not (project_id.isascii() and project_id.isdigit() and len(project_id) <= len(str(LARGEST_ID))):
        return None
    return min(int(project_id), LARGEST_ID)


def _check_restriction(caller: Caller, project: Project) -> None:
    if caller.scoped_projects and project.pk not in caller.scoped_projects:
        raise PermissionDenied(f"API key does not have access to the requested project: ID {project.pk}.")
    if caller.scoped_organizations and project.organization_id not in caller.scoped_organizations:
        raise PermissionDenied(
            f"API key does not have access to the requested organization: ID {project.organization_id}."
        )
