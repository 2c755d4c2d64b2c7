"""Makes projects."""

from django.db import transaction

from core.auth.keys import new_project_token
from core.exceptions import InvalidInput
from core.models import Membership, Organization, Project, User

#: Who owns what the command line makes. Nobody logs in as this user: it has no password.
DEFAULT_EMAIL = "admin@localhost"
DEFAULT_ORGANIZATION = "Default organization"


@transaction.atomic
def create_project(*, name: str) -> Project:
    """A new project of the default organization, whose users can reach it with their keys.

    Raises ``InvalidInput`` for a name that is blank or longer than 200 characters.
    """
    name = name.strip()
    if not name:
        raise InvalidInput("This field may not be blank.", attr="name")
    if len(name) > 200 or "\0" in name:
        raise InvalidInput("Ensure this field has no more than 200 printable characters.", attr="name")
    owner = default_user()
    organization = Organization.objects.get(memberships__user=owner)
    project = Project.objects.create(organization=organization, name=name, api_token=new_project_token())
    if owner.current_project_id is None:
        owner.current_project = project
        owner.save(update_fields=["current_project"])
    return project


def default_user() -> User:
    """The owner of the default organization, made on first use."""
    user = User.objects.filter(email=DEFAULT_EMAIL).first()
    if user is None:
        user = User.objects.create_user(DEFAULT_EMAIL)
        organization = Organization.objects.create(name=DEFAULT_ORGANIZATION)
        Membership.objects.create(organization=organization, user=user, level=Membership.Level.OWNER)
    return user
