"""What tests of cohorts have in common: making one over HTTP, and waiting until it is calculated."""

import time
from typing import Any

import httpx

from tests.clients import ProjectClient, bearer

#: Seconds for a calculation.
PATIENCE = 60


def url(project: ProjectClient, *parts: object) -> str:
    return "/".join([f"/api/projects/{project.id}/cohorts", *map(str, parts), ""])


def patch(
    project: ProjectClient, path: str, body: object = None, *, key: str | None = None
) -> httpx.Response:
    return project.http.patch(path, json=body, headers=bearer(key or project.key))


def upload(project: ProjectClient, content: bytes, cohort: int | None = None, **form: str) -> httpx.Response:
    """A file for a new static cohort, or for one that is there."""
    method, path = ("POST", url(project)) if cohort is None else ("PATCH", url(project, cohort))
    data = form if cohort is not None else {"name": "from a file", "is_static": "true", **form}
    files = {"csv": ("persons.csv", content, "text/csv")}
    return project.http.request(method, path, data=data, files=files, headers=bearer(project.key))


def make(project: ProjectClient, **fields: Any) -> dict[str, Any]:
    """The object of a new cohort."""
    response = project.post(url(project), {"name": "test", **fields})
    assert response.status_code == 201, response.text
    cohort: dict[str, Any] = response.json()
    return cohort


def dynamic(
    project: ProjectClient, *criteria: dict[str, Any], joiner: str = "AND", **fields: Any
) -> dict[str, Any]:
    """A calculated cohort of these criteria."""
    filters = {"properties": {"type": joiner, "values": list(criteria)}}
    return calculated(project, make(project, filters=filters, **fields)["id"])


def get(project: ProjectClient, cohort_id: int) -> dict[str, Any]:
    cohort: dict[str, Any] = project.get(url(project, cohort_id)).json()
    return cohort


def calculated(project: ProjectClient, cohort_id: int) -> dict[str, Any]:
    """The object, once no calculation is asked for any more."""
    deadline = time.monotonic() + PATIENCE
    while (cohort := get(project, cohort_id))["is_calculating"]:
        assert time.monotonic() < deadline, cohort
        time.sleep(0.05)
    return cohort


def persons(project: ProjectClient, cohort_id: int, **params: Any) -> list[str]:
    """The first distinct ids of the members, sorted."""
    rows = project.get(url(project, cohort_id, "persons"), **params).json()["results"]
    return sorted(row["distinct_ids"][0] for row in rows)


def person(key: str, value: Any = None, operator: str = "exact", **fields: Any) -> dict[str, Any]:
    given = {} if value is None else {"value": value}
    return {"type": "person", "key": key, "operator": operator, **given, **fields}


def did(event: str, value: str = "performed_event", **fields: Any) -> dict[str, Any]:
    window = {} if "explicit_datetime" in fields else {"time_value": 30, "time_interval": "day"}
    return {"type": "behavioral", "key": event, "event_type": "events", "value": value, **window, **fields}


def member_of(cohort_id: int, **fields: Any) -> dict[str, Any]:
    return {"type": "cohort", "key": "id", "value": cohort_id, **fields}
