"""Removes properties of a person."""

from collections.abc import Sequence
from uuid import UUID

from django.db.backends.utils import CursorWrapper

from core.services.record_activity import Activity, person_change, record_activity
from core.services.stored_person import lock_person
from core.services.transaction import change_persons
from core.services.write_properties import write_properties


def unset_properties(*, project_id: int, key: UUID | int, names: Sequence[str], user_id: int | None) -> None:
    """Remove the properties ``names`` of the person with this uuid or pk.

    A person that has none of them stays as it is, but the log tells of the call. Raises ``PersonNotFound``.
    """
    change_persons(project_id, lambda cursor: _unset(cursor, project_id, key, names, user_id))


def _unset(
    cursor: CursorWrapper, project_id: int, key: UUID | int, names: Sequence[str], user_id: int | None
) -> None:
    person = lock_person(cursor, project_id, key)
    removed = person.properties.keys() & set(names)
    if removed:
        rest = {name: value for name, value in person.properties.items() if name not in removed}
        event, told = "$delete_person_property", {"$unset": sorted(removed)}
        write_properties(cursor, project_id, person, rest, event=event, told=told)
    record_activity(
        project_id=project_id,
        user_id=user_id,
        activities=[
            Activity("Person", "delete_property", person.id, str(person.uuid), [person_change("changed")])
        ],
    )
