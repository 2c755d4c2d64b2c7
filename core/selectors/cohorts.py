"""Reads cohorts."""

from core.models import Cohort


def cohort_exists(project_id: int, cohort_id: int) -> bool:
    """Whether the project has this cohort; a deleted one does not count."""
    return Cohort.objects.for_project(project_id).filter(pk=cohort_id, deleted=False).exists()
