"""Persons that tests of the persons routes start from."""

from typing import Any

from core.clickhouse import client
from core.clickhouse.compare import compare
from core.models import Cohort, CohortMember, Person
from tests.clients import ProjectClient, event, settle


def make_person(project: ProjectClient, *distinct_ids: str, **properties: Any) -> dict[str, Any]:
    """A person with these ids, the first one its creator; its list row."""
    first, *others = distinct_ids
    project.capture(
        event("a", first, properties={"$set": properties}),
        *(event("$identify", first, properties={"$anon_distinct_id": other}) for other in others),
    )
    return person_of(project, first)


def person_of(project: ProjectClient, distinct_id: str) -> dict[str, Any]:
    """The list row of a person that must exist."""
    person = project.person(distinct_id)
    assert person is not None
    return person


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
    settle()
    assert all(one.is_equal for one in compare(project.id))
    rows = client.query(
        """SELECT DISTINCT e.distinct_id, if(notEmpty(o.distinct_id), o.person_id, e.person_id) FROM events e
        LEFT JOIN (SELECT * FROM person_distinct_id_overrides FINAL
            WHERE project_id = {project_id:Int64} AND NOT is_deleted) AS o ON o.distinct_id = e.distinct_id
        WHERE e.project_id = {project_id:Int64}""",
        project_id=project.id,
    )
    return {distinct_id: str(uuid) for distinct_id, uuid in rows}
