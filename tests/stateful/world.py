"""Sequences of what clients do, carried out over HTTP and on the model side by side."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
from django.db.models import F

from core.clickhouse import client
from core.clickhouse.compare import compare
from core.models import Cohort, CohortMember, Project
from core.models import Person as StoredPerson
from tests.clients import ProjectClient, settle
from tests.erasure import all_done
from tests.stateful.model import DURING_THE_TEST, Model, Person, Properties, Said


@dataclass(frozen=True)
class Send:
    """One request with these events."""

    events: Sequence[Said]


@dataclass(frozen=True)
class SplitOff:
    """Split the person of ``distinct_id``: ``keep`` stays, or ``move`` move away."""

    distinct_id: str
    keep: str | None = None
    move: Sequence[str] | None = None


@dataclass(frozen=True)
class Delete:
    """Delete the person of ``distinct_id``, or what is said of it."""

    distinct_id: str
    delete_events: bool = False
    keep_person: bool = False


@dataclass(frozen=True)
class DeleteEvents:
    """Erase the events of the person of ``distinct_id``."""

    distinct_id: str


@dataclass(frozen=True)
class BulkDelete:
    """Delete the persons of some distinct ids by one request."""

    distinct_ids: Sequence[str]
    delete_events: bool = False
    keep_person: bool = False


@dataclass(frozen=True)
class Join:
    """Put the person of ``distinct_id`` into the cohort of the world."""

    distinct_id: str


#: What is done to the person of one distinct id.
OfOne = SplitOff | Delete | DeleteEvents
Operation = Send | OfOne | BulkDelete | Join


@dataclass(frozen=True)
class Ready:
    """A request of which everything is known beforehand, so that it can be sent and be told to a model at any time.
    ``target`` is the person of a split or a deletion; events have ``uuids``.
    """

    operation: Send | OfOne
    target: UUID | None
    uuids: Sequence[UUID]

    def bodies(self) -> list[dict[str, Any]]:
        """The events as they are sent."""
        assert isinstance(self.operation, Send)
        return list(map(body_of, self.operation.events, self.uuids))

    def ask(self, client: ProjectClient, filler: Sequence[dict[str, Any]] = ()) -> int:
        """The status of the server's answer. ``filler`` goes along with the events."""
        url = f"{client.persons_url}{self.target}/"
        match self.operation:
            case Send():
                batch = [*self.bodies(), *filler]
                return client.http.post("/batch/", json={"api_key": client.token, "batch": batch}).status_code
            case SplitOff(_, keep, None):
                return client.post(f"{url}split/", {"main_distinct_id": keep}).status_code
            case SplitOff(_, _, move):
                return client.post(f"{url}split/", {"distinct_ids_to_split": move}).status_code
            case Delete(_, delete_events, keep_person):
                flags = {"delete_events": str(delete_events), "keep_person": str(keep_person)}
                return client.delete(url, **flags).status_code
            case DeleteEvents():
                return client.post(f"{url}delete_events/").status_code

    def tell(self, model: Model) -> int:
        """The status that the model expects."""
        if isinstance(self.operation, Send):
            model.take(zip(self.operation.events, self.uuids, strict=True))
            return 200
        person = self.target and model.with_uuid(self.target)
        if not person:
            return 404
        if isinstance(self.operation, SplitOff):
            return model.split(person, keep=self.operation.keep, move=self.operation.move)
        if isinstance(self.operation, DeleteEvents):
            model.erase_events(person)
        else:
            delete(model, person, self.operation)
        return 202


def delete(model: Model, person: Person, operation: Delete | BulkDelete) -> None:
    if operation.delete_events:
        model.erase_events(person)
    if not operation.keep_person:
        model.delete(person)


def ready(model: Model, operation: Send | OfOne) -> Ready:
    """For an id that has no person, the target is the one it would have, which may be anybody's."""
    if isinstance(operation, Send):
        return Ready(operation, None, [uuid4() for _ in operation.events])
    owner = model.owner.get(operation.distinct_id)
    return Ready(operation, owner.uuid if owner else model.uuid_of(operation.distinct_id), ())


@dataclass
class World:
    """A project of its own, the model of it, and what has happened to both."""

    client: ProjectClient
    operations: list[Operation] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.model = Model(self.client.id)
        self.began = datetime.now(UTC)
        self.cohort: Cohort | None = None
        self.seen_uuids: set[UUID] = set()
        self.rows: dict[str, dict[str, Any]] = {}

    def play(self, operations: Sequence[Operation]) -> None:
        """Do ``operations``, then see that the API shows what the model says."""
        for operation in operations:
            self.operations.append(operation)
            if isinstance(operation, Join):
                self._join(operation.distinct_id)
            elif isinstance(operation, BulkDelete):
                self._bulk_delete(operation)
            else:
                request = ready(self.model, operation)
                assert request.ask(self.client) == request.tell(self.model), self.story()
            self._learn_uuids()
        self._compare_with_the_list()

    def _join(self, distinct_id: str) -> None:
        person = self.model.owner.get(distinct_id)
        if person is None or person.is_member:
            return
        assert person.uuid is not None
        person.is_member = True
        project_id = self.client.id
        if self.cohort is None:
            self.cohort = Cohort.objects.for_project(project_id).create(
                project_id=project_id, is_static=True, count=0
            )
        stored = StoredPerson.objects.for_project(project_id).get(uuid=person.uuid)
        CohortMember.objects.for_project(project_id).create(
            project_id=project_id, cohort=self.cohort, person=stored
        )
        Cohort.objects.for_project(project_id).filter(pk=self.cohort.pk).update(count=F("count") + 1)

    def _bulk_delete(self, operation: BulkDelete) -> None:
        body = {
            "distinct_ids": operation.distinct_ids,
            "delete_events": operation.delete_events,
            "keep_person": operation.keep_person,
        }
        answer = self.client.post(f"{self.client.persons_url}bulk_delete/", body)
        owner = self.model.owner
        persons = dict.fromkeys(owner[one] for one in operation.distinct_ids if one in owner)
        assert (answer.status_code, answer.json()) == (
            202,
            {
                "persons_found": len(persons),
                "persons_deleted": 0 if operation.keep_person else len(persons),
                "persons_queued_for_deletion": 0,
                "events_queued_for_deletion": operation.delete_events and bool(persons),
                "recordings_queued_for_deletion": False,
                "deletion_errors": [],
                "unmatched_ids": [],
                "unmatched_distinct_ids": [one for one in operation.distinct_ids if one not in owner],
            },
        ), self.story()
        for person in persons:
            delete(self.model, person, operation)

    def _learn_uuids(self) -> None:
        """Where the contract leaves the uuid open, the model takes over what the server took, if that is allowed."""
        for person in self.model.persons():
            if person.uuid is None:
                row = self.client.person(person.first_id)
                assert row is not None, person
                uuid = UUID(row["uuid"])
                assert uuid in self.model.names_for(person.first_id) or uuid not in self.seen_uuids
                person.uuid = uuid
            self.seen_uuids.add(person.uuid)

    # Comparisons

    def _compare_with_the_list(self) -> None:
        rows = self.client.get(self.client.persons_url).json()["results"]
        self.rows = {row["uuid"]: row for row in rows}
        shown = {row["uuid"]: {key: row[key] for key in _SHOWN} for row in rows}
        expected = {str(person.uuid): self._expected_row(person) for person in self.model.persons()}
        assert _text(shown) == _text(expected), self.story()

    def _expected_row(self, person: Person) -> dict[str, Any]:
        created_at = person.created_at
        if created_at == DURING_THE_TEST and str(person.uuid) in self.rows:
            created_at = datetime.fromisoformat(self.rows[str(person.uuid)]["created_at"])
            assert self.began - _CLOCK < created_at < datetime.now(UTC) + _CLOCK
        return {
            "distinct_ids": self.model.ids_of(person),
            "properties": person.properties,
            "created_at": _iso(created_at),
            "last_seen_at": person.last_seen_at and _iso(person.last_seen_at),
            "is_identified": person.is_identified,
        }

    def compare_with_clickhouse(self) -> None:
        """Only after everything has been delivered."""
        self._compare_persons()
        self._compare_events()
        self._compare_members()
        different = [one for one in compare(self.client.id) if not one.is_equal]
        assert different == [], self.story()

    def _compare_persons(self) -> None:
        rows = client.query(_PERSONS, project_id=self.client.id)
        stored = {
            str(uuid): (json.loads(properties), is_identified, _iso(created_at))
            for uuid, properties, is_identified, created_at in rows
        }
        expected = {
            uuid: (_text_forms(row["properties"]), row["is_identified"], row["created_at"])
            for uuid, row in self.rows.items()
        }
        assert stored == expected, self.story()

    def _compare_events(self) -> None:
        rows = client.query(EVENTS, project_id=self.client.id)
        stored = sorted((uuid, distinct_id, person, mode) for uuid, distinct_id, person, mode in rows)
        expected = sorted(
            (kept.uuid, kept.distinct_id, self.model.person_of(kept), kept.mode) for kept in self.model.kept
        )
        assert stored == expected, self.story()

    def _compare_members(self) -> None:
        if self.cohort is None:
            return
        self.cohort.refresh_from_db()
        members = CohortMember.objects.for_project(self.client.id).values_list("person__uuid", flat=True)
        expected = {person.uuid for person in self.model.persons() if person.is_member}
        assert (set(members), self.cohort.count) == (expected, len(expected)), self.story()

    def story(self) -> str:
        """What happened, as Python."""
        return "\n" + ",\n".join(map(repr, self.operations))


def new_world(http: httpx.Client, owner: ProjectClient) -> World:
    """A world in a project of its own, which the key of ``owner`` reaches."""
    project = Project.objects.create(
        organization_id=owner.project.organization_id, name="world", api_token=f"phc_{uuid4().hex}"
    )
    return World(ProjectClient(http, project, owner.key, owner.owner))


def body_of(event: Said, uuid: UUID) -> dict[str, Any]:
    """The event as an SDK sends it. An empty ``$set`` is left out."""
    properties: Properties = dict(event.beside)
    if event.other_id is not None:
        properties["$anon_distinct_id" if event.name == "$identify" else "alias"] = event.other_id
    if event.unset:
        properties["$unset"] = list(event.unset)
    if event.profile is not None:
        properties["$process_person_profile"] = event.profile
    body = {
        "event": event.name,
        "distinct_id": event.distinct_id,
        "uuid": str(uuid),
        "timestamp": event.at.isoformat(),
        "properties": properties,
    }
    return body | {key: value for key, value in (("$set", event.set), ("$set_once", event.set_once)) if value}


def settle_and_compare(worlds: Sequence[World]) -> None:
    for world in worlds:
        all_done(world.client)
    settle()
    for world in worlds:
        world.compare_with_clickhouse()


_SHOWN = ("distinct_ids", "properties", "created_at", "last_seen_at", "is_identified")
#: Whole seconds by which clocks of one machine may seem to differ.
_CLOCK = timedelta(seconds=1)

_PERSONS = """
SELECT id, toJSONString(properties), is_identified, created_at FROM person FINAL
WHERE project_id = {project_id:Int64}
"""
#: Every event with the person whose it is.
EVENTS = """
SELECT e.uuid, e.distinct_id, if(notEmpty(o.distinct_id), o.person_id, e.person_id), e.person_mode FROM events e
LEFT JOIN (
    SELECT distinct_id, person_id FROM person_distinct_id_overrides FINAL
    WHERE project_id = {project_id:Int64} AND NOT is_deleted
) o ON o.distinct_id = e.distinct_id
WHERE e.project_id = {project_id:Int64}
"""


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _text(value: Any) -> str:
    """So that 1, 1.0 and true differ; lists keep their order."""
    return json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False)


def _text_forms(properties: Properties) -> dict[str, str]:
    return {
        key: value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        for key, value in properties.items()
    }
