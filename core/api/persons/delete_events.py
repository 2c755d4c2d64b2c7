"""``POST …/persons/{id}/delete_events/``: the events of a person go, the person stays."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.persons.documents import ERRORS, PERSON_ID, PROJECT_ID
from core.api.persons.erasure import erase_one
from core.api.persons.person_id import read_person_id
from core.api.persons.serializers import SuccessSerializer
from core.api.rate_limits import RateClass
from core.api.views import ProjectViewSet
from core.services.bulk_delete import Wanted


class DeleteEventsViewSet(ProjectViewSet):
    """Erase the events of a person."""

    scopes: ClassVar = {"create": ("person:write",)}
    rate_class: ClassVar = RateClass.PERSON_DELETES

    @extend_schema(
        operation_id="persons_delete_events_create",
        parameters=[PROJECT_ID, PERSON_ID],
        request=None,
        responses={202: SuccessSerializer, **ERRORS},
    )
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Erase all events of the person captured up to now, within seconds: `deletion_status` tells when. The person
        and its properties stay.
        """
        erase_one(self, read_person_id(kwargs["id"]), Wanted(delete_events=True, keep_person=True))
        return Response({"success": True}, status=202)
