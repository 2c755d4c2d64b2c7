"""Reads deletions of projects and shows them: proof that outlives the project."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from core.json import iso
from core.models import ProjectDeletion


def deletions_of(organization_id: UUID) -> QuerySet[ProjectDeletion]:
    """Deletions of projects of an organization, newest first."""
    return ProjectDeletion.objects.filter(organization_id=organization_id).order_by("-pk")


def show_project_deletion(deletion: ProjectDeletion) -> dict[str, Any]:
    """The object of the API."""
    return {
        "id": deletion.pk,
        "project_id": deletion.project_id,
        "project_uuid": str(deletion.project_uuid),
        "project_name": deletion.project_name,
        "status": "pending" if deletion.delete_verified_at is None else "completed",
        "stage": deletion.stage,
        "requested_by": deletion.user_id,
        "created_at": iso(deletion.created_at),
        "removed_at": iso(deletion.removed_at),
        "delete_verified_at": iso(deletion.delete_verified_at),
        "scrubbed_at": iso(deletion.scrubbed_at),
        "counts_before": deletion.counts_before,
        "counts_after": deletion.counts_after,
    }
