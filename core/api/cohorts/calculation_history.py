"""``GET …/cohorts/{id}/calculation_history/``: how a cohort was calculated."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.cohorts.documents import COHORT_ID, read_cohort_id
from core.api.cohorts.serializers import CohortCalculationPageSerializer
from core.api.documents import lenient_limit, lenient_offset
from core.api.parameters import read_lenient_page
from core.api.persons.documents import ERRORS, PROJECT_ID
from core.api.views import ProjectViewSet
from core.selectors.cohorts import get_cohort, list_calculations


class CalculationHistoryViewSet(ProjectViewSet):
    """Calculations of a cohort."""

    scopes: ClassVar = {"retrieve": ("cohort:read",)}

    @extend_schema(
        operation_id="cohorts_calculation_history_retrieve",
        parameters=[
            PROJECT_ID,
            COHORT_ID,
            lenient_limit("Calculations a page."),
            lenient_offset("Calculations to skip."),
        ],
        responses={200: CohortCalculationPageSerializer, **ERRORS},
    )
    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        """The latest 100 calculations and the present one, the latest first."""
        cohort = get_cohort(self.project.pk, read_cohort_id(kwargs["id"]))
        limit, offset = read_lenient_page(request.query_params)
        page = list_calculations(self.project.pk, cohort.pk, limit=limit, offset=offset)
        following = offset + limit if offset + limit < page.total else None
        previous = max(0, offset - limit) if offset else None
        body = {
            "results": page.rows,
            "count": page.total,
            "next": _link(limit, following),
            "previous": _link(limit, previous),
        }
        return Response(body)


def _link(limit: int, offset: int | None) -> str | None:
    return None if offset is None else f"?limit={limit}&offset={offset}"
