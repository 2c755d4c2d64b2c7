"""Whether a key reaches a project, and what it may do there. Refusals come in the order of the platform contract."""

from collections.abc import Sequence

from rest_framework.exceptions import NotFound, PermissionDenied

from core.auth.authentication import Caller
from core.auth.scopes import missing_scope
from core.database import fetch_prepared
from core.models import Project

CURRENT = "@current"
#: The largest id that PostgreSQL's bigint holds.
LARGEST_ID = 2**63 - 1

_FIELDS = [field.attname for field in Project._meta.concrete_fields]
#: Whether the key's user is a member of the project's organization, and the project: one look-up, for every request
#: makes it.
_FIND = f"""
SELECT EXISTS (
    SELECT 1 FROM core_membership m WHERE m.user_id = %s AND m.organization_id = p.organization_id
), {", ".join(f"p.{name}" for name in _FIELDS)}
FROM core_project p WHERE p.id = %s
"""  # noqa: S608 - names of columns


def project_for(caller: Caller, project_id: str, scopes: Sequence[str]) -> Project:
    """The project that ``project_id`` names, reachable by the key with all of ``scopes``.

    Raises ``NotFound`` for a project that does not exist and ``PermissionDenied`` for one out of reach.
    """
    wanted = _read_id(caller, project_id)
    rows = fetch_prepared(_FIND, [caller.user_id, wanted]) if wanted else []
    if not rows:
        raise NotFound("Project not found.")
    is_member, *values = rows[0]
    project = Project.from_db(None, _FIELDS, values)
    _check_restriction(caller, project)
    missing = missing_scope(caller.scopes, scopes)
    if missing is not None:
        raise PermissionDenied(f"API key missing required scope '{missing}'")
    if not is_member:
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
