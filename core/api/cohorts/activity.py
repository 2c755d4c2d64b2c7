"""``GET …/cohorts/activity/`` and ``GET …/cohorts/{id}/activity/``: what was done to cohorts."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.activity import PAGE, activity_page
from core.api.cohorts.documents import COHORT_ID, read_cohort_id
from core.api.documents import numbered_page
from core.api.persons.documents import ERRORS, PROJECT_ID
from core.api.persons.serializers import ActivityPageSerializer
from core.api.views import ProjectViewSet
from core.selectors.cohorts import get_cohort

_PAGE = numbered_page(size=PAGE)


class CohortActivityViewSet(ProjectViewSet):
    """The activity log of cohorts. Calculations are not in it."""

    scopes: ClassVar = {"list": ("activity_log:read",), "retrieve": ("activity_log:read",)}

    @extend_schema(
        operation_id="cohorts_all_activity_retrieve",
        parameters=[PROJECT_ID, *_PAGE],
        responses={200: ActivityPageSerializer, **ERRORS},
    )
    def list(self, request: Request, **kwargs: Any) -> Response:
        """What was done to cohorts of the project, deleted ones included, newest first."""
        return activity_page(request, self.project.pk, scope="Cohort")

    @extend_schema(
        operation_id="cohorts_activity_retrieve",
        parameters=[PROJECT_ID, COHORT_ID, *_PAGE],
        responses={200: ActivityPageSerializer, **ERRORS},
    )
    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        """What was done to one cohort, newest first."""
        cohort = get_cohort(self.project.pk, read_cohort_id(kwargs["id"]))
        return activity_page(request, self.project.pk, scope="Cohort", item_id=cohort.pk)
