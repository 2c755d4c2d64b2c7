"""Makes static cohorts of dynamic ones."""

from core.exceptions import InvalidInput
from core.models import Cohort, Project
from core.services.cohorts.save_cohort import CohortFields, create_cohort

_LONGEST_NAME = 400
_SUFFIX = " (static copy)"


def duplicate_as_static(*, project: Project, cohort: Cohort, user_id: int | None) -> Cohort:
    """A static cohort that is filled, after the answer, with the members of ``cohort``. Raises ``InvalidInput`` for one
    that is static itself.
    """
    if cohort.is_static:
        raise InvalidInput("Static cohorts cannot be duplicated as static cohorts.")
    query = {
        "kind": "ActorsQuery",
        "properties": [{"type": "cohort", "key": "id", "value": cohort.pk, "operator": "in"}],
    }
    name = f"{(cohort.name or '')[: _LONGEST_NAME - len(_SUFFIX)]}{_SUFFIX}"
    fields = CohortFields({"name": name, "is_static": True, "query": query})
    return create_cohort(project=project, fields=fields, user_id=user_id)
