"""Lets requests meet, and tells whether what became of them is what some order one after the other would give."""

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from threading import Barrier
from typing import Any
from uuid import UUID

import httpx

from core.clickhouse import client
from tests.clients import NO_TLS, ProjectClient, event, new_project
from tests.stack import Stack
from tests.stateful.model import Model, Person, Said
from tests.stateful.world import EVENTS, Delete, Ready, Send, SplitOff, ready

#: Most requests that meet.
LANES = 10
#: Events without a profile, which change nobody. Small requests of one project share a transaction; with these a
#: request is large enough for one of its own.
FILLER = [event("fill", "fill", properties={"$process_person_profile": False})] * 21
#: Whoever was created after this was made by a split: events say that they happened earlier.
BEGAN = datetime.now(UTC) - timedelta(minutes=1)


@dataclass(frozen=True)
class Race:
    """What there is before, and the requests that meet. Ids are letters; each repetition has its own."""

    title: str
    before: Sequence[Said]
    at_once: Sequence[Send | SplitOff | Delete]
    #: Orders whose outcomes are all there are.
    orders: Callable[[Sequence[Ready]], Iterator[Sequence[Ready]]] = permutations


def look(u: str, **properties: str) -> Said:
    """An ordinary event with these properties for its person."""
    return Said("look", u, set=properties)


def identify(u: str, o: str, **properties: str) -> Said:
    return Said("$identify", u, other_id=o, set=properties)


def merge(u: str, o: str, **properties: str) -> Said:
    return Said("$merge_dangerously", u, other_id=o, set=properties)


def whoever_is_first(requests: Sequence[Ready]) -> Iterator[Sequence[Ready]]:
    """Enough when only the first request makes a difference: not every order of ten."""
    for index, request in enumerate(requests):
        yield [request, *requests[:index], *requests[index + 1 :]]


@dataclass(frozen=True)
class Outcome:
    """How a repetition ended: the answers, the persons with one of its ids, and whose each of its events is."""

    statuses: Sequence[int]
    persons: frozenset[str]
    events: Sequence[tuple[UUID, UUID | None]]


@dataclass
class Arena:
    """A project, and connections to it that are open."""

    project: ProjectClient
    lanes: Sequence[ProjectClient]
    threads: ThreadPoolExecutor

    def run(self, race: Race, *, repetitions: int) -> "list[Repetition]":
        played = [Repetition(race, number, Model(self.project.id)) for number in range(repetitions)]
        self.project.capture(*FILLER, *(body for repetition in played for body in repetition.prepare()))
        for repetition in played:
            filler = FILLER if repetition.number % 2 else []
            repetition.statuses = self._at_once(repetition.requests, filler)
        return played

    def _at_once(self, requests: Sequence[Ready], filler: Sequence[dict[str, Any]]) -> list[int]:
        barrier = Barrier(len(requests))

        def ask(request: Ready, lane: ProjectClient) -> int:
            barrier.wait(20)
            return request.ask(lane, filler)

        return list(self.threads.map(ask, requests, self.lanes))


@contextmanager
def open_arena(stack: Stack) -> Iterator[Arena]:
    with new_project(stack) as project, ExitStack() as opened:
        connections = [
            opened.enter_context(httpx.Client(base_url=stack.url, timeout=40, verify=NO_TLS))
            for _ in range(LANES)
        ]
        lanes = [replace(project, http=http) for http in connections]
        for lane in lanes:
            assert lane.get(lane.persons_url).status_code == 200
        yield Arena(project, lanes, opened.enter_context(ThreadPoolExecutor(LANES)))


@dataclass
class Repetition:
    """One time that the requests of a race meet. ``model`` is the state before."""

    race: Race
    number: int
    model: Model
    requests: Sequence[Ready] = ()
    statuses: Sequence[int] = ()
    setup: Ready = field(init=False)

    def prepare(self) -> list[dict[str, Any]]:
        """The events that make what there is before."""
        before = Send([self._named(said) for said in self.race.before])
        self.setup = ready(self.model, before)
        self.setup.tell(self.model)
        self.requests = [ready(self.model, self._renamed(one)) for one in self.race.at_once]
        return self.setup.bodies()

    def _id(self, letter: str) -> str:
        return f"{letter}-{self.number}"

    def _named(self, said: Said) -> Said:
        other = None if said.other_id is None else self._id(said.other_id)
        return replace(said, distinct_id=self._id(said.distinct_id), other_id=other)

    def _renamed(self, operation: Send | SplitOff | Delete) -> Send | SplitOff | Delete:
        match operation:
            case Send(events):
                return Send([self._named(said) for said in events])
            case SplitOff(of, keep, move):
                kept = None if keep is None else self._id(keep)
                moved = None if move is None else [self._id(letter) for letter in move]
                return SplitOff(self._id(of), kept, moved)
            case Delete(of):
                return Delete(self._id(of))

    def allowed(self) -> "list[Outcome]":
        """How it may end: the outcome of each order of the requests one after the other."""
        outcomes = []
        for order in self.race.orders(self.requests):
            model = Model(self.model.project_id)
            self.setup.tell(model)
            statuses = {id(request): request.tell(model) for request in order}
            events = sorted((kept.uuid, model.person_of(kept)) for kept in model.kept)
            persons = [_person(model, person) for person in model.persons()]
            outcomes.append(Outcome([statuses[id(one)] for one in self.requests], frozenset(persons), events))
        return outcomes

    def gone(self, outcome: Outcome) -> list[str]:
        """Uuids of persons that there were before and are not any more."""
        before = {str(person.uuid) for person in self.model.persons()}
        return sorted(before.difference(json.loads(text)["uuid"] for text in outcome.persons))


def outcomes(project: ProjectClient, played: Sequence[Repetition]) -> list[Outcome]:
    """How each repetition ended. Only after everything has been delivered."""
    persons: dict[int, set[str]] = {repetition.number: set() for repetition in played}
    for row in project.get(project.persons_url, limit=10_000).json()["results"]:
        (number,) = {int(distinct_id.rpartition("-")[2]) for distinct_id in row["distinct_ids"]}
        persons[number].add(_row(row))
    events: dict[int, list[tuple[UUID, UUID | None]]] = {repetition.number: [] for repetition in played}
    for uuid, distinct_id, person_uuid, _ in client.query(EVENTS, project_id=project.id):
        if distinct_id != "fill":
            events[int(distinct_id.rpartition("-")[2])].append((uuid, person_uuid))
    return [
        Outcome(one.statuses, frozenset(persons[one.number]), sorted(events[one.number])) for one in played
    ]


def _row(row: dict[str, Any]) -> str:
    """A person as text. Ids in their own order: that of two at once is nobody's business."""
    created_at = datetime.fromisoformat(row["created_at"])
    return json.dumps(
        {
            "uuid": row["uuid"],
            "distinct_ids": sorted(row["distinct_ids"]),
            "properties": row["properties"],
            "is_identified": row["is_identified"],
            "created_at": "during the test" if created_at > BEGAN else created_at.isoformat(),
        },
        sort_keys=True,
    )


def _person(model: Model, person: Person) -> str:
    """The same for a person of the model."""
    return _row(
        {
            "uuid": str(person.uuid),
            "distinct_ids": model.ids_of(person),
            "properties": person.properties,
            "is_identified": person.is_identified,
            "created_at": person.created_at.isoformat(),
        }
    )
