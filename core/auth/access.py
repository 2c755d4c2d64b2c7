"""Whether a key reaches its project, and what it may do there. Refusals come in the order of the platform contract."""

from collections.abc import Sequence

from rest_framework.exceptions import NotFound, PermissionDenied

from core.auth.authentication import Caller
from core.auth.scopes import missing_scope
from core.auth.sessions import SessionCaller
from core.models import Project


def reachable_project(caller: Caller, scopes: Sequence[str] | None) -> Project:
    """The caller's project, reachable by the key with all of ``scopes``; null: no key may do this.

    Raises ``NotFound`` for a project that does not exist and ``PermissionDenied`` for one out of reach.
    """
    project = caller.project
    if project is None:
        raise NotFound("Project not found.")
    demanded = scopes if isinstance(caller, SessionCaller) else check_takes_keys(scopes)
    check_restriction(caller, project)
    check_organization(caller.refused_by)
    check_scopes(caller, demanded or ())
    if not caller.is_member:
        raise PermissionDenied("You don't have access to the project.")
    return project


def check_account_key(
    caller: Caller, scopes: Sequence[str] | None, *, takes_limited_keys: bool = False
) -> None:
    """Whether the key may ask a route that belongs to no project; ``scopes`` null: none may. Raises
    ``PermissionDenied``.
    """
    demanded = check_takes_keys(scopes)
    if caller.scoped_projects and not takes_limited_keys:
        raise PermissionDenied("API keys with scoped projects are only supported on project-based endpoints.")
    check_scopes(caller, demanded)


def check_takes_keys(scopes: Sequence[str] | None) -> Sequence[str]:
    """The scopes that a route demands. Raises ``PermissionDenied`` when it takes no keys, ``scopes`` being null."""
    if scopes is None:
        raise PermissionDenied("This action does not support personal API key access")
    return scopes


def check_scopes(caller: Caller, scopes: Sequence[str]) -> None:
    """Raises ``PermissionDenied`` that names the first scope the key lacks."""
    missing = missing_scope(caller.scopes, scopes)
    if missing is not None:
        raise PermissionDenied(f"API key missing required scope '{missing}'")


def check_restriction(caller: Caller, project: Project) -> None:
    """Raises ``PermissionDenied`` for a project that the key is not limited to."""
    if caller.scoped_projects and project.pk not in caller.scoped_projects:
        raise PermissionDenied(f"API key does not have access to the requested project: ID {project.pk}.")
    if caller.scoped_organizations and project.organization_id not in caller.scoped_organizations:
        raise PermissionDenied(
            f"API key does not have access to the requested organization: ID {project.organization_id}."
        )


def check_organization(refused_by: str | None) -> None:
    """Raises ``PermissionDenied`` for a key of an ordinary member of an organization that does not want any; null is
    one that takes it.
    """
    if refused_by is not None:
        raise PermissionDenied(
            f"Organization '{refused_by}' does not allow using personal API keys. "
            "Contact an admin to enable personal API keys for this organization."
        )
