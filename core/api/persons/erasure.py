"""What the routes that erase one person, or its events, have in common."""

from uuid import UUID

from core.api.views import ProjectViewSet
from core.exceptions import PersonNotFound
from core.services.bulk_delete import Names, PersonDeletionFailed, Wanted, bulk_delete


def erase_one(view: ProjectViewSet, key: UUID | int, wanted: Wanted) -> None:
    """Raises ``PersonNotFound`` or ``PersonDeletionFailed``."""
    done = bulk_delete(
        project_id=view.project.pk, names=Names(keys=[key]), wanted=wanted, user_id=view.caller.user_id
    )
    if done.failed:
        raise PersonDeletionFailed
    if not done.found:
        raise PersonNotFound
