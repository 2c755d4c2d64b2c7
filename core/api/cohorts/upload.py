"""``GET …/cohorts/{id}/upload/``: how far the latest file of a static cohort has come, and whom it does not name."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.cohorts.documents import COHORT_ID, read_cohort_id
from core.api.cohorts.serializers import CohortUploadReportSerializer
from core.api.documents import lenient_limit, lenient_offset
from core.api.pages import page_links
from core.api.parameters import read_lenient_page
from core.api.persons.documents import ERRORS, PROJECT_ID
from core.api.views import ProjectViewSet
from core.selectors.cohort_uploads import unmatched_rows
from core.selectors.cohorts import get_cohort


class CohortUploadViewSet(ProjectViewSet):
    """Files of static cohorts."""

    scopes: ClassVar = {"retrieve": ("cohort:read",)}

    @extend_schema(
        operation_id="cohorts_upload_retrieve",
        parameters=[
            PROJECT_ID,
            COHORT_ID,
            lenient_limit("Rows a page, at most 10000."),
            lenient_offset("Rows to skip."),
        ],
        responses={200: CohortUploadReportSerializer, **ERRORS},
    )
    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        """How far the latest file has come, and its rows that name nobody, in the order of the file. A 404 without a
        file, and from a day after it on.
        """
        cohort = get_cohort(self.project.pk, read_cohort_id(kwargs["id"]))
        limit, offset = read_lenient_page(request.query_params)
        page = unmatched_rows(self.project.pk, cohort, limit=limit, offset=offset)
        has_more = offset + len(page.rows) < page.total
        following, previous = page_links(request, limit=limit, offset=offset, has_more=has_more)
        paging = {"count": page.total, "next": following, "previous": previous, "results": page.rows}
        return Response({**(cohort.upload or {}), **paging})
