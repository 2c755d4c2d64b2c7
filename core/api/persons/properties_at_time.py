"""``GET …/persons/properties_at_time/``: a person with the properties that it had at some moment."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.csv import JSON_OR_CSV
from core.api.documents import lenient_flag
from core.api.fields import required
from core.api.parameters import read_text
from core.api.persons.documents import PROJECT_ID
from core.api.persons.serializers import (
    PersonPropertiesAtTimeErrorSerializer,
    PersonPropertiesAtTimeResponseSerializer,
)
from core.api.views import ProjectViewSet
from core.exceptions import InvalidInput, PersonNotFound
from core.selectors.persons import get_person, get_person_by_distinct_id
from core.selectors.properties_at_time import properties_at_time

_ERRORS = dict.fromkeys((400, 401, 403, 404, 503, 504), PersonPropertiesAtTimeErrorSerializer)


class PropertiesAtTimeViewSet(ProjectViewSet):
    """The past of a person."""

    scopes: ClassVar = {"retrieve": ("person:read",)}
    renderer_classes = JSON_OR_CSV

    @extend_schema(
        operation_id="persons_properties_at_time_retrieve",
        parameters=[
            PROJECT_ID,
            OpenApiParameter("distinct_id", str, description="Any distinct id of the person."),
            OpenApiParameter("person_id", str, description="The person's uuid. Give one of the two."),
            OpenApiParameter(
                "timestamp",
                OpenApiTypes.DATETIME,
                required=True,
                description="Until when, in ISO 8601; UTC when it names no offset.",
            ),
            lenient_flag("include_set_once", "Also apply `$set_once`."),
        ],
        responses={200: PersonPropertiesAtTimeResponseSerializer, **_ERRORS},
    )
    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        """The person with its properties rebuilt from the events of all its distinct ids, up to and including the time.

        Everything else is as it is now.
        """
        query = request.query_params
        distinct_id, person_id = read_text(query, "distinct_id"), query.get("person_id")
        if distinct_id and person_id:
            raise InvalidInput("Give either distinct_id or person_id, not both.")
        if not distinct_id and not person_id:
            raise InvalidInput("Give distinct_id or person_id.")
        moment = _read_moment(query)
        person = self._person(distinct_id, person_id)
        with_set_once = query.get("include_set_once", "").strip().lower() == "true"
        person["properties"] = properties_at_time(
            self.project.pk, person["distinct_ids"], moment=moment, with_set_once=with_set_once
        )
        person["point_in_time_metadata"] = {
            "queried_timestamp": moment.isoformat(),
            "include_set_once": with_set_once,
            "distinct_id_used": distinct_id or None,
            "person_id_used": person_id or None,
            "query_mode": "distinct_id" if distinct_id else "person_id",
            "distinct_ids_queried": person["distinct_ids"],
            "distinct_ids_count": len(person["distinct_ids"]),
        }
        return Response(person)

    def _person(self, distinct_id: str | None, person_id: str | None) -> dict[str, Any]:
        if distinct_id:
            person = get_person_by_distinct_id(self.project, distinct_id)
        else:
            person = get_person(self.project, _read_uuid(person_id or ""))
        if person is None:
            raise PersonNotFound
        return person

    def handle_exception(self, exc: Exception) -> Response:
        """Clients look for ``error``."""
        response = super().handle_exception(exc)
        response.data = {"error": response.data["detail"], **response.data}
        return response


def _read_moment(query: Mapping[str, str]) -> datetime:
    text = query.get("timestamp", "").strip()
    if not text:
        raise required("timestamp")
    try:
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInput(
            "Must be a time in ISO 8601, such as 2026-06-15T14:30:00Z.", attr="timestamp"
        ) from None
    return moment


def _read_uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInput("Must be a valid UUID.", attr="person_id") from None
