"""Who an event belongs to, and what that changes: the rules of identity, without a database.

``Identities`` starts as what PostgreSQL knows about the distinct ids of a request, takes the events in order
and ends as what PostgreSQL has to become. The service ``core.services.capture`` loads it and writes it.

Cases and their numbers are those of the capture contract: U is the event's own distinct id, O the id that it
names as belonging to the same person, and everything is merged into U's person.
"""

from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from core.events.event import Event
from core.identity.ids import can_merge, person_uuid
from core.identity.property_rules import (
    PropertyChange,
    apply_change,
    change_of_event,
    first_properties,
)

#: Events that touch no person.
WITHOUT_PERSON = frozenset(["$snapshot", "$performance_event", "$$client_ingestion_warning"])
#: Events about identity; with a person profile switched off they mean nothing and are dropped.
IDENTITY_EVENTS = frozenset(["$identify", "$create_alias", "$merge_dangerously", "$groupidentify"])
#: A version that ClickHouse cannot have seen: what dies takes this many steps at once.
DEATH_STEP = 100


@dataclass(slots=True, eq=False)
class PersonState:
    """A person as it will be. ``id`` is null until PostgreSQL has given one; ``stored_version`` is what was
    read.
    """

    uuid: UUID
    properties: dict[str, Any]
    created_at: datetime
    is_identified: bool = False
    version: int = 0
    last_seen_at: datetime | None = None
    id: int | None = None
    stored_version: int | None = None
    #: Properties, identification or creation time differ from what is stored.
    is_changed: bool = False
    is_seen_later: bool = False
    merged_into: "PersonState | None" = None

    def now(self) -> "PersonState":
        """This person, or the one that it has become."""
        person = self
        while person.merged_into is not None:
            person = person.merged_into
        return person


@dataclass(slots=True)
class Mapping:
    """Where a distinct id points. ``stored`` is false until PostgreSQL has the row."""

    person: PersonState
    version: int
    stored: bool


@dataclass(slots=True)
class Merge:
    """A stored person that ends in another one; ``before`` is the survivor as it was, ``version_after`` its version
    with the merge.
    """

    loser: PersonState
    survivor: PersonState
    before: PersonState
    version_after: int


@dataclass(slots=True)
class Placed:
    """An event with its person. ``person`` is null for an event without a profile; then ``person_uuid`` is
    the one that a person of this distinct id would have.
    """

    event: Event
    person: PersonState | None
    person_uuid: UUID
    mode: str


@dataclass(slots=True)
class Identities:
    """The distinct ids of one request in one project, and the persons behind them."""

    project_id: int
    mappings: dict[str, Mapping] = field(default_factory=dict)
    born: list[PersonState] = field(default_factory=list)
    merges: list[Merge] = field(default_factory=list)
    placed: list[Placed] = field(default_factory=list)

    def take(self, events: Iterable[Event]) -> None:
        """Apply ``events`` in order."""
        for event in events:
            self._take_one(event)

    def stored_persons(self) -> list[PersonState]:
        """Persons that PostgreSQL has, each once, those that merge away included."""
        seen = {id(mapping.person): mapping.person for mapping in self.mappings.values()}
        seen |= {id(merge.loser): merge.loser for merge in self.merges}
        return [person for person in seen.values() if person.id is not None]

    def place(self, events: Iterable[Event]) -> None:
        """Say whose ``events`` are, of persons who were brought along as they have become: the events change nobody."""
        for event in events:
            mapping = self.mappings.get(event.distinct_id)
            person = mapping.person if mapping else None
            uuid = person.uuid if person else person_uuid(self.project_id, event.distinct_id)
            self.placed.append(Placed(event, person, uuid, "full" if person else "propertyless"))

    def _take_one(self, event: Event) -> None:
        if event.without_profile:
            if event.name not in IDENTITY_EVENTS:
                self._place_without_profile(event)
            return
        if event.name in WITHOUT_PERSON or self._is_lone_flag_call(event):
            self._place_without_profile(event)
            return
        change = (
            PropertyChange()
            if event.name == "$groupidentify"
            else change_of_event(event.name, event.properties)
        )
        other = event.other_id
        if (
            other is not None
            and other != event.distinct_id
            and can_merge(other)
            and can_merge(event.distinct_id)
        ):
            person = self._unite(event, other, change)
        else:
            person = self._ordinary(event, change)
        self._see(person, event.timestamp)
        self.placed.append(Placed(event, person, person.uuid, "full"))

    def _is_lone_flag_call(self, event: Event) -> bool:
        """Asking for a flag makes nobody a person: not unless the event says so or belongs to a group."""
        return (
            event.name == "$feature_flag_called"
            and event.distinct_id not in self.mappings
            and event.properties.get("$process_person_profile") is not True
            and not event.properties.get("$groups")
        )

    def _place_without_profile(self, event: Event) -> None:
        mapping = self.mappings.get(event.distinct_id)
        if mapping is None:
            uuid = person_uuid(self.project_id, event.distinct_id)
            self.placed.append(Placed(event, None, uuid, "propertyless"))
            return
        person = mapping.person.now()
        younger = (event.timestamp - person.created_at).total_seconds() > 60
        self.placed.append(Placed(event, person, person.uuid, "force_upgrade" if younger else "propertyless"))

    def _ordinary(self, event: Event, change: PropertyChange) -> PersonState:
        mapping = self.mappings.get(event.distinct_id)
        if mapping is None:
            return self._birth(event, change, identified=False)
        self._update(mapping.person, change, event)
        return mapping.person

    def _unite(self, event: Event, other: str, change: PropertyChange) -> PersonState:
        """Cases 3 to 9: make U and O one person, if the rules allow it."""
        mine, theirs = self.mappings.get(event.distinct_id), self.mappings.get(other)
        if mine is None:
            if theirs is None:  # 3
                person = self._birth(event, change, identified=True)
                self.attach(other, person)
                return person
            person = theirs.person  # 5
            self.attach(event.distinct_id, person)
        else:
            person = mine.person
            if theirs is None:  # 4
                self.attach(other, person)
            elif theirs.person is not person and self._may_take(theirs.person, event):  # 7, 9; else 6, 8
                self.merge(theirs.person, person)
        self.identify(person)
        self._update(person, change, event)
        return person

    def identify(self, person: PersonState) -> None:
        """Mark the person as somebody of its own."""
        if not person.is_identified:
            person.is_identified = True
            self.touch(person)

    @staticmethod
    def _may_take(loser: PersonState, event: Event) -> bool:
        """Who is identified is somebody of its own; only the event made for it merges two such persons."""
        return not loser.is_identified or event.name == "$merge_dangerously"

    def _birth(self, event: Event, change: PropertyChange, *, identified: bool) -> PersonState:
        person = PersonState(
            uuid=person_uuid(self.project_id, event.distinct_id),
            properties={**first_properties(change), "$creator_event_uuid": str(event.uuid)},
            created_at=event.timestamp,
            is_identified=identified,
        )
        self.born.append(person)
        self.mappings[event.distinct_id] = Mapping(person, version=0, stored=False)
        return person

    def attach(self, distinct_id: str, person: PersonState) -> None:
        """Give the person a distinct id that nobody has."""
        self.mappings[distinct_id] = Mapping(person, version=1, stored=False)
        # Whoever follows the changes of persons wants to see the new id. And the person was chosen by where another id
        # pointed when it was read: a change has its version compared, for a split may have moved that id.
        self.touch(person)

    def merge(self, loser: PersonState, survivor: PersonState) -> None:
        """All of ``loser`` becomes the survivor's, which wins every clash of properties."""
        before = copy(survivor)
        survivor.properties = {**loser.properties, **survivor.properties}
        survivor.created_at = min(loser.created_at, survivor.created_at)
        survivor.version = max(loser.version, survivor.version) + 1
        survivor.is_changed = True
        if loser.last_seen_at is not None:
            self._see(survivor, loser.last_seen_at)
        loser.merged_into = survivor
        for mapping in self.mappings.values():
            if mapping.person is loser:
                mapping.person = survivor
                mapping.version += 1
        if loser.id is not None:
            self.merges.append(Merge(loser, survivor, before, survivor.version))
            return
        # It was never stored: whom it had taken is the survivor's without a detour.
        for merge in self.merges:
            if merge.survivor is loser:
                merge.survivor, merge.before, merge.version_after = survivor, before, survivor.version

    def _update(self, person: PersonState, change: PropertyChange, event: Event) -> None:
        properties = apply_change(person.properties, change, event=event.name)
        if properties is not None:
            person.properties = properties
            self.touch(person)

    def touch(self, person: PersonState) -> None:
        """Mark as changed; the version of a stored person grows once a request."""
        if not person.is_changed and person.id is not None:
            person.version += 1
        person.is_changed = True

    @staticmethod
    def _see(person: PersonState, at: datetime) -> None:
        hour = at.replace(minute=0, second=0, microsecond=0)
        if person.last_seen_at is None or hour > person.last_seen_at:
            person.last_seen_at = hour
            person.is_seen_later = True
