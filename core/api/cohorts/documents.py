"""What the documentation of all cohort routes has in common, and how their ``{id}`` is read."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter

from core.auth.authentication import LARGEST_ID
from core.exceptions import CohortNotFound

COHORT_ID = OpenApiParameter(
    "id", OpenApiTypes.INT, OpenApiParameter.PATH, description="The id of the cohort."
)


def read_cohort_id(text: str) -> int:
    """Raises ``CohortNotFound`` for what can be no id."""
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(LARGEST_ID))):
        raise CohortNotFound
    return min(int(text), LARGEST_ID)
