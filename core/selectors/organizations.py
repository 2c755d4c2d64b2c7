"""Which organizations a user sees, and how they are shown."""

from typing import Any

from django.db.models import QuerySet
from django.utils.text import slugify

from core.json import iso
from core.models import Membership, Organization
from core.selectors.projects import Visible, project_rows, visible_projects


def visible_memberships(visible: Visible) -> QuerySet[Membership]:
    """The user's memberships in the organizations that it sees, the oldest first."""
    return visible.memberships().select_related("organization").order_by("joined_at", "pk")


def show_organization(membership: Membership, visible: Visible) -> dict[str, Any]:
    """An organization with its projects, as its member sees it."""
    organization = membership.organization
    projects = project_rows(list(visible_projects(visible, organization_id=organization.pk)))
    return {
        **organization_row(membership),
        "created_at": iso(organization.created_at),
        "updated_at": iso(organization.updated_at),
        "teams": projects,
        "projects": [
            {"id": one["id"], "organization_id": one["organization"], **_named(one)} for one in projects
        ],
        "member_count": organization.memberships.count(),
    }


def organization_row(membership: Membership) -> dict[str, Any]:
    """An organization in short."""
    organization: Organization = membership.organization
    return {
        "id": str(organization.pk),
        "name": organization.name,
        "slug": slugify(organization.name) or str(organization.pk),
        "logo_media_id": None,
        "membership_level": membership.level,
        "members_can_use_personal_api_keys": organization.members_can_use_personal_api_keys,
    }


def _named(project: dict[str, Any]) -> dict[str, Any]:
    return {name: project[name] for name in ("name", "api_token", "timezone")}


def refused_by(membership: Membership) -> str | None:
    """The name of the organization if it takes no keys of this member."""
    organization: Organization = membership.organization
    if membership.level >= Membership.Level.ADMIN or organization.members_can_use_personal_api_keys:
        return None
    return organization.name
