"""Who may use the admin of the installation."""

from dataclasses import dataclass

from django.db import transaction

from core.exceptions import InvalidInput
from core.models import Membership, User
from core.services.create_user import create_user, set_password


@dataclass(frozen=True, slots=True)
class Admin:
    """Somebody who may use the admin. ``is_new``: has not been there; ``has_new_password``: the given one counts."""

    user: User
    is_new: bool
    has_new_password: bool


def can_log_in(email: str) -> bool:
    """Whether somebody with this address has a password."""
    user = User.objects.filter(email__iexact=email).first()
    return user is not None and user.has_usable_password()


@transaction.atomic
def create_admin(*, email: str, password: str | None) -> Admin:
    """Make somebody an admin: a new owner of the default organization, or whoever has the address. A password that is
    there stays, so doing it again changes nothing. Raises ``InvalidInput``, also where ``password`` is missing.
    """
    user = User.objects.select_for_update().filter(email__iexact=email).first()
    needs_password = user is None or not user.has_usable_password()
    is_new = user is None
    if needs_password and password is None:
        raise InvalidInput("This field is required.", attr="password", code="required")
    if user is None:
        user = create_user(email=email, password=password or "", level=Membership.Level.OWNER)
    elif needs_password:
        set_password(email=user.email, password=password or "")
        user.refresh_from_db()
    user.is_active = user.is_staff = True
    user.save(update_fields=["is_active", "is_staff"])
    return Admin(user, is_new, has_new_password=needs_password)


@transaction.atomic
def change_rights(*, user_id: int, is_active: bool, is_staff: bool, by_user_id: int) -> User:
    """Let somebody in or out. Nobody can shut themselves out: an installation would be left without an admin. Raises
    ``InvalidInput``.
    """
    user = User.objects.select_for_update().get(pk=user_id)
    if user_id == by_user_id and not (is_active and is_staff):
        attr = "is_staff" if is_active else "is_active"
        raise InvalidInput("You cannot take this from yourself; another admin can.", attr=attr)
    user.is_active, user.is_staff = is_active, is_staff
    user.save(update_fields=["is_active", "is_staff"])
    return user
