"""``POST …/persons/{id}/split/``: distinct ids move away, each to a person of its own."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.fields import Fields
from core.api.persons.documents import ERRORS, PERSON_ID, PROJECT_ID
from core.api.persons.person_id import read_person_id
from core.api.persons.serializers import (
    PersonSplitPreviewSerializer,
    PersonSplitRequestSerializer,
    PersonSplitResponseSerializer,
)
from core.api.views import ProjectViewSet
from core.exceptions import InvalidInput
from core.services.split_person import Keep, Move, split_person


class SplitViewSet(ProjectViewSet):
    """Split a person."""

    scopes: ClassVar = {"create": ("person:write",)}

    @extend_schema(
        operation_id="persons_split_create",
        parameters=[PROJECT_ID, PERSON_ID],
        request=PersonSplitRequestSerializer,
        responses={200: PersonSplitPreviewSerializer, 201: PersonSplitResponseSerializer, **ERRORS},
    )
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Move distinct ids away, each to a new person with no properties. The person keeps everything else. A dry run
        answers 200 with who would come into being.
        """
        key, fields = read_person_id(kwargs["id"]), Fields(request)
        dry_run = fields.flag("dry_run")
        parts = split_person(
            project_id=self.project.pk,
            key=key,
            choice=_read_choice(fields),
            user_id=self.caller.user_id,
            dry_run=dry_run,
        )
        if dry_run:
            new = [{"distinct_id": part.distinct_id, "uuid": str(part.uuid)} for part in parts]
            return Response({"dry_run": True, "new_persons": new})
        return Response({"success": True}, status=201)


def _read_choice(fields: Fields) -> Keep | Move:
    keep, move = fields.text("main_distinct_id"), fields.texts("distinct_ids_to_split")
    if move is None:
        return Keep(keep)
    if keep is not None:
        raise InvalidInput("Give either main_distinct_id or distinct_ids_to_split, not both.")
    if not move:
        raise InvalidInput("This list may not be empty.", attr="distinct_ids_to_split")
    return Move(move)
