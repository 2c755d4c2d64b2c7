"""Deletes users, by their own wish."""

from django.db import transaction

from core.exceptions import InvalidInput
from core.models import Membership, User


@transaction.atomic
def delete_user(*, user_id: int) -> None:
    """Delete the user with keys and memberships; what the user made stays. Raises ``InvalidInput`` for the only owner
    of an organization: nobody could look after it any more.
    """
    user = User.objects.select_for_update().get(pk=user_id)
    owned = Membership.objects.select_related("organization").select_for_update(of=("organization",))
    for membership in owned.filter(user=user, level=Membership.Level.OWNER).order_by("organization_id"):
        others = Membership.objects.filter(
            organization_id=membership.organization_id, level=Membership.Level.OWNER
        ).exclude(user=user)
        if not others.exists():
            raise InvalidInput(
                f"You are the only owner of the organization '{membership.organization.name}'."
            )
    user.delete()
