"""Properties are set and the answer is the person as it now is: what the routes that set properties have in common."""

from collections.abc import Mapping
from typing import Any

from rest_framework.response import Response

from core.api.persons.person_id import read_person_id
from core.api.views import ProjectViewSet
from core.json import dumps
from core.models import Project
from core.selectors.persons import PersonRow, full_person
from core.services.set_properties import set_properties
from core.services.stored_person import StoredPerson


def set_and_answer(
    view: ProjectViewSet, person_id: str, properties: Mapping[str, Any], *, attr: str
) -> Response:
    """Set ``properties`` of the person that the path names; ``attr`` is the field that held them."""
    person = set_properties(
        project_id=view.project.pk,
        key=read_person_id(person_id),
        properties=properties,
        user_id=view.caller.user_id,
        attr=attr,
    )
    return Response(stored_person(view.project, person), status=202)


def stored_person(project: Project, person: StoredPerson) -> dict[str, Any]:
    """The full person as a service left it. Not read again: a replica of PostgreSQL may not have it yet."""
    row = PersonRow(
        person.id,
        str(person.uuid),
        dumps(person.properties).decode(),
        person.is_identified,
        person.created_at,
        person.last_seen_at,
        person.distinct_ids,
    )
    return full_person(project, row)
