"""What tests of persons routes have in common: making a person, changing it, and looking at what came of it."""

from typing import Any

import httpx

from core.clickhouse import client
from core.clickhouse.compare import compare
from core.models import Cohort, CohortMember, Person
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
    make_listed(project, *distinct_ids, **properties)
    return full_person(project, distinct_ids[0])


def make_listed(project: ProjectClient, *distinct_ids: str, **properties: Any) -> dict[str, Any]:
    """The same; its list row."""
    first, *others = distinct_ids
    project.capture(
        event("a", first, properties={"$set": properties}),
        *(event("$identify", first, properties={"$anon_distinct_id": other}) for other in others),
    )
    return listed(project, first)


def full_person(project: ProjectClient, distinct_id: str) -> dict[str, Any]:
    uuid = listed(project, distinct_id)["uuid"]
    person: dict[str, Any] = project.get(f"{project.persons_url}{uuid}/").json()
    return person


def listed(project: ProjectClient, distinct_id: str) -> dict[str, Any]:
    """The list row of a person that must exist."""
    row = project.person(distinct_id)
    assert row is not None
    return row


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


def join(project: ProjectClient, name: str, *persons: dict[str, Any]) -> Cohort:
    """A static cohort of these persons."""
    cohort = Cohort.objects.for_project(project.id).create(
        project_id=project.id, name=name, is_static=True, count=len(persons)
    )
    for person in persons:
        pk = Person.objects.for_project(project.id).get(uuid=person["uuid"]).pk
        CohortMember.objects.for_project(project.id).create(
            project_id=project.id, cohort=cohort, person_id=pk
        )
    return cohort


def members(project: ProjectClient, cohort: Cohort) -> tuple[int | None, set[str]]:
    """The count that the cohort shows, and the uuids of its members."""
    cohort.refresh_from_db(from_queryset=Cohort.objects.for_project(project.id))
    uuids = (
        CohortMember.objects.for_project(project.id)
        .filter(cohort=cohort)
        .values_list("person__uuid", flat=True)
    )
    return cohort.count, {str(uuid) for uuid in uuids}


def owners_of_events(project: ProjectClient) -> dict[str, str]:
    """Distinct id to the person to whom ClickHouse gives its events; both stores must agree."""
    assert stores_agree(project)
    rows = client.query(
        """SELECT DISTINCT e.distinct_id, if(notEmpty(o.distinct_id), o.person_id, e.person_id) FROM events e
        LEFT JOIN (SELECT * FROM person_distinct_id_overrides FINAL
            WHERE project_id = {project_id:Int64} AND NOT is_deleted) AS o ON o.distinct_id = e.distinct_id
        WHERE e.project_id = {project_id:Int64}""",
        project_id=project.id,
    )
    return {distinct_id: str(uuid) for distinct_id, uuid in rows}
