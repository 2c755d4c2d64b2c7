"""``/api/projects/{project_id}/cohorts/``: named sets of persons. Their other routes are in modules of their names."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, ClassVar
from uuid import UUID

from django.http import QueryDict
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.cohorts.body import JSON_OR_FORM, read_body, read_fields, read_file, read_uuids
from core.api.cohorts.documents import COHORT_ID, read_cohort_id
from core.api.cohorts.serializers import (
    CohortFormSerializer,
    CohortPageSerializer,
    CohortPatchSerializer,
    CohortRequestSerializer,
    CohortSerializer,
    CohortUploadFormSerializer,
)
from core.api.documents import lenient_flag, lenient_limit, lenient_offset
from core.api.once import HEADER
from core.api.pages import page_links
from core.api.parameters import read_integer, read_lenient_page, read_text
from core.api.persons.documents import ERRORS, PROJECT_ID
from core.api.persons.serializers import ErrorSerializer
from core.api.views import ProjectViewSet
from core.exceptions import InvalidInput
from core.models import Cohort
from core.selectors.cohorts import CohortFilter, get_cohort, list_cohorts, show_cohort
from core.services.cohorts.fill import fill_by_csv, fill_by_uuids
from core.services.cohorts.read_csv import NamedPersons, read_csv
from core.services.cohorts.save_cohort import change_cohort, create_cohort

_LONGEST_SEARCH = 200
_TYPES = {"static": True, "dynamic": False}
_FORMS = {
    "application/x-www-form-urlencoded": CohortFormSerializer,
    "multipart/form-data": CohortUploadFormSerializer,
}
_REQUEST = {"application/json": CohortRequestSerializer, **_FORMS}
_PATCH = {"application/json": CohortPatchSerializer, **_FORMS}


class CohortViewSet(ProjectViewSet):
    """Cohorts of a project."""

    scopes: ClassVar = {
        "list": ("cohort:read",),
        "create": ("cohort:write",),
        "retrieve": ("cohort:read",),
        "update": ("cohort:write",),
        "partial_update": ("cohort:write",),
        "destroy": ("cohort:write",),
    }
    parser_classes = JSON_OR_FORM

    @extend_schema(
        operation_id="cohorts_list",
        parameters=[
            PROJECT_ID,
            lenient_limit("Cohorts a page, at most 10000."),
            lenient_offset("Cohorts to skip."),
            OpenApiParameter("type", str, enum=list(_TYPES), description="Only those of this kind."),
            OpenApiParameter("created_by_id", int, description="Only those that this user made."),
            OpenApiParameter(
                "search",
                {"type": "string", "maxLength": _LONGEST_SEARCH},
                description="A part of the name, in any case.",
            ),
            lenient_flag(
                "hide_behavioral_cohorts", "Without cohorts that look at events, and those that refer to one."
            ),
            lenient_flag("basic", "Without `filters`, `query` and `groups`."),
        ],
        responses={200: CohortPageSerializer, **ERRORS},
    )
    def list(self, request: Request, **kwargs: Any) -> Response:
        """Cohorts that are not deleted, newest first. Filters combine with AND."""
        query = request.query_params
        limit, offset = read_lenient_page(query)
        where = CohortFilter(
            is_static=_read_type(query.get("type")),
            created_by_id=read_integer(query, "created_by_id"),
            search=_read_search(read_text(query, "search")),
            hides_behavioral=query.get("hide_behavioral_cohorts") == "true",
        )
        is_basic = query.get("basic") == "true"
        page = list_cohorts(self.project.pk, where, limit=limit, offset=offset, basic=is_basic)
        has_more = offset + len(page.rows) < page.total
        following, previous = page_links(request, limit=limit, offset=offset, has_more=has_more)
        body = {"count": page.total, "next": following, "previous": previous, "results": page.rows}
        return Response(body)

    @extend_schema(
        operation_id="cohorts_create",
        parameters=[PROJECT_ID],
        request=_REQUEST,
        responses={201: CohortSerializer, **ERRORS},
    )
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Make a cohort. A dynamic one is calculated afterwards. A static one has the persons that
        `_create_static_person_ids` or the file `csv` name when the answer comes; those of a `query`, or of a file of
        more than 5,000 rows, when `is_calculating` is false.
        """
        body = read_body(request)
        fields, uuids, file = read_fields(body), read_uuids(body), read_file(body)
        persons = read_csv(file) if file and fields.get("is_static") else None
        cohort = create_cohort(project=self.project, fields=fields, user_id=self.caller.user_id)
        return self._answer(cohort, uuids, persons, status=201)

    @extend_schema(
        operation_id="cohorts_retrieve",
        parameters=[PROJECT_ID, COHORT_ID],
        responses={200: CohortSerializer, **ERRORS},
    )
    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        """One cohort, also a deleted one."""
        return Response(show_cohort(get_cohort(self.project.pk, read_cohort_id(kwargs["id"]))))

    @extend_schema(
        operation_id="cohorts_update",
        parameters=[PROJECT_ID, COHORT_ID],
        request=_REQUEST,
        responses={200: CohortSerializer, **ERRORS},
    )
    def update(self, request: Request, **kwargs: Any) -> Response:
        """Change the fields that are given. A dynamic cohort is calculated again, with those that it refers to and
        those that refer to it. Members are added to a static one. `{"deleted": true}` deletes, `false` restores.
        """
        cohort_id, body = read_cohort_id(kwargs["id"]), read_body(request)
        fields, uuids, file = read_fields(body), read_uuids(body), read_file(body)
        persons = read_csv(file) if file else None
        cohort = change_cohort(
            project=self.project, cohort_id=cohort_id, fields=fields, user_id=self.caller.user_id
        )
        return self._answer(cohort, uuids, persons, status=200)

    @extend_schema(
        operation_id="cohorts_partial_update",
        parameters=[PROJECT_ID, COHORT_ID],
        request=_PATCH,
        responses={200: CohortSerializer, **ERRORS},
    )
    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """The same as `PUT`."""
        return self.update(request, **kwargs)

    @extend_schema(
        operation_id="cohorts_destroy",
        parameters=[PROJECT_ID, COHORT_ID],
        responses={405: ErrorSerializer, **ERRORS},
    )
    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Not possible: send `PATCH {"deleted": true}`."""
        raise MethodNotAllowed("DELETE")

    def _answer(
        self, cohort: Cohort, uuids: Sequence[UUID], persons: NamedPersons | None, *, status: int
    ) -> Response:
        """The cohort, with the members that the request brought along."""
        of: Any = {"project_id": self.project.pk, "cohort_id": cohort.pk}
        if uuids:
            fill_by_uuids(**of, uuids=uuids)
        unmatched = fill_by_csv(**of, persons=persons) if persons else None
        if uuids or persons:
            cohort = get_cohort(self.project.pk, cohort.pk)
        shown = show_cohort(cohort)
        if unmatched is not None:
            shown["upload"] = {**shown["upload"], "unmatched": [asdict(row) for row in unmatched]}
        return Response(shown, status=status)

    def _once(self, handler: Callable[..., Response], request: Request, **kwargs: Any) -> Response:
        if isinstance(request.data, QueryDict):
            raise InvalidInput(f"{HEADER} goes with JSON only.", attr=HEADER)
        return super()._once(handler, request, **kwargs)


def _read_type(text: str | None) -> bool | None:
    if not text:
        return None
    if text not in _TYPES:
        raise InvalidInput(f'"{text}" is not one of {", ".join(_TYPES)}.', attr="type")
    return _TYPES[text]


def _read_search(text: str | None) -> str | None:
    if text is not None and len(text) > _LONGEST_SEARCH:
        raise InvalidInput(f"Ensure this value has at most {_LONGEST_SEARCH} characters.", attr="search")
    return text or None
