"""Which projects a user sees, and how they are shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet

from core.json import iso
from core.models import Membership, Project
from core.selectors.groups import group_types


@dataclass(frozen=True, slots=True)
class Visible:
    """What a user may see. Empty ``organizations`` and ``projects`` restrict nothing; ``by_key`` leaves out
    organizations that take no keys of such a member.
    """

    user_id: int
    organizations: Sequence[UUID] = ()
    projects: Sequence[int] = ()
    by_key: bool = False

    def memberships(self) -> QuerySet[Membership]:
        """The memberships through which the user sees anything."""
        found = Membership.objects.filter(user_id=self.user_id)
        if self.organizations:
            found = found.filter(organization_id__in=self.organizations)
        if self.by_key:
            found = found.filter(
                Q(level__gte=Membership.Level.ADMIN) | Q(organization__members_can_use_personal_api_keys=True)
            )
        return found


def visible_projects(visible: Visible, *, organization_id: UUID | None = None) -> QuerySet[Project]:
    """The projects of the user's organizations, or of one of them, by id."""
    organizations = visible.memberships().values("organization_id")
    found = Project.objects.filter(organization_id__in=organizations).order_by("pk")
    if visible.projects:
        found = found.filter(pk__in=visible.projects)
    if organization_id is not None:
        found = found.filter(organization_id=organization_id)
    return found


def membership_level(user_id: int, organization_id: UUID) -> int | None:
    """1 member, 8 admin, 15 owner; null for who is no member."""
    found = Membership.objects.filter(user_id=user_id, organization_id=organization_id)
    return found.values_list("level", flat=True).first()


def project_rows(projects: Sequence[Project]) -> list[dict[str, Any]]:
    """Projects as they are listed."""
    with_persons = _with_persons([project.pk for project in projects])
    return [_row(project, ingested_event=project.pk in with_persons) for project in projects]


def show_project(project: Project, *, user_id: int) -> dict[str, Any]:
    """A project with its settings."""
    types = group_types(project.pk)
    return {
        **project_rows([project])[0],
        "created_at": iso(project.created_at),
        "updated_at": iso(project.updated_at),
        "app_urls": project.app_urls,
        "anonymize_ips": False,
        "test_account_filters": project.test_account_filters,
        "test_account_filters_default_checked": project.test_account_filters_default_checked,
        "person_display_name_properties": project.person_display_name_properties,
        "week_start_day": project.week_start_day,
        "modifiers": None,
        "effective_membership_level": membership_level(user_id, project.organization_id),
        "has_group_types": bool(types),
        "group_types": [
            {"group_type": name, "group_type_index": index, "name_singular": None, "name_plural": None}
            for index, name in types.items()
        ],
    }


def _row(project: Project, *, ingested_event: bool) -> dict[str, Any]:
    return {
        "id": project.pk,
        "uuid": str(project.uuid),
        "organization": str(project.organization_id),
        "project_id": project.pk,
        "api_token": project.api_token,
        "name": project.name,
        "completed_snippet_onboarding": ingested_event,
        "has_completed_onboarding_for": {},
        "ingested_event": ingested_event,
        "is_demo": False,
        "timezone": project.timezone,
        "access_control": False,
    }


_WITH_PERSONS = """
SELECT p.id FROM core_project p
WHERE p.id = ANY(%(ids)s) AND EXISTS (SELECT 1 FROM core_person o WHERE o.project_id = p.id)
"""


def _with_persons(project_ids: Sequence[int]) -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute(_WITH_PERSONS, {"ids": list(project_ids)})
        return {project_id for (project_id,) in cursor.fetchall()}
