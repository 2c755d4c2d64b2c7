"""``GET …/persons/``: the persons of a project, as pages of JSON or whole as CSV."""

from collections.abc import Iterable, Mapping
from threading import BoundedSemaphore
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.request import Request
from rest_framework.response import Response

from core.api import documents
from core.api.csv import CONTENT_TYPE, JSON_OR_CSV, CSVRenderer, CSVTable
from core.api.pages import page_links, with_parameters
from core.api.parameters import read_integer, read_limit, read_offset, read_text
from core.api.persons.documents import ERRORS, PROJECT_ID
from core.api.persons.serializers import PERSONS
from core.api.views import ProjectViewSet
from core.api.walks import Walk
from core.auth.authentication import Caller
from core.database import release_connection
from core.exceptions import InvalidInput, TooManyExports
from core.filters.properties import MemberTest, PropertyGroup, PropertyReader, Source, filters_of
from core.models import Project
from core.selectors.cohorts import cohort_exists
from core.selectors.person_changes import changes_since, read_place
from core.selectors.persons import PersonFilter, all_list_rows, count_persons, list_persons
from core.selectors.place import Place
from core.sql.patterns import check_patterns

PAGE = 100
LARGEST_PAGE = 10_000
#: Parameters that make no sense for changes.
_NARROWING = ("offset", "distinct_id", "email", "search", "properties", "cohort", "include_total")

#: Tables that one process gathers at once: each holds a thread and a connection, and capture needs some, too.
_places = BoundedSemaphore(2)


def read_place_of_page(query: Mapping[str, str]) -> tuple[int, int]:
    """``limit`` and ``offset``. Raises ``InvalidInput``."""
    return read_limit(query, default=PAGE, most=LARGEST_PAGE), read_offset(query)


def page_of_persons(
    request: HttpRequest, caller: Caller, project: Project, *, where: PersonFilter, limit: int, offset: int
) -> dict[str, Any]:
    """A page as it is answered, with links to those before and behind it."""
    walk = Walk(request, caller)
    page = list_persons(project, where=where, limit=limit, offset=offset, after=walk.place(offset))
    if page.has_more:
        walk.remember(offset + limit, Place.of_row(page.rows[-1]))
    following, previous = page_links(request, limit=limit, offset=offset, has_more=page.has_more)
    body: dict[str, Any] = {"results": page.rows, "next": following, "previous": previous}
    if "include_total" in request.GET:
        # The last page says it by itself.
        is_last = not page.has_more and (page.rows or not offset)
        body["count"] = offset + len(page.rows) if is_last else count_persons(project, where=where)
    return body


class PersonListViewSet(ProjectViewSet):
    """All persons of a project."""

    scopes: ClassVar = {"list": ("person:read",)}
    renderer_classes = JSON_OR_CSV

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        try:
            super().initial(request, *args, **kwargs)
        except MethodNotAllowed:
            if request.method != "POST":
                raise
            detail = "Persons are created by sending events to /batch/, not through this API."
            raise MethodNotAllowed("POST", detail) from None

    @extend_schema(
        operation_id="persons_list",
        parameters=[
            PROJECT_ID,
            documents.limit("Rows a page, 1 to 10000.", default=PAGE, most=LARGEST_PAGE),
            documents.offset("Rows to skip."),
            OpenApiParameter("distinct_id", str, description="Exactly one of the person's distinct ids."),
            OpenApiParameter("email", str, description="The exact `email` property."),
            OpenApiParameter("cohort", int, description="Only members of the cohort with this id."),
            OpenApiParameter(
                "search",
                str,
                description="A part of the e-mail, the name, the uuid or a distinct id, in any case.",
            ),
            OpenApiParameter(
                "properties",
                str,
                description="JSON: a list of filters `{key, value, operator, type}`, or a group "
                '`{"type": "AND" | "OR", "values": [...]}` of filters or groups. `type` is `person` (default) or '
                "`cohort`.",
            ),
            OpenApiParameter(
                "include_total",
                str,
                allow_blank=True,
                description="When present, with any value, the answer has `count`.",
            ),
            OpenApiParameter(
                "updated_since",
                str,
                description="A time (ISO 8601) or the `cursor` of an earlier answer: persons that changed since, in "
                "the order of their changes, deleted ones included, with a `cursor` to go on from. Goes with `limit` "
                "only.",
            ),
            OpenApiParameter(
                "format", str, enum=["json", "csv"], description="`csv`: all persons, without pages."
            ),
        ],
        responses={
            (200, "application/json"): PERSONS,
            (200, "text/csv"): OpenApiTypes.STR,
            **ERRORS,
        },
    )
    def list(self, request: Request, **kwargs: Any) -> Response | StreamingHttpResponse:
        """Persons, newest first. Filters combine with AND."""
        if request.accepted_renderer.format == CSVRenderer.format:
            rows = all_list_rows(self.project, where=self._filter(request), most=settings.CSV_ROWS)
            return self._table(rows)
        query = request.query_params
        if "updated_since" in query:
            return self._changes(request)
        limit, offset = read_place_of_page(query)
        where = self._filter(request)
        return Response(
            page_of_persons(request, self.caller, self.project, where=where, limit=limit, offset=offset)
        )

    def _changes(self, request: Request) -> Response:
        query = request.query_params
        for name in _NARROWING:
            if name in query:
                raise InvalidInput("updated_since goes with no other parameter than limit.", attr=name)
        place = read_place(query["updated_since"], attr="updated_since")
        limit = read_limit(query, default=PAGE, most=LARGEST_PAGE)
        changes = changes_since(self.project, place, limit=limit)
        cursor = changes.end.cursor()
        following = with_parameters(request, updated_since=cursor) if changes.has_more else None
        return Response({"results": changes.rows, "next": following, "previous": None, "cursor": cursor})

    def _filter(self, request: Request) -> PersonFilter:
        query = request.query_params
        cohort_id = read_integer(query, "cohort")
        if cohort_id is not None and not cohort_exists(self.project.pk, cohort_id):
            raise InvalidInput(f"There is no cohort {cohort_id}.", attr="cohort")
        return PersonFilter(
            distinct_id=read_text(query, "distinct_id"),
            email=read_text(query, "email"),
            cohort_id=cohort_id,
            properties=self._properties(query.get("properties")),
            search=read_text(query, "search") or None,
        )

    def _properties(self, text: str | None) -> PropertyGroup:
        zone = ZoneInfo(self.project.timezone)
        reader = PropertyReader(
            zone,
            timezone.now(),
            sources=(Source.PERSON, Source.COHORT),
            takes_old_form=False,
            takes_mixed_lists=True,
        )
        try:
            group = reader.read(text, attr="properties")
            check_patterns(filters_of(group))
        except InvalidInput as error:
            # The field is this one, the place in it is for people.
            place = "" if error.attr == "properties" else f"{error.attr}: "
            raise InvalidInput(f"{place}{error.detail}", attr="properties") from None
        for item in filters_of(group):
            if isinstance(item.test, MemberTest) and not cohort_exists(self.project.pk, item.test.cohort_id):
                raise InvalidInput(f"There is no cohort {item.test.cohort_id}.", attr="properties")
        return group

    def _table(self, batches: Iterable[Iterable[Mapping[str, Any]]]) -> StreamingHttpResponse:
        table = self._gathered(batches)
        # Sending goes on in another thread, which knows nothing of this one's connection.
        release_connection()
        response = StreamingHttpResponse(
            table,
            content_type=CONTENT_TYPE,
            headers={"Content-Disposition": 'attachment; filename="persons.csv"'},
        )
        add_never_cache_headers(response)
        return response

    def _gathered(self, batches: Iterable[Iterable[Mapping[str, Any]]]) -> CSVTable:
        """Raises ``TooManyExports`` while others are being gathered."""
        if not _places.acquire(blocking=False):
            raise TooManyExports
        table = CSVTable()
        try:
            for rows in batches:
                table.add(rows)
                table.check_size()
        except BaseException:
            table.close()
            raise
        finally:
            _places.release()
        return table
