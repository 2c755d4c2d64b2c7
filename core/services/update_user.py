"""Changes what users may change about themselves."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from core.exceptions import InvalidInput
from core.models import Membership, Project, User


@transaction.atomic
def update_user(*, user_id: int, fields: Mapping[str, Any]) -> User:
    """Set those of ``first_name``, ``last_name``, ``set_current_organization`` and ``set_current_team`` that are given;
    the project comes last and wins. Raises ``InvalidInput`` for a project or an organization of others.
    """
    user = User.objects.select_for_update().get(pk=user_id)
    for name in ("first_name", "last_name"):
        if name in fields:
            setattr(user, name, fields[name])
    if "set_current_organization" in fields:
        user.current_project = _project_of(user, fields["set_current_organization"])
    if "set_current_team" in fields:
        user.current_project = _project(user, fields["set_current_team"])
    user.save(update_fields=["first_name", "last_name", "current_project"])
    return user


def _project(user: User, project_id: int) -> Project:
    project = Project.objects.filter(pk=project_id, organization__memberships__user=user).first()
    if project is None:
        raise InvalidInput(f"Object with id={project_id} does not exist.", attr="set_current_team")
    return project


def _project_of(user: User, organization_id: Any) -> Project:
    """The current project if it is one of the organization's, or else its oldest."""
    attr = "set_current_organization"
    if not Membership.objects.filter(user=user, organization_id=organization_id).exists():
        raise InvalidInput(f"Object with id={organization_id} does not exist.", attr=attr)
    if user.current_project and user.current_project.organization_id == organization_id:
        return user.current_project
    project = Project.objects.filter(organization_id=organization_id).order_by("pk").first()
    if project is None:
        raise InvalidInput("This organization has no project yet.", attr=attr)
    return project
