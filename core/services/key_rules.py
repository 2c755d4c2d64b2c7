"""What a personal API key may be. Who makes or changes one asks here first."""

from collections.abc import Collection, Sequence
from uuid import UUID

from core.auth.scopes import is_scope
from core.exceptions import InvalidInput
from core.models import Membership, Project, User

LONGEST_LABEL = 40
LONGEST_DESCRIPTION = 1000


def check_label(label: str) -> None:
    if not label.strip():
        raise InvalidInput("This field may not be blank.", attr="label", code="blank")
    if len(label) > LONGEST_LABEL or "\0" in label:
        raise InvalidInput(
            f"Ensure this field has no more than {LONGEST_LABEL} printable characters.", attr="label"
        )


def checked_scopes(scopes: Sequence[str]) -> list[str]:
    """The scopes, each once. A key without any could do nothing."""
    if not scopes:
        raise InvalidInput("This list may not be empty.", attr="scopes", code="empty")
    for scope in scopes:
        if not is_scope(scope):
            raise InvalidInput(f"Invalid scope: {scope}", attr="scopes")
    return list(dict.fromkeys(scopes))


def checked_projects(user: User, project_ids: Collection[int]) -> list[int]:
    """The projects that a key of ``user`` is limited to, each once; the user must reach all of them."""
    found = Project.objects.filter(organization__memberships__user=user, pk__in=project_ids)
    if set(found.values_list("pk", flat=True)) != set(project_ids):
        raise InvalidInput(
            "You must be a member of all teams that you are scoping the key to.", attr="scoped_teams"
        )
    return list(dict.fromkeys(project_ids))


def checked_organizations(user: User, organization_ids: Collection[UUID]) -> list[UUID]:
    """The organizations that a key of ``user`` is limited to, each once; the user must be in all of them."""
    found = Membership.objects.filter(user=user, organization_id__in=organization_ids)
    if set(found.values_list("organization_id", flat=True)) != set(organization_ids):
        raise InvalidInput(
            "You must be a member of all organizations that you are scoping the key to.",
            attr="scoped_organizations",
        )
    return list(dict.fromkeys(organization_ids))
