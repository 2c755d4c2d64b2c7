"""``POST …/persons/batch_by_distinct_ids/``: many persons at once, by their distinct ids."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.fields import Fields
from core.api.persons.batches import MOST, batch_response
from core.api.persons.documents import ERRORS, PROJECT_ID
from core.api.persons.serializers import PersonBatchByDistinctIdsRequestSerializer, PersonBatchSerializer
from core.api.views import ProjectViewSet
from core.selectors.persons import minimal_persons_by_distinct_id


class BatchByDistinctIdsViewSet(ProjectViewSet):
    """Look up persons by distinct ids."""

    scopes: ClassVar = {"create": ("person:read",)}

    @extend_schema(
        operation_id="persons_batch_by_distinct_ids_create",
        parameters=[PROJECT_ID],
        request=PersonBatchByDistinctIdsRequestSerializer,
        responses={200: PersonBatchSerializer, **ERRORS},
    )
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Persons by the ids asked for, unknown ones left out. Only the first 200 ids count."""
        asked = Fields(request).members("distinct_ids")
        distinct_ids = [one for one in asked[:MOST] if isinstance(one, str)]
        persons = minimal_persons_by_distinct_id(self.project, distinct_ids) if distinct_ids else {}
        return batch_response(persons, asked)
