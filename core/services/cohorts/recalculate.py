"""Asks for the calculation of a cohort that nobody has changed."""

from django.db import transaction

from core.exceptions import CohortNotFound, InvalidInput
from core.models import Cohort
from core.services.cohorts.request_calculation import lock_cohorts, request_with_related


@transaction.atomic
def recalculate(*, project_id: int, cohort_id: int) -> None:
    """Ask for the cohort and all that hangs together with it. Raises ``CohortNotFound``, and ``InvalidInput`` for a
    static one, whose members nobody calculates.
    """
    lock_cohorts(project_id)
    cohort = Cohort.objects.for_project(project_id).filter(pk=cohort_id, deleted=False).first()
    if cohort is None:
        raise CohortNotFound
    if cohort.is_static:
        raise InvalidInput("A static cohort has the members that it was given.")
    request_with_related(project_id, cohort_id)
