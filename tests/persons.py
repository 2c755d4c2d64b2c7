"""What tests of persons routes have in common: making a person, changing it, and looking at what came of it."""

from typing import Any

import httpx

from core.clickhouse import client
from core.clickhouse.compare import compare
from tests.clients import ProjectClient, bearer, event, settle

#: Ids that are well-formed and belong to nobody, and one that is no id.
NOBODY = [
    ("8c5c2b1e-52f5-4b0f-9a51-d1a5e8a1c5a2", 404),
    ("999999999999", 404),
    ("9" * 40, 404),
    ("nobody", 400),
]


def make_person(project: ProjectClient, *distinct_ids: str, **properties: Any) -> dict[str, Any]:
    """The full person with these ids, the first one its creator, and these properties."""
    first, *others = distinct_ids
    project.capture(
        event("a", first, properties={"$set": properties}),
        *(event("$identify", first, properties={"$anon_distinct_id": other}) for other in others),
    )
    return full_person(project, first)


def full_person(project: ProjectClient, distinct_id: str) -> dict[str, Any]:
    row = project.person(distinct_id)
    assert row is not None
    person: dict[str, Any] = project.get(f"{project.persons_url}{row['uuid']}/").json()
    return person


def own_properties(person: dict[str, Any]) -> dict[str, Any]:
    """The properties without the one that the server adds."""
    return {name: value for name, value in person["properties"].items() if name != "$creator_event_uuid"}


def send(
    project: ProjectClient,
    method: str,
    url: str,
    body: object = None,
    *,
    key: str | None = None,
    **params: Any,
) -> httpx.Response:
    """A request with any method, body and query."""
    return project.http.request(
        method, url, json=body, params=params or None, headers=bearer(key or project.key)
    )


def activities(project: ProjectClient) -> list[tuple[str, str, str | None, Any]]:
    """Activity, item, name and changes of every entry, newest first."""
    entries = project.get(f"{project.persons_url}activity/", limit=100).json()["results"]
    return [
        (entry["activity"], entry["item_id"], entry["detail"]["name"], entry["detail"]["changes"])
        for entry in entries
    ]


def change(field: str | None) -> dict[str, Any]:
    """A change of properties as the activity log shows it."""
    return {"type": "Person", "action": "changed", "field": field, "before": None, "after": None}


def stores_agree(project: ProjectClient) -> bool:
    """Whether ClickHouse holds what PostgreSQL holds, once everything is delivered."""
    settle()
    return all(one.is_equal for one in compare(project.id))


def replica_of(project: ProjectClient, uuid: str) -> dict[str, str]:
    """The text forms of a person's properties in ClickHouse."""
    settle()
    ((properties,),) = client.query(
        "SELECT properties FROM person FINAL WHERE project_id = {project_id:Int64} AND id = {id:UUID}",
        project_id=project.id,
        parameters={"id": uuid},
    )
    return {name: text for name, text in properties.items() if name != "$creator_event_uuid"}


def events_of(project: ProjectClient, name: str) -> list[tuple[str, str, dict[str, str]]]:
    """Distinct id, person and properties of the events with this name, oldest first."""
    settle()
    rows = client.query(
        """SELECT distinct_id, toString(person_id), properties FROM events
        WHERE project_id = {project_id:Int64} AND event = {name:String} ORDER BY timestamp""",
        project_id=project.id,
        parameters={"name": name},
    )
    return [(distinct_id, person, dict(properties)) for distinct_id, person, properties in rows]


def refusal(response: httpx.Response) -> tuple[int, str, str, str | None]:
    """Status, type, code and attr of an error in the one form."""
    body = response.json()
    assert set(body) == {"type", "code", "detail", "attr"}
    return response.status_code, body["type"], body["code"], body["attr"]
