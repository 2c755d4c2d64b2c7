"""A project with a little of everything, and requests that are about it."""

import zlib
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from schemathesis import Case
from schemathesis.core import NOT_SET
from schemathesis.core.parameters import ParameterLocation

from tests.clients import ProjectClient, event, settle
from tests.persons import listed
from tests.schema.tolerance import is_question

#: Of so many requests one keeps the ids that were made up for it.
STRANGE = 8


def lot(*parts: object) -> int:
    """A number drawn by parts of a request, the same in every run; the text of a part that is not there is not."""
    return zlib.crc32(repr([None if part is NOT_SET else part for part in parts]).encode())


@dataclass(slots=True)
class World:
    """The ids of what is in ``project``."""

    project: ProjectClient
    names: dict[str, str]
    #: Operations that are known to refuse requests without a key.
    guarded: set[str] = field(default_factory=set)

    def place(self, case: Case[Any]) -> None:
        """Have ``case`` ask about what exists, in words that mean something, unless what makes no sense is the point of
        it, or it is one of the few that are left as they are.
        """
        if lot(case.path_parameters, case.query, case.body) % STRANGE == 0:
            return
        if case.path_parameters and not _is_wrong(case, ParameterLocation.PATH):
            for name in case.path_parameters:
                case.path_parameters[name] = self._value(case, name)
        if is_question(case) and case.method == "GET":
            # Where nothing is asked, nothing else is looked at.
            case.query.setdefault("events", _example(case, "events"))
        if not _is_wrong(case, ParameterLocation.QUERY):
            for name in case.query or {}:
                case.query[name] = _example(case, name) or case.query[name]

    def _value(self, case: Case[Any], name: str) -> str:
        path = case.operation.path
        if path == "/api/projects/{id}/" and case.method == "DELETE":
            return make_project(self.project)
        if name == "project_id" or path == "/api/projects/{id}/":
            return str(self.project.id)
        if name != "id":
            return self.names[name]
        if path == "/api/projects/{project_id}/webhooks/{id}/" and case.method == "DELETE":
            return self._webhook()
        kind = path.removeprefix("/api/").removeprefix("projects/{project_id}/").split("/")[0]
        if kind != "persons":
            return self.names[kind]
        return self.names["persons"] if case.method == "GET" else self._person()

    def _webhook(self) -> str:
        """Another one to delete."""
        return str(make_webhook(self.project)["id"])

    def _person(self) -> str:
        """A new one each time: many operations delete, split or merge it."""
        name = uuid4().hex
        self.project.capture(
            event("a", name, properties={"$set": {"email": "a@example.org"}}),
            event("$identify", name, properties={"$anon_distinct_id": f"{name}-2"}),
        )
        uuid: str = listed(self.project, name)["uuid"]
        return uuid


def _is_wrong(case: Case[Any], location: ParameterLocation) -> bool:
    """Whether something in this part of the request was made wrong on purpose."""
    part = case.meta.components.get(location) if case.meta else None
    return part is not None and part.mode.is_negative


def _example(case: Case[Any], name: str) -> Any:
    """What the document gives as an example of a parameter."""
    found = {one.name: one.definition.get("example") for one in case.operation.query}
    return found.get(name)


def build_world(project: ProjectClient) -> World:
    """Persons, events, cohorts, a webhook with events, an erasure, a query that is asked later."""
    project.capture(
        *(
            event(name, f"visitor-{n}", properties={"$set": {"plan": "team", "age": n}, "path": "/a"})
            for n in range(6)
            for name in ("looked", "ordered")
        )
    )
    url = f"/api/projects/{project.id}"
    webhook = make_webhook(project)
    project.capture(event("a", "gone"))
    deleted = project.post(
        f"{project.persons_url}bulk_delete/", {"distinct_ids": ["gone"], "delete_events": True}
    )
    assert deleted.status_code == 202, deleted.text
    settle()
    deletion = project.get(f"{project.persons_url}deletion_status/").json()["results"][0]
    members = [listed(project, f"visitor-{n}")["uuid"] for n in range(3)]
    cohort = project.post(
        f"{url}/cohorts/", {"name": "some", "is_static": True, "_create_static_person_ids": members}
    ).json()
    (delivery,) = project.get(f"{url}/webhooks/{webhook['id']}/deliveries/").json()["results"]
    query = project.get(f"{url}/insights/trend/", events='[{"id": "looked"}]', refresh="force_async").json()
    doomed = make_project(project)
    gone = project.delete(f"/api/projects/{doomed}/").json()
    names: dict[str, Any] = {
        "deletion_id": deletion["id"],
        "cohorts": cohort["id"],
        "webhooks": webhook["id"],
        "delivery_id": delivery["id"],
        "query_id": query["query_status"]["id"],
        "persons": members[0],
        "organizations": project.project.organization_id,
        "organization_id": project.project.organization_id,
        "project": gone["project_id"],
        "uuid": "@me",
    }
    return World(project, {name: str(value) for name, value in names.items()})


def make_webhook(project: ProjectClient) -> dict[str, Any]:
    """Nobody listens where it sends to."""
    made = project.post(
        f"/api/projects/{project.id}/webhooks/", {"url": "http://127.0.0.1:9/", "events": ["person.deleted"]}
    )
    webhook: dict[str, Any] = made.json()
    return webhook


def make_project(project: ProjectClient) -> str:
    """One to delete."""
    made = project.post("/api/projects/", {"name": "to be deleted"})
    assert made.status_code == 201, made.text
    return str(made.json()["id"])
