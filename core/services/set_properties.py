"""Sets properties of a person; those that are not named stay as they are."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson
from django.db.backends.utils import CursorWrapper

from core.exceptions import InvalidInput
from core.identity.property_rules import LARGEST
from core.services.record_activity import Activity, person_change, record_activity
from core.services.stored_person import StoredPerson, lock_person
from core.services.transaction import change_persons
from core.services.write_properties import write_properties


def set_properties(
    *, project_id: int, key: UUID | int, properties: Mapping[str, Any], user_id: int | None, attr: str
) -> StoredPerson:
    """Set ``properties`` of the person with this uuid or pk; the person as it is then.

    Values that the person has already change nothing, but the log tells of the call. Raises ``PersonNotFound``, and
    ``InvalidInput`` naming ``attr`` for more than a person may have.
    """
    return change_persons(project_id, lambda cursor: _set(cursor, project_id, key, properties, user_id, attr))


def _set(
    cursor: CursorWrapper,
    project_id: int,
    key: UUID | int,
    properties: Mapping[str, Any],
    user_id: int | None,
    attr: str,
) -> StoredPerson:
    person = lock_person(cursor, project_id, key)
    if not _has_all(person.properties, properties):
        person = write_properties(
            cursor,
            project_id,
            person,
            _merged(person.properties, properties, attr),
            event="$set",
            told={"$set": properties},
        )
    record_activity(
        project_id=project_id,
        user_id=user_id,
        activities=[
            Activity("Person", "updated", person.id, None, [person_change("changed", field="properties")])
        ],
    )
    return person


def _merged(properties: Mapping[str, Any], wanted: Mapping[str, Any], attr: str) -> dict[str, Any]:
    merged = {**properties, **wanted}
    if len(orjson.dumps(merged)) > LARGEST:
        raise InvalidInput(f"A person has at most {LARGEST} bytes of properties.", attr=attr)
    return merged


def _has_all(properties: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Equal as JSON: Python's ``1 == True == 1.0`` are three different values."""
    present = {key: properties[key] for key in wanted if key in properties}
    return orjson.dumps(present, option=orjson.OPT_SORT_KEYS) == orjson.dumps(
        wanted, option=orjson.OPT_SORT_KEYS
    )
