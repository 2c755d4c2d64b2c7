"""Makes personal API keys."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from core.auth.keys import new_key, new_key_id
from core.exceptions import InvalidInput
from core.models import PersonalAPIKey, User
from core.services.create_project import default_user
from core.services.key_rules import check_label, checked_organizations, checked_projects, checked_scopes

#: Keys that one user may have by the API; the command line makes any number.
MOST_KEYS = 10


@dataclass(frozen=True, slots=True)
class CreatedKey:
    """A new key; ``value`` is its clear text, which is kept nowhere."""

    id: str
    value: str
    scopes: list[str]


@transaction.atomic
def create_key(
    *, label: str, scopes: Sequence[str], project_ids: Sequence[int] = (), user_email: str | None = None
) -> CreatedKey:
    """A key of the user with ``user_email`` (null: the default user), limited to ``project_ids`` if any are
    given.

    Raises ``InvalidInput``.
    """
    key, value = _create(_user(user_email), label=label, scopes=scopes, project_ids=project_ids)
    return CreatedKey(id=key.id, value=value, scopes=key.scopes)


@transaction.atomic
def create_own_key(
    *,
    user_id: int,
    label: str,
    scopes: Sequence[str],
    project_ids: Sequence[int],
    organization_ids: Sequence[UUID],
    description: str | None,
) -> tuple[PersonalAPIKey, str]:
    """A key that a user makes, and its clear text. Raises ``InvalidInput``, also for one more than ``MOST_KEYS``."""
    # Two at once must not both be the tenth.
    user = User.objects.select_for_update().get(pk=user_id)
    if PersonalAPIKey.objects.filter(user=user).count() >= MOST_KEYS:
        raise InvalidInput(
            f"You can only have {MOST_KEYS} personal API keys. Remove an existing key before creating a new one."
        )
    return _create(
        user,
        label=label,
        scopes=scopes,
        project_ids=project_ids,
        organization_ids=organization_ids,
        description=description,
    )


def _create(
    user: User,
    *,
    label: str,
    scopes: Sequence[str],
    project_ids: Sequence[int] = (),
    organization_ids: Sequence[UUID] = (),
    description: str | None = None,
) -> tuple[PersonalAPIKey, str]:
    check_label(label)
    secret = new_key()
    key = PersonalAPIKey.objects.create(
        id=new_key_id(),
        user=user,
        label=label,
        description=description,
        mask_value=secret.mask,
        secure_value=secret.hashed,
        scopes=checked_scopes(scopes),
        scoped_projects=checked_projects(user, project_ids),
        scoped_organizations=checked_organizations(user, organization_ids),
    )
    return key, secret.value


def _user(email: str | None) -> User:
    if email is None:
        return default_user()
    user = User.objects.filter(email__iexact=email).first()
    if user is None:
        raise InvalidInput(f"There is no user with the address {email}.", attr="user")
    return user
