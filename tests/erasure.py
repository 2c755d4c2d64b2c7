"""What tests of erasure have in common: waiting for the proof, and looking into the stores themselves."""

import time
from typing import Any

from core.clickhouse import client
from core.models import DeletionRequest, EventBuffer, Outbox
from tests.clients import ProjectClient

#: Seconds that an erasure may take on a busy machine.
PATIENCE = 90


def deletions(project: ProjectClient, **params: Any) -> list[dict[str, Any]]:
    """The rows of ``deletion_status``."""
    response = project.get(f"{project.persons_url}deletion_status/", **params)
    assert response.status_code == 200, response.text
    rows: list[dict[str, Any]] = response.json()["results"]
    return rows


def completed(project: ProjectClient, uuid: str) -> dict[str, Any]:
    """The newest request about the events of this person, once nothing of it is pending."""
    all_done(project)
    newest, *_ = deletions(project, person_uuid=uuid)
    assert newest["status"] == "completed"
    return newest


def all_done(project: ProjectClient) -> None:
    """Wait until nothing of the project has to be erased, requests that are not shown included. Asks PostgreSQL: a
    client that asked the server as often would be throttled.
    """
    deadline = time.monotonic() + PATIENCE
    pending = DeletionRequest.objects.for_project(project.id).filter(delete_verified_at=None)
    while pending.exists():
        assert time.monotonic() < deadline, list(pending.values())
        time.sleep(0.02)


def events_left(project: ProjectClient) -> dict[str, int]:
    """Events by name, in ClickHouse and on their way to it."""
    rows = client.query(
        "SELECT event, count() FROM events WHERE project_id = {project_id:Int64} GROUP BY event",
        project_id=project.id,
    )
    counts: dict[str, int] = dict(rows)  # type: ignore[arg-type]
    waiting = EventBuffer.objects.for_project(project.id).count()
    return {**counts, "(waiting)": waiting} if waiting else counts


def ids_left(project: ProjectClient) -> dict[str, set[str]]:
    """Distinct ids in ClickHouse by table, rows that count for nothing included."""
    return {
        table: {
            row[0]
            for row in client.query(
                f"SELECT DISTINCT distinct_id FROM {table} WHERE project_id = {{project_id:Int64}}",
                project_id=project.id,
            )
        }
        for table in ("events", "person_distinct_id", "person_distinct_id_overrides")
    }


def person_rows(project: ProjectClient, uuid: str) -> list[tuple[bool, dict[str, str]]]:
    """All rows of a person in ClickHouse, merged or not: whether each is a deletion, and its properties."""
    rows = client.query(
        """SELECT is_deleted, properties FROM person
        WHERE project_id = {project_id:Int64} AND id = {id:UUID} ORDER BY version""",
        project_id=project.id,
        parameters={"id": uuid},
    )
    return [(bool(is_deleted), dict(properties)) for is_deleted, properties in rows]


def waiting_changes(project: ProjectClient) -> int:
    """Changes on their way to ClickHouse."""
    return Outbox.objects.for_project(project.id).count()
