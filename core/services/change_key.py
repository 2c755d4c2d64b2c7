"""Changes, rolls and deletes personal API keys of their own user."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from core.auth.keys import new_key
from core.exceptions import KeyNotFound
from core.models import PersonalAPIKey
from core.services.key_rules import check_label, checked_organizations, checked_projects, checked_scopes


@transaction.atomic
def change_key(*, user_id: int, key_id: str, fields: Mapping[str, Any]) -> PersonalAPIKey:
    """Set those of ``label``, ``description``, ``scopes``, ``scoped_projects`` and ``scoped_organizations`` that are
    given; the secret stays. Raises ``KeyNotFound`` and ``InvalidInput``.
    """
    key = _lock(user_id, key_id)
    if "label" in fields:
        check_label(fields["label"])
        key.label = fields["label"]
    if "description" in fields:
        key.description = fields["description"]
    if "scopes" in fields:
        key.scopes = checked_scopes(fields["scopes"])
    if "scoped_projects" in fields:
        key.scoped_projects = checked_projects(key.user, fields["scoped_projects"])
    if "scoped_organizations" in fields:
        key.scoped_organizations = checked_organizations(key.user, fields["scoped_organizations"])
    key.save(update_fields=["label", "description", "scopes", "scoped_projects", "scoped_organizations"])
    return key


@transaction.atomic
def roll_key(*, user_id: int, key_id: str) -> tuple[PersonalAPIKey, str]:
    """Give the key a new secret, whose clear text is returned; the old one is dead. Raises ``KeyNotFound``."""
    key = _lock(user_id, key_id)
    secret = new_key()
    key.secure_value = secret.hashed
    key.mask_value = secret.mask
    key.last_rolled_at = timezone.now()
    key.save(update_fields=["secure_value", "mask_value", "last_rolled_at"])
    return key, secret.value


def delete_key(*, user_id: int, key_id: str) -> None:
    """Raises ``KeyNotFound``."""
    deleted, _ = PersonalAPIKey.objects.filter(pk=key_id, user_id=user_id).delete()
    if not deleted:
        raise KeyNotFound


def _lock(user_id: int, key_id: str) -> PersonalAPIKey:
    key = PersonalAPIKey.objects.select_for_update().filter(pk=key_id, user_id=user_id).first()
    if key is None:
        raise KeyNotFound
    return key
