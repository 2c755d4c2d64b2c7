"""Takes events: persons, distinct ids and properties change, events and changes queue for ClickHouse, in one
transaction.

Why there is no query per event: the request's distinct ids are loaded at once, ``core.identity.resolve``
decides in memory, and what came out is written in a handful of statements whatever the number of events.
"""

from collections.abc import Iterable, Mapping, Sequence

from django.db.backends.utils import CursorWrapper

from core.events.event import Event
from core.identity.resolve import Identities, Placed
from core.outbox.append import BufferRow, append_events
from core.outbox.lines import event_line
from core.services.groups import write_groups
from core.services.identities import load, write
from core.services.transaction import change_persons


def capture(*, project_id: int, events: Sequence[Event]) -> None:
    """Store ``events`` and what they do to persons. When this returns they are durable; when it raises,
    nothing was stored.
    """
    change_persons(
        project_id,
        lambda cursor: take_events(cursor, project_id=project_id, events=events),
    )


def take_events(cursor: CursorWrapper, *, project_id: int, events: Sequence[Event]) -> None:
    """The same inside a transaction of the caller's, which ``change_persons`` runs."""
    identities = load(cursor, project_id, _ids_of(events))
    identities.take(events)
    write(cursor, identities)
    _append(cursor, identities)


def place_events(cursor: CursorWrapper, *, project_id: int, events: Sequence[Event]) -> None:
    """Store ``events`` of persons who were brought along as they have become: they change no person. Inside a
    transaction of the caller's.
    """
    identities = load(cursor, project_id, _ids_of(events))
    identities.place(events)
    _append(cursor, identities)


def _append(cursor: CursorWrapper, identities: Identities) -> None:
    """Queue the events, with the groups that they name."""
    project_id = identities.project_id
    groups = write_groups(cursor, project_id, [placed.event for placed in identities.placed])
    rows = (
        _buffer_row(project_id, placed, group_keys)
        for placed, group_keys in zip(identities.placed, groups, strict=True)
    )
    append_events(cursor, rows)


def _buffer_row(project_id: int, placed: Placed, group_keys: Mapping[int, str]) -> BufferRow:
    """The event with the person that it ended up with: one that merged away in the same request was never
    stored.
    """
    uuid = placed.person.now().uuid if placed.person else placed.person_uuid
    line = event_line(
        placed.event,
        project_id=project_id,
        person_uuid=uuid,
        mode=placed.mode,
        group_keys=group_keys,
    )
    return project_id, placed.event.distinct_id, uuid, line


def _ids_of(events: Iterable[Event]) -> list[str]:
    ids = {event.distinct_id for event in events}
    ids |= {event.other_id for event in events if event.other_id is not None and "\0" not in event.other_id}
    return list(ids)
