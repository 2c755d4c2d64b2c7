"""Rewrites the properties of a locked person and queues the event that tells of the change, so that its history can be
replayed.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import uuid4

import orjson
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from core.events.event import Event
from core.models import Outbox
from core.outbox.append import append_events, append_lines
from core.outbox.lines import event_line
from core.services.stored_person import StoredPerson, line_of
from core.services.webhooks.tell import tell, updated

_UPDATE = "UPDATE core_person SET properties = %s, version = %s WHERE project_id = %s AND id = %s"


def write_properties(
    cursor: CursorWrapper,
    project_id: int,
    person: StoredPerson,
    properties: dict[str, Any],
    *,
    event: str,
    told: Mapping[str, Any],
) -> StoredPerson:
    """Give the locked ``person`` these properties; the person as it is then. ``told`` are the properties of the event,
    which belongs to the oldest distinct id; without distinct ids there is none.
    """
    after = replace(person, properties=properties, version=person.version + 1)
    cursor.execute(_UPDATE, [orjson.dumps(properties).decode(), after.version, project_id, person.id])
    append_lines(cursor, project_id, Outbox.Target.PERSON, [line_of(project_id, after)])
    if person.distinct_ids:
        _append_event(cursor, project_id, person, event, told)
    tell(cursor, project_id, [updated(person.uuid)])
    return after


def _append_event(
    cursor: CursorWrapper, project_id: int, person: StoredPerson, name: str, told: Mapping[str, Any]
) -> None:
    # After the lock, so that the order of times is the order of changes.
    now = timezone.now()
    event = Event(
        uuid=uuid4(),
        name=name,
        distinct_id=person.distinct_ids[0],
        timestamp=now,
        properties=dict(told),
        other_id=None,
        without_profile=False,
    )
    line = event_line(event, project_id=project_id, person_uuid=person.uuid, mode="full")
    append_events(cursor, [(project_id, event.distinct_id, person.uuid, line)])
