"""``GET …/cohorts/{id}/persons/``: the members of a cohort, as pages of JSON or as CSV."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import orjson
from django.conf import settings
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.cohorts.documents import COHORT_ID, read_cohort_id
from core.api.cohorts.serializers import COHORT_PERSONS
from core.api.csv import CSVRenderer
from core.api.documents import lenient_limit, lenient_offset
from core.api.pages import page_links
from core.api.parameters import read_lenient_page, read_text
from core.api.persons.documents import ERRORS, PROJECT_ID
from core.api.persons.list import PersonListViewSet
from core.json import dumps
from core.selectors.cohorts import get_cohort
from core.selectors.persons import MINIMAL_IDS, PersonFilter, all_list_rows, list_persons

#: Keys that rows of a table do not have.
_NOT_IN_TABLES = ("uuid", "type", "is_identified", "matched_recordings", "value_at_data_point")


class CohortPersonsViewSet(PersonListViewSet):
    """The members of a cohort. Their filters are those of the list of persons."""

    scopes: ClassVar = {"retrieve": ("cohort:read", "person:read")}

    @extend_schema(
        operation_id="cohorts_persons_retrieve",
        parameters=[
            PROJECT_ID,
            COHORT_ID,
            lenient_limit("Members a page, at most 10000."),
            lenient_offset("Members to skip."),
            OpenApiParameter(
                "search", str, description="A part of the e-mail, the name, the uuid or a distinct id."
            ),
            OpenApiParameter("properties", str, description="Filters as JSON, as in the list of persons."),
            OpenApiParameter(
                "is_csv_export", str, description="`1`: JSON with the rows that the CSV would have."
            ),
            OpenApiParameter(
                "format",
                str,
                enum=["json", "csv"],
                description="`csv`: all members, unless a `limit` is given.",
            ),
        ],
        responses={
            (200, "application/json"): COHORT_PERSONS,
            (200, "text/csv"): OpenApiTypes.STR,
            **ERRORS,
        },
    )
    def retrieve(self, request: Request, **kwargs: Any) -> Response | StreamingHttpResponse:
        """Members, newest first, with at most 10 distinct ids each. Nobody before the first calculation."""
        cohort = get_cohort(self.project.pk, read_cohort_id(kwargs["id"]))
        query = request.query_params
        where = PersonFilter(
            cohort_id=cohort.pk,
            properties=self._properties(query.get("properties")),
            search=read_text(query, "search") or None,
        )
        if request.accepted_renderer.format == CSVRenderer.format:
            return self._table(self._rows_of_table(query, where))
        limit, offset = read_lenient_page(query)
        page = list_persons(self.project, where=where, limit=limit, offset=offset)
        shape = _table_row if query.get("is_csv_export") == "1" else _short
        following, previous = page_links(request, limit=limit, offset=offset, has_more=page.has_more)
        return Response({"results": list(map(shape, page.rows)), "next": following, "previous": previous})

    def _rows_of_table(self, query: Mapping[str, str], where: PersonFilter) -> Iterator[list[dict[str, Any]]]:
        """All members, or those that ``limit`` and ``offset`` cut out."""
        most: int = settings.CSV_ROWS
        limit, offset = read_lenient_page(query, largest=most) if "limit" in query else (most, 0)
        end = min(offset + limit, most)
        start = 0
        for rows in all_list_rows(self.project, where=where, most=end):
            yield [_table_row(row) for row in rows[max(0, offset - start) :]]
            start += len(rows)


def _short(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "distinct_ids": row["distinct_ids"][:MINIMAL_IDS]}


def _table_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """The e-mail address has a column of its own, and what says little has none."""
    properties = orjson.loads(dumps(row["properties"]))
    email = {"email": properties.pop("email")} if properties.get("email") else {}
    kept = {name: value for name, value in _short(row).items() if name not in _NOT_IN_TABLES}
    return {**kept, "properties": properties, **email}
