"""Who is who, told a second time: what a project must look like after events, splits and deletions.

As slow and plain as possible, one event after the other, without a database and without a word from
``core.identity``. Numbers of cases are those of the capture contract: U is an event's own distinct id, O the one that
it names beside it.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

Properties = dict[str, Any]

NAMESPACE = UUID("932979b4-65c3-4424-8467-0b66ec27bc22")
#: The creation time of whom a split makes: later than that of anybody whom an event of these tests makes.
DURING_THE_TEST = datetime.max.replace(tzinfo=UTC)

IDENTITY_EVENTS = ("$identify", "$create_alias", "$merge_dangerously")
NOT_WITHOUT_PROFILE = (*IDENTITY_EVENTS, "$groupidentify")
WITHOUT_PERSON = ("$snapshot", "$performance_event", "$$client_ingestion_warning")
NEVER_CHANGES_ANYBODY = ("$exception", "$$heatmap")
ALWAYS_WRITES = (*IDENTITY_EVENTS, "$set")
#: Of the noise and of what is lifted, the keys that the tests use.
NOISE = {"$browser"}
LIFTED = {"$browser": "$initial_browser", "utm_source": "$initial_utm_source"}
#: Of the ids that name nobody, those that the tests use.
NOBODY = ("Anonymous", "'null'", "", " ")


@dataclass(frozen=True)
class Said:
    """An event as a client sends it. ``profile`` is ``$process_person_profile``, null when it is not there."""

    name: str
    distinct_id: str
    other_id: str | None = None
    set: Properties = field(default_factory=dict)
    set_once: Properties = field(default_factory=dict)
    unset: Sequence[str] = ()
    beside: Properties = field(default_factory=dict)
    profile: bool | None = None
    at: datetime = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(eq=False)
class Person:
    """A person. ``uuid`` is null as long as several are allowed and nobody has asked the server which it took."""

    first_id: str
    uuid: UUID | None
    created_at: datetime
    properties: Properties = field(default_factory=dict)
    is_identified: bool = False
    last_seen_at: datetime | None = None
    is_member: bool = False
    merged_into: "Person | None" = None


@dataclass(eq=False)
class Kept:
    """An event that was stored. ``person`` is the one it had at the end of its request, null without a profile."""

    uuid: UUID
    distinct_id: str
    person: Person | None
    mode: str


class Model:
    """A project. ``owner`` says whose each distinct id is, in the order in which ids came first."""

    def __init__(self, project_id: int) -> None:
        self.project_id = project_id
        self.owner: dict[str, Person] = {}
        self.kept: list[Kept] = []
        #: Uuids that were somebody's at the beginning of the request.
        self._before: set[UUID | None] = set()

    # What there is

    def persons(self) -> list[Person]:
        return list(dict.fromkeys(self.owner.values()))

    def ids_of(self, person: Person) -> list[str]:
        return [distinct_id for distinct_id, owner in self.owner.items() if owner is person]

    def with_uuid(self, uuid: UUID) -> Person | None:
        return next((person for person in self.persons() if person.uuid == uuid), None)

    def uuid_of(self, distinct_id: str) -> UUID:
        return uuid5(NAMESPACE, f"{self.project_id}:{distinct_id}")

    def person_of(self, kept: Kept) -> UUID | None:
        """Whose an event is: its id's person. If the id has none, the event stays as it was captured."""
        owner = self.owner.get(kept.distinct_id, kept.person)
        return owner.uuid if owner else self.uuid_of(kept.distinct_id)

    # Events

    def take(self, events: Iterable[tuple[Said, UUID]]) -> None:
        """One request."""
        self._before = {person.uuid for person in self.persons()}
        first = len(self.kept)
        for event, uuid in events:
            self._take_one(event, uuid)
        for kept in self.kept[first:]:
            while kept.person and kept.person.merged_into:
                kept.person = kept.person.merged_into

    def _take_one(self, event: Said, uuid: UUID) -> None:
        person = self.owner.get(event.distinct_id)
        if event.profile is False and event.name in NOT_WITHOUT_PROFILE:  # 10
            return
        is_lone_flag_call = (
            event.name == "$feature_flag_called" and person is None and event.profile is not True
        )
        if event.profile is False or event.name in WITHOUT_PERSON or is_lone_flag_call:
            later = person is not None and event.at - person.created_at > timedelta(minutes=1)
            mode = "force_upgrade" if later else "propertyless"
            self.kept.append(Kept(uuid, event.distinct_id, person, mode))
            return
        person = self._person_for(event, uuid)
        hour = event.at.replace(minute=0, second=0, microsecond=0)
        person.last_seen_at = max(person.last_seen_at or hour, hour)
        self.kept.append(Kept(uuid, event.distinct_id, person, "full"))

    def _person_for(self, event: Said, uuid: UUID) -> Person:
        """The person of a personful event after everything that the event does."""
        u, o = event.distinct_id, event.other_id
        mine = self.owner.get(u)
        if event.name not in IDENTITY_EVENTS or o is None or o == u or u in NOBODY or o in NOBODY:  # 1, 2
            if mine is None:
                return self._birth(event, uuid)
            mine.properties = changed(mine.properties, event)
            return mine
        theirs = self.owner.get(o)
        person = mine or theirs
        if person is None:  # 3, 11
            person = self.owner[o] = self._birth(event, uuid)
            person.is_identified = True
            return person
        if mine is None or theirs is None:  # 5; 4, 11
            self.owner[u] = self.owner[o] = person
        elif theirs is not mine and (event.name == "$merge_dangerously" or not theirs.is_identified):  # 7, 9
            self._merge(theirs, mine)
        # 6 and 8 move nothing.
        person.is_identified = True
        person.properties = changed(person.properties, event)
        return person

    def _birth(self, event: Said, uuid: UUID) -> Person:
        set_, set_once = carriers(event)
        person = Person(
            event.distinct_id,
            self._free_uuid(event.distinct_id),
            event.at,
            properties={**set_once, **set_, "$creator_event_uuid": str(uuid)},
        )
        self.owner[event.distinct_id] = person
        return person

    def _merge(self, loser: Person, survivor: Person) -> None:
        survivor.properties = {**loser.properties, **survivor.properties}
        survivor.created_at = min(survivor.created_at, loser.created_at)
        if loser.last_seen_at:
            survivor.last_seen_at = max(survivor.last_seen_at or loser.last_seen_at, loser.last_seen_at)
        survivor.is_member = survivor.is_member or loser.is_member
        loser.merged_into = survivor
        for distinct_id in self.ids_of(loser):
            self.owner[distinct_id] = survivor

    # Uuids

    def names_for(self, distinct_id: str) -> list[UUID]:
        """The uuid that follows from the id, and the one for when that is somebody else's."""
        return [self.uuid_of(distinct_id), self.uuid_of(f"{distinct_id}:split")]

    def _free_uuid(self, distinct_id: str) -> UUID | None:
        """Null when the server may choose: both are taken, or who has them changes within this very request."""
        now = {person.uuid for person in self.persons()}
        free = {
            next((uuid for uuid in self.names_for(distinct_id) if uuid not in taken), None)
            for taken in (now, self._before, now | self._before)
        }
        if len(free) == 1 and None not in now:
            return free.pop()
        for rival in self.persons():
            if rival.uuid in free - self._before:
                rival.uuid = None
        return None

    # The API

    def split(self, person: Person, *, keep: str | None = None, move: Sequence[str] | None = None) -> int:
        """The status of the answer."""
        ids = self.ids_of(person)
        if move is None:
            stays = ids[0] if keep is None else keep
            if stays not in ids:
                return 400
            moved = [distinct_id for distinct_id in ids if distinct_id != stays]
        else:
            if not set(move) < set(ids) or not move:
                return 400
            moved = [distinct_id for distinct_id in ids if distinct_id in move]
        self._before = {one.uuid for one in self.persons()}
        for distinct_id in moved:
            self.owner[distinct_id] = Person(distinct_id, self._free_uuid(distinct_id), DURING_THE_TEST)
        return 201

    def delete(self, person: Person) -> None:
        for distinct_id in self.ids_of(person):
            del self.owner[distinct_id]

    def erase_events(self, person: Person) -> None:
        """Of all its distinct ids, whoever they were of when it happened."""
        ids = self.ids_of(person)
        self.kept = [kept for kept in self.kept if kept.distinct_id not in ids]


# Properties


def carriers(event: Said) -> tuple[Properties, Properties]:
    """``$set`` and ``$set_once`` with what is lifted from beside them."""
    if event.name == "$groupidentify":
        return {}, {}
    now = {key: value for key, value in event.beside.items() if key in LIFTED}
    first = {LIFTED[key]: value for key, value in now.items()}
    return {**now, **event.set}, {**first, **event.set_once}


def changed(before: Properties, event: Said) -> Properties:
    """The properties of somebody who exists after ``event``."""
    if event.name in (*NEVER_CHANGES_ANYBODY, "$groupidentify"):
        return before
    set_, set_once = carriers(event)
    after = {**set_once, **before, **set_}
    removed = before.keys() & set(event.unset)
    touched = {key for key in after if key not in before or not same(before[key], after[key])}
    if not removed and touched <= NOISE & before.keys() and event.name not in ALWAYS_WRITES:
        return before
    return {key: value for key, value in after.items() if key not in removed}


def same(one: Any, other: Any) -> bool:
    """As JSON: 1, 1.0 and true are three values."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
