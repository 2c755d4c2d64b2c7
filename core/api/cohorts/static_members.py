"""``PATCH …/cohorts/{id}/add_persons_to_static_cohort/`` and ``…/remove_person_from_static_cohort/``."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.cohorts.body import JSON_OR_FORM, read_body, read_uuid
from core.api.cohorts.documents import COHORT_ID, read_cohort_id
from core.api.cohorts.serializers import (
    AddPersonsToStaticCohortRequestSerializer,
    RemovePersonFromStaticCohortRequestSerializer,
)
from core.api.persons.documents import ERRORS, PROJECT_ID
from core.api.persons.serializers import SuccessSerializer
from core.api.views import ProjectViewSet
from core.exceptions import InvalidInput
from core.selectors.cohorts import get_cohort
from core.services.cohorts.static_members import ADD_REFUSED, REMOVE_REFUSED, add_persons, remove_person

MOST_PERSONS = 1000


class AddPersonsViewSet(ProjectViewSet):
    """Add persons to a static cohort."""

    scopes: ClassVar = {"partial_update": ("cohort:write",)}
    parser_classes = JSON_OR_FORM

    @extend_schema(
        operation_id="cohorts_add_persons_to_static_cohort_partial_update",
        parameters=[PROJECT_ID, COHORT_ID],
        request=AddPersonsToStaticCohortRequestSerializer,
        responses={200: SuccessSerializer, **ERRORS},
    )
    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Add at most 1000 persons; those who do not exist are left out, unless nobody does."""
        cohort = get_cohort(self.project.pk, read_cohort_id(kwargs["id"]))
        if not cohort.is_static:
            raise InvalidInput(ADD_REFUSED)
        person_ids = _field(request, "person_ids")
        if not isinstance(person_ids, list):
            raise InvalidInput("person_ids must be a list")
        if not person_ids:
            raise InvalidInput("person_ids cannot be empty")
        if len(person_ids) > MOST_PERSONS:
            raise InvalidInput("List size exceeds limit")
        uuids = [read_uuid(one, attr="person_ids") for one in person_ids]
        add_persons(project_id=self.project.pk, cohort_id=cohort.pk, uuids=uuids, user_id=self.caller.user_id)
        return Response({"success": True})


class RemovePersonViewSet(ProjectViewSet):
    """Remove a person from a static cohort."""

    scopes: ClassVar = {"partial_update": ("cohort:write",)}
    parser_classes = JSON_OR_FORM

    @extend_schema(
        operation_id="cohorts_remove_person_from_static_cohort_partial_update",
        parameters=[PROJECT_ID, COHORT_ID],
        request=RemovePersonFromStaticCohortRequestSerializer,
        responses={200: SuccessSerializer, **ERRORS},
    )
    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Remove a person, whether it was a member or not."""
        cohort = get_cohort(self.project.pk, read_cohort_id(kwargs["id"]))
        if not cohort.is_static:
            raise InvalidInput(REMOVE_REFUSED)
        person_id = _field(request, "person_id")
        if person_id in (None, ""):
            raise InvalidInput("person_id is required")
        if not isinstance(person_id, str):
            raise InvalidInput("person_id must be a string")
        uuid = read_uuid(person_id, attr=None, detail="person_id must be a valid UUID")
        remove_person(project_id=self.project.pk, cohort_id=cohort.pk, uuid=uuid, user_id=self.caller.user_id)
        return Response({"success": True})


def _field(request: Request, name: str) -> Any:
    """From the body, else from the query string, where older clients put it."""
    body = read_body(request)
    if name in body:
        return body[name]
    given = request.query_params.getlist(name)
    return given if name == "person_ids" and given else request.query_params.get(name)
