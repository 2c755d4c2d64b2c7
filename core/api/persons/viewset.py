"""``/api/projects/{project_id}/persons/``: the routes of persons, each in a module of its own name."""

from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.pages import page_links
from core.api.parameters import read_limit, read_offset, read_text
from core.api.persons.documents import ERRORS, PERSON_ID, PROJECT_ID
from core.api.persons.person_id import read_person_id
from core.api.persons.serializers import PersonPageSerializer, PersonRecordSerializer, SuccessSerializer
from core.api.views import ProjectViewSet
from core.exceptions import PersonNotFound
from core.selectors.persons import PersonFilter, get_person, list_persons, person_uuid_of
from core.services.delete_persons import delete_persons

PAGE = 100
LARGEST_PAGE = 10_000


class PersonViewSet(ProjectViewSet):
    """Persons of a project. They come into being by events, not by this API."""

    scopes: ClassVar = {
        "list": ("person:read",),
        "retrieve": ("person:read",),
        "destroy": ("person:write",),
    }

    @extend_schema(
        operation_id="persons_list",
        parameters=[
            PROJECT_ID,
            OpenApiParameter("limit", int, description="Rows a page, 1 to 10000.", default=PAGE),
            OpenApiParameter("offset", int, description="Rows to skip.", default=0),
            OpenApiParameter("distinct_id", str, description="Exactly one of the person's distinct ids."),
            OpenApiParameter("email", str, description="The exact `email` property."),
        ],
        responses={200: PersonPageSerializer, **ERRORS},
    )
    def list(self, request: Request, **kwargs: Any) -> Response:
        """Persons, newest first."""
        query = request.query_params
        limit, offset = read_limit(query, default=PAGE, most=LARGEST_PAGE), read_offset(query)
        where = PersonFilter(distinct_id=read_text(query, "distinct_id"), email=read_text(query, "email"))
        page = list_persons(self.project, where=where, limit=limit, offset=offset)
        following, previous = page_links(request, limit=limit, offset=offset, has_more=page.has_more)
        return Response({"results": page.rows, "next": following, "previous": previous})

    @extend_schema(
        operation_id="persons_retrieve",
        parameters=[
            PROJECT_ID,
            PERSON_ID,
        ],
        responses={200: PersonRecordSerializer, **ERRORS},
    )
    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        """One person with all distinct ids."""
        person = get_person(self.project, read_person_id(kwargs["id"]))
        if person is None:
            raise PersonNotFound
        return Response(person)

    @extend_schema(
        operation_id="persons_destroy",
        parameters=[PROJECT_ID, PERSON_ID],
        request=None,
        responses={202: SuccessSerializer, **ERRORS},
    )
    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Delete a person and all its distinct ids. Its events stay."""
        uuid = person_uuid_of(self.project, read_person_id(kwargs["id"]))
        deleted = uuid and delete_persons(
            project_id=self.project.pk, uuids=[uuid], user_id=self.caller.user_id
        )
        if not deleted:
            raise PersonNotFound
        return Response({"success": True}, status=202)
