"""What became of the latest file of a static cohort."""

from typing import Any

from core.exceptions import CohortNotFound
from core.models import Cohort, CohortUploadPart
from core.selectors.cohorts import Page


def unmatched_rows(project_id: int, cohort: Cohort, *, limit: int, offset: int) -> Page:
    """The rows that name nobody, of what was looked up so far, in the order of the file. Raises ``CohortNotFound`` when
    nothing is known of a file.
    """
    parts = CohortUploadPart.objects.for_project(project_id).filter(cohort_id=cohort.pk)
    latest = parts.order_by("-upload").values_list("upload", flat=True).first()
    if latest is None:
        raise CohortNotFound
    done = parts.filter(upload=latest, due_at=None).order_by("pk").values_list("pk", "rows", "matched")
    # Only the parts that the page is in are read: a file may have many rows that name nobody.
    total, skipped, wanted = 0, 0, []
    for pk, rows, matched in done:
        end = total + rows - matched
        if end <= offset:
            skipped = end
        elif total < offset + limit:
            wanted.append(pk)
        total = end
    told = parts.filter(pk__in=wanted).order_by("pk").values_list("unmatched", flat=True)
    found: list[dict[str, Any]] = [row for part in told for row in part]
    start = offset - skipped
    return Page(found[start : start + limit], total)
