"""Changes the settings of an organization."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction

from core.models import Organization

#: What may be set. It counts from the next request on.
SETTINGS = ("name", "members_can_use_personal_api_keys")


@transaction.atomic
def update_organization(*, organization_id: UUID, fields: Mapping[str, Any]) -> Organization:
    """Set those of ``SETTINGS`` that are given."""
    organization = Organization.objects.select_for_update(no_key=True).get(pk=organization_id)
    for name in SETTINGS:
        if name in fields:
            setattr(organization, name, fields[name])
    organization.save()
    return organization
