"""``POST …/persons/bulk_delete/``: many persons go at once, with their events or without."""

from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.fields import Fields
from core.api.persons.documents import ERRORS, PROJECT_ID
from core.api.persons.person_id import read_person_id
from core.api.persons.serializers import (
    PersonBulkDeletePreviewSerializer,
    PersonBulkDeleteRequestSerializer,
    PersonBulkDeleteResponseSerializer,
)
from core.api.rate_limits import RateClass
from core.api.views import ProjectViewSet
from core.exceptions import InvalidInput, PersonNotFound
from core.services.bulk_delete import Names, Wanted, bulk_delete, preview

#: Names of one request.
MOST = 1000
STEP = "delete_postgres"


class BulkDeleteViewSet(ProjectViewSet):
    """Delete many persons."""

    scopes: ClassVar = {"create": ("person:write",)}
    rate_class: ClassVar = RateClass.PERSON_DELETES

    @extend_schema(
        operation_id="persons_bulk_delete_create",
        parameters=[PROJECT_ID],
        request=PersonBulkDeleteRequestSerializer,
        responses={
            200: PersonBulkDeletePreviewSerializer,
            202: PersonBulkDeleteResponseSerializer,
            **ERRORS,
        },
    )
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Delete persons by uuids, integer ids or distinct ids: 202. They are gone at once; with `delete_events` their
        events follow within seconds. A dry run answers 200 with what would go.
        """
        fields = Fields(request)
        ids, distinct_ids = _read_list(fields, "ids"), _read_list(fields, "distinct_ids")
        if ids and distinct_ids:
            raise InvalidInput("Give either ids or distinct_ids, not both.")
        if not ids and not distinct_ids:
            raise InvalidInput("Give distinct_ids or ids.")
        keys = _read_keys(ids)
        wanted = Wanted(delete_events=fields.flag("delete_events"), keep_person=fields.flag("keep_person"))
        recordings = fields.flag("delete_recordings")
        names = Names(keys=[key for key in keys.values() if key is not None], distinct_ids=distinct_ids)
        if fields.flag("dry_run"):
            would_go = preview(project_id=self.project.pk, names=names, wanted=wanted)
            return Response(
                {
                    "dry_run": True,
                    "persons": would_go.persons,
                    "distinct_ids": would_go.distinct_ids,
                    "events": would_go.events,
                    **_unmatched(keys, distinct_ids, would_go.matched),
                }
            )
        done = bulk_delete(
            project_id=self.project.pk, names=names, wanted=wanted, user_id=self.caller.user_id
        )
        return Response(
            {
                "persons_found": done.found,
                "persons_deleted": done.deleted,
                "persons_queued_for_deletion": 0,
                "events_queued_for_deletion": wanted.delete_events and done.found > len(done.failed),
                "recordings_queued_for_deletion": recordings and done.found > len(done.failed),
                "deletion_errors": [{"person_uuid": str(uuid), "step": STEP} for uuid in done.failed],
                **_unmatched(keys, distinct_ids, done.matched),
            },
            status=202,
        )


def _read_list(fields: Fields, name: str) -> list[str]:
    """Each name once."""
    texts = fields.texts(name) or []
    if len(texts) > MOST:
        raise InvalidInput(f"At most {MOST} entries are allowed.", attr=name)
    return list(dict.fromkeys(texts))


def _read_keys(ids: list[str]) -> dict[str, UUID | int | None]:
    """The key that each text stands for; null for a number that no person can have."""
    keys: dict[str, UUID | int | None] = {}
    for text in ids:
        try:
            keys[text] = read_person_id(text, attr="ids")
        except PersonNotFound:
            keys[text] = None
    return keys


def _unmatched(
    keys: dict[str, UUID | int | None], distinct_ids: list[str], matched: set[UUID | int | str]
) -> dict[str, list[str]]:
    return {
        "unmatched_ids": [text for text, key in keys.items() if key is None or key not in matched],
        "unmatched_distinct_ids": [one for one in distinct_ids if one not in matched],
    }
