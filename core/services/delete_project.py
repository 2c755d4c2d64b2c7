"""Deletes projects: from the end of the transaction on they exist for nobody. What they hold goes afterwards
(``core.services.purge_project``).
"""

from django.db import connection, transaction
from django.utils import timezone

from core.exceptions import ProjectNotFound
from core.models import Project, ProjectDeletion, User
from core.outbox.wake import wake_purge

# Nothing is told to anybody any more; nothing is calculated.
_SWITCH_OFF = (
    "UPDATE core_webhook SET enabled = false WHERE project_id = %s AND enabled",
    "UPDATE core_cohort SET is_calculating = false WHERE project_id = %s AND is_calculating",
)


@transaction.atomic
def delete_project(*, project_id: int, user_id: int | None) -> ProjectDeletion:
    """Delete the project and ask for everything of it to be erased. Raises ``ProjectNotFound``."""
    project = Project.objects.select_for_update(no_key=True).filter(pk=project_id).first()
    if project is None:
        raise ProjectNotFound
    now = timezone.now()
    project.deleted_at = now
    project.save(update_fields=["deleted_at"])
    User.objects.filter(current_project=project).update(current_project=None)
    with connection.cursor() as cursor:
        for statement in _SWITCH_OFF:
            cursor.execute(statement, [project_id])
    deletion = ProjectDeletion.objects.create(
        project_id=project.pk,
        project_uuid=project.uuid,
        project_name=project.name,
        organization_id=project.organization_id,
        user_id=user_id,
        created_at=now,
    )
    transaction.on_commit(wake_purge)
    return deletion
