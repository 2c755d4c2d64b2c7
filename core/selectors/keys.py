"""Shows personal API keys to their user."""

from typing import Any

from core.auth.keys import is_legacy_hash
from core.json import iso
from core.models import PersonalAPIKey


def list_keys(user_id: int) -> list[PersonalAPIKey]:
    """The user's keys, newest first."""
    return list(PersonalAPIKey.objects.filter(user_id=user_id).order_by("-created_at", "-pk"))


def get_key(user_id: int, key_id: str) -> PersonalAPIKey | None:
    """The user's key with this id."""
    return PersonalAPIKey.objects.filter(user_id=user_id, pk=key_id).first()


def show_key(key: PersonalAPIKey, *, value: str | None = None) -> dict[str, Any]:
    """The object of the API. ``value`` is the clear text, which is known only right after it was made."""
    return {
        "id": key.pk,
        "label": key.label,
        "description": key.description,
        "value": value,
        "mask_value": key.mask_value,
        "created_at": iso(key.created_at),
        "last_used_at": iso(key.last_used_at),
        "last_rolled_at": iso(key.last_rolled_at),
        "user_id": key.user_id,
        "scopes": key.scopes,
        "scoped_teams": key.scoped_projects,
        "scoped_organizations": [str(organization_id) for organization_id in key.scoped_organizations],
        "is_legacy_hashing": is_legacy_hash(key.secure_value),
    }
