"""``POST …/persons/{id}/merge/``: another person becomes part of this one."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.fields import Fields
from core.api.persons.change import stored_person
from core.api.persons.documents import ERRORS, PERSON_ID, PROJECT_ID
from core.api.persons.person_id import read_person_id
from core.api.persons.serializers import PersonMergeRequestSerializer, PersonMergeResponseSerializer
from core.api.views import ProjectViewSet
from core.exceptions import InvalidInput
from core.services.merge_persons import Other, merge_persons


class MergeViewSet(ProjectViewSet):
    """Merge persons."""

    scopes: ClassVar = {"create": ("person:write",)}

    @extend_schema(
        operation_id="persons_merge_create",
        parameters=[PROJECT_ID, PERSON_ID],
        request=PersonMergeRequestSerializer,
        responses={200: PersonMergeResponseSerializer, 201: PersonMergeResponseSerializer, **ERRORS},
    )
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Merge another person into this one, which keeps its uuid and wins every clash of properties: 201. A dry
        run answers 200 with what would be. It can be taken back with `undo`.
        """
        key, fields = read_person_id(kwargs["id"]), Fields(request)
        dry_run = fields.flag("dry_run")
        merged = merge_persons(
            project_id=self.project.pk,
            key=key,
            other=_read_other(fields),
            user_id=self.caller.user_id,
            dry_run=dry_run,
        )
        body = {
            "dry_run": dry_run,
            "person": stored_person(self.project, merged.survivor),
            "merged_person_uuid": str(merged.loser.uuid),
            "overridden_properties": merged.overridden,
            "cohorts": merged.cohorts,
        }
        return Response(body, status=200 if dry_run else 201)


def _read_other(fields: Fields) -> Other:
    distinct_id, person_id = fields.text("distinct_id"), fields.value("person_id")
    if (distinct_id is None) == (person_id is None):
        raise InvalidInput("Give either distinct_id or person_id.")
    if distinct_id is not None:
        return Other(distinct_id, is_distinct_id=True, attr="distinct_id")
    if isinstance(person_id, bool) or not isinstance(person_id, str | int):
        raise InvalidInput("Must be a uuid or an integer.", attr="person_id")
    return Other(read_person_id(str(person_id), attr="person_id"), is_distinct_id=False, attr="person_id")
