"""``GET …/cohorts/{id}/used_in/``: what refers to a cohort."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.cohorts.documents import COHORT_ID, read_cohort_id
from core.api.cohorts.serializers import CohortUsedInSerializer
from core.api.persons.documents import ERRORS, PROJECT_ID
from core.api.views import ProjectViewSet
from core.selectors.cohorts import cohorts_using, get_cohort


class UsedInViewSet(ProjectViewSet):
    """What refers to a cohort."""

    scopes: ClassVar = {"retrieve": ("cohort:read",)}

    @extend_schema(
        operation_id="cohorts_used_in_retrieve",
        parameters=[PROJECT_ID, COHORT_ID],
        responses={200: CohortUsedInSerializer, **ERRORS},
    )
    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        """Other cohorts whose criteria refer to this one, at most 100 of them. There are no flags and no insights."""
        cohort = get_cohort(self.project.pk, read_cohort_id(kwargs["id"]))
        users = cohorts_using(self.project.pk, cohort.pk)
        body = {
            "feature_flags": {"results": [], "total": 0},
            "insights": {"results": [], "total": 0},
            "cohorts": {"results": users.rows, "total": users.total},
        }
        return Response(body)
