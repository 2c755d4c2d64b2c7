"""Makes users who can log in, and gives them passwords."""

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from core.exceptions import InvalidInput
from core.models import Membership, User
from core.services.create_project import default_user

SHORTEST_PASSWORD = 8


@transaction.atomic
def create_user(*, email: str, password: str, level: Membership.Level) -> User:
    """A new member of the default organization. Raises ``InvalidInput``, also for an address that somebody has."""
    try:
        validate_email(email)
    except ValidationError:
        raise InvalidInput("Enter a valid email address.", attr="email") from None
    organization = default_user().memberships.get().organization
    if User.objects.filter(email__iexact=email).exists():
        raise InvalidInput("There is already a user with this address.", attr="email")
    _check(password)
    user = User.objects.create_user(
        email, password, current_project=organization.projects.order_by("pk").first()
    )
    Membership.objects.create(organization=organization, user=user, level=level)
    return user


@transaction.atomic
def set_password(*, email: str, password: str) -> None:
    """Another password; every session of the user ends. Raises ``InvalidInput``."""
    user = User.objects.filter(email__iexact=email).first()
    if user is None:
        raise InvalidInput(f"There is no user with the address {email}.", attr="email")
    _check(password)
    user.set_password(password)
    user.save(update_fields=["password"])


def _check(password: str) -> None:
    if len(password) < SHORTEST_PASSWORD:
        raise InvalidInput(f"Ensure this field has at least {SHORTEST_PASSWORD} characters.", attr="password")
