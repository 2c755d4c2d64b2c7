"""Makes projects."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction

from core.auth.keys import new_project_token
from core.exceptions import InvalidInput
from core.models import Membership, Organization, Project, User
from core.services.record_activity import Activity, record_activity
from core.services.update_project import update_project

#: Who owns what the command line makes. Nobody logs in as this user: it has no password.
DEFAULT_EMAIL = "admin@localhost"
DEFAULT_ORGANIZATION = "Default organization"


#: What a project is called that nobody gave a name.
DEFAULT_NAME = "Default project"


@transaction.atomic
def create_project(*, name: str) -> Project:
    """A new project of the default organization, whose users can reach it with their keys.

    Raises ``InvalidInput`` for a name that is blank or longer than 200 characters.
    """
    owner = default_user()
    organization = Organization.objects.get(memberships__user=owner)
    return _create(organization.pk, name, owner)


@transaction.atomic
def create_project_of(*, organization_id: UUID, user_id: int, fields: Mapping[str, Any]) -> Project:
    """A new project of an organization, with a name and settings as ``update_project`` takes them. It becomes the
    current project of a user who has none. Raises ``InvalidInput``.
    """
    user = User.objects.select_for_update().get(pk=user_id)
    project = _create(organization_id, fields.get("name", DEFAULT_NAME), user)
    record_activity(
        project_id=project.pk,
        user_id=user_id,
        activities=[Activity("Project", "created", project.pk, project.name)],
    )
    return update_project(project_id=project.pk, fields=fields, user_id=user_id)


def _create(organization_id: UUID, name: str, user: User) -> Project:
    name = name.strip()
    if not name:
        raise InvalidInput("This field may not be blank.", attr="name")
    if len(name) > 200 or "\0" in name:
        raise InvalidInput("Ensure this field has no more than 200 printable characters.", attr="name")
    project = Project.objects.create(
        organization_id=organization_id, name=name, api_token=new_project_token()
    )
    if user.current_project_id is None:
        user.current_project = project
        user.save(update_fields=["current_project"])
    return project


def default_user() -> User:
    """The owner of the default organization, made on first use."""
    user = User.objects.filter(email=DEFAULT_EMAIL).first()
    if user is None:
        user = User.objects.create_user(DEFAULT_EMAIL)
        organization = Organization.objects.create(name=DEFAULT_ORGANIZATION)
        Membership.objects.create(organization=organization, user=user, level=Membership.Level.OWNER)
    return user
