"""The events of the other server, oldest first. ``take_events.py`` says why the place moves after a check only."""

from datetime import UTC, datetime
from uuid import UUID

from django.utils import timezone

from core.posthog.client import RouteMissing
from core.posthog.pages import TICK, EventPlace, walk_events
from core.services.posthog_import.copying import SETTLE_EVERY, Copying, Progress, settle
from core.services.posthog_import.state import EventsState
from core.services.posthog_import.take_events import count_found, read_source_event, store_events

PART = "events"
#: Nobody has events before.
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def copy_events(copying: Copying, *, since: datetime | None, until: datetime | None) -> None:
    """Read and store events from where an earlier run ended: those from ``since`` on and before ``until``, by default
    all until now. Other bounds than those of the earlier run begin anew.
    """
    _begin(copying, since, until)
    events = copying.state.events
    place = EventPlace(datetime.fromisoformat(events.at), frozenset(events.seen))
    before = datetime.fromisoformat(events.until)
    fresh: dict[UUID, datetime] = {}
    _tell(copying, 0, place)
    try:
        for number, page in enumerate(
            walk_events(copying.source, f"{copying.path}events/", place, before=before), 1
        ):
            read = [read_source_event(row, received=before) for row in page.rows]
            taken = [event for event in read if event is not None]
            stored = store_events(
                project_id=copying.project.pk, events=taken, has_persons=copying.state.has_persons
            )
            fresh |= {event.uuid: event.timestamp for event in stored}
            events.unfit += len(read) - len(taken)
            events.deleted += len(taken) - len(stored)
            place = page.place
            _tell(copying, len(fresh), place)
            if number % SETTLE_EVERY == 0:
                _check(copying, fresh, place)
                fresh = {}
    except RouteMissing:
        if events.read or fresh:
            raise
        events.is_missing = True
    events.is_done = True
    _check(copying, fresh, place)


def _begin(copying: Copying, since: datetime | None, until: datetime | None) -> None:
    events = copying.state.events
    is_other = (since and _iso(since) != events.since) or (until and _iso(until) != events.until)
    if not events.until or is_other:
        first = _iso(since) if since else events.since
        start = datetime.fromisoformat(first) if first else _BEGINNING
        copying.state.events = EventsState(
            since=first, until=_iso(until or timezone.now()), at=_iso(start - TICK)
        )
    copying.state.events.is_missing = False


def _check(copying: Copying, fresh: dict[UUID, datetime], place: EventPlace) -> None:
    """Count what was stored since the last check where it has arrived, and move the place."""
    events = copying.state.events
    settle(copying, Progress(PART, events.read + len(fresh), None))
    events.found += count_found(copying.project.pk, fresh)
    events.read += len(fresh)
    events.at, events.seen = _iso(place.at), sorted(place.seen)
    copying.save()


def _tell(copying: Copying, more: int, place: EventPlace) -> None:
    note = f"up to {place.at:%Y-%m-%d %H:%M}" if place.at > _BEGINNING else ""
    copying.tell(Progress(PART, copying.state.events.read + more, None, note))


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
