"""What users see of themselves."""

from typing import Any

from core.json import iso
from core.models import User
from core.selectors.organizations import organization_row, show_organization, visible_memberships
from core.selectors.projects import Visible, project_rows


def get_user(user_id: int) -> User:
    """The user with the project that is current."""
    return User.objects.select_related("current_project").get(pk=user_id)


def show_user(user: User) -> dict[str, Any]:
    """The user with everything that is in reach. The current organization is that of the current project, or else the
    one joined first.
    """
    visible = Visible(user.pk)
    memberships = list(visible_memberships(visible))
    project = user.current_project
    of_project = [one for one in memberships if project and one.organization_id == project.organization_id]
    current = next(iter([*of_project, *memberships]), None)
    # A project that the user may no longer see is no current one.
    team = project_rows([project])[0] if project and of_project else None
    return {
        "id": user.pk,
        "uuid": str(user.uuid),
        "distinct_id": str(user.uuid),
        "first_name": user.first_name,
        "last_name": user.last_name,
        "email": user.email,
        "is_staff": user.is_staff,
        "is_email_verified": None,
        "date_joined": iso(user.date_joined),
        "has_password": user.has_usable_password(),
        "team": team,
        "organization": show_organization(current, visible) if current else None,
        "organizations": [organization_row(one) for one in memberships],
    }


def show_basic_user(user: User | None) -> dict[str, Any] | None:
    """The user as one who did something; null is the system."""
    if user is None:
        return None
    return {
        "id": user.pk,
        "uuid": str(user.uuid),
        "distinct_id": str(user.uuid),
        "first_name": user.first_name,
        "last_name": user.last_name,
        "email": user.email,
        "is_email_verified": None,
        "hedgehog_config": None,
        "role_at_organization": None,
    }
