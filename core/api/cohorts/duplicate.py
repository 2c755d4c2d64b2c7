"""``…/cohorts/{id}/duplicate_as_static_cohort/``: a static cohort with the present members of a dynamic one."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.cohorts.documents import COHORT_ID, read_cohort_id
from core.api.cohorts.serializers import CohortSerializer
from core.api.persons.documents import ERRORS, PROJECT_ID
from core.api.views import ProjectViewSet
from core.auth.sessions import SessionCaller
from core.selectors.cohorts import get_cohort, show_cohort
from core.services.cohorts.duplicate import duplicate_as_static


class DuplicateViewSet(ProjectViewSet):
    """Copies of cohorts."""

    scopes: ClassVar = {"retrieve": ("cohort:write",), "create": ("cohort:write",)}

    @extend_schema(
        operation_id="cohorts_duplicate_as_static_cohort_create",
        parameters=[PROJECT_ID, COHORT_ID],
        request=None,
        responses={200: CohortSerializer, **ERRORS},
    )
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Make a static cohort of the members that a dynamic one has now. They are there when its `is_calculating` is
        false.
        """
        cohort = get_cohort(self.project.pk, read_cohort_id(kwargs["id"]))
        copy = duplicate_as_static(project=self.project, cohort=cohort, user_id=self.caller.user_id)
        return Response(show_cohort(copy))

    @extend_schema(
        operation_id="cohorts_duplicate_as_static_cohort_retrieve",
        parameters=[PROJECT_ID, COHORT_ID],
        responses={200: CohortSerializer, **ERRORS},
        deprecated=True,
    )
    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        """The same as `POST`, for older clients with a key."""
        if isinstance(self.caller, SessionCaller):
            # Any page could make a browser send it.
            raise MethodNotAllowed("GET")
        return self.create(request, **kwargs)
