"""Makes personal API keys."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from core.auth.keys import new_key, new_key_id
from core.auth.scopes import is_scope
from core.exceptions import InvalidInput
from core.models import PersonalAPIKey, Project, User
from core.services.create_project import default_user


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
    if not label.strip():
        raise InvalidInput("This field may not be blank.", attr="label")
    if len(label) > 40 or "\0" in label:
        raise InvalidInput("Ensure this field has no more than 40 printable characters.", attr="label")
    if not scopes:
        raise InvalidInput("This list may not be empty.", attr="scopes")
    for scope in scopes:
        if not is_scope(scope):
            raise InvalidInput(f"Invalid scope: {scope}", attr="scopes")
    user = _user(user_email)
    _check_projects(user, project_ids)
    secret = new_key()
    key = PersonalAPIKey.objects.create(
        id=new_key_id(),
        user=user,
        label=label,
        mask_value=secret.mask,
        secure_value=secret.hashed,
        scopes=list(scopes),
        scoped_projects=list(project_ids),
    )
    return CreatedKey(id=key.id, value=secret.value, scopes=key.scopes)


def _user(email: str | None) -> User:
    if email is None:
        return default_user()
    user = User.objects.filter(email__iexact=email).first()
    if user is None:
        raise InvalidInput(f"There is no user with the address {email}.", attr="user")
    return user


def _check_projects(user: User, project_ids: Sequence[int]) -> None:
    reachable = set(
        Project.objects.filter(organization__memberships__user=user, pk__in=project_ids).values_list(
            "pk", flat=True
        )
    )
    for project_id in project_ids:
        if project_id not in reachable:
            raise InvalidInput(f"Project {project_id} does not exist or is not the user's.", attr="project")
