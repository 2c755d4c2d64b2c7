"""``POST …/persons/{id}/undo/``: the last merge or split is taken back."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.fields import Fields
from core.api.persons.documents import ERRORS, PERSON_ID, PROJECT_ID
from core.api.persons.person_id import read_person_id
from core.api.persons.serializers import (
    ErrorSerializer,
    PersonUndoRequestSerializer,
    PersonUndoResponseSerializer,
)
from core.api.views import ProjectViewSet
from core.services.undo import undo


class UndoViewSet(ProjectViewSet):
    """Take back a merge or a split."""

    scopes: ClassVar = {"create": ("person:write",)}

    @extend_schema(
        operation_id="persons_undo_create",
        parameters=[PROJECT_ID, PERSON_ID],
        request=PersonUndoRequestSerializer,
        responses={
            200: PersonUndoResponseSerializer,
            201: PersonUndoResponseSerializer,
            **ERRORS,
            409: ErrorSerializer,
        },
    )
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Take back the last merge into this person, or its last split, to exactly the state before it: 201, or 200 for
        a dry run. 409 says what stands in the way.
        """
        key, dry_run = read_person_id(kwargs["id"]), Fields(request).flag("dry_run")
        undone = undo(project_id=self.project.pk, key=key, user_id=self.caller.user_id, dry_run=dry_run)
        body = {
            "dry_run": dry_run,
            "undone": undone.kind,
            "person_uuids": [str(uuid) for uuid in undone.uuids],
        }
        return Response(body, status=200 if dry_run else 201)
