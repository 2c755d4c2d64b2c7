"""``DELETE /api/projects/{id}/``: gone at once for everybody, then from every store; what stays is a receipt."""

import time
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from django.db import connection, transaction
from django.utils import timezone

from core.clickhouse import client
from core.doctor import OLDEST_PROJECT, Check, checks
from core.metrics.gauges import read
from core.models import Membership, ProjectDeletion, User
from core.services.purge_postgres import TABLES
from core.services.purge_project import purge_deleted_projects
from tests.browser import logged_in
from tests.clients import ProjectClient, bearer, event, settle
from tests.erasure import PATIENCE
from tests.persons import make_person, refusal, stores_agree

NOT_FOUND = (404, "invalid_request", "not_found", None)
FORBIDDEN = (403, "authentication_error", "permission_denied", None)
#: Tables of PostgreSQL in which rows about a deleted project stay: proof of who and what was erased.
RECEIPTS = {"core_deletionid", "core_deletionrequest", "core_projectdeletion"}


def delete(project: ProjectClient, *, key: str | None = None) -> httpx.Response:
    return project.delete(f"/api/projects/{project.id}/", key=key)


def deletions_url(project: ProjectClient) -> str:
    return f"/api/organizations/{project.project.organization_id}/project_deletions/"


def erased(project: ProjectClient) -> dict[str, Any]:
    """The receipt, once nothing is left."""
    deadline = time.monotonic() + PATIENCE
    while True:
        receipt: dict[str, Any] = project.get(f"{deletions_url(project)}{project.id}/").json()
        if receipt["status"] == "completed":
            return receipt
        assert time.monotonic() < deadline, receipt
        time.sleep(0.05)


def fill(project: ProjectClient) -> None:
    """Something of every kind, delivered and on its way."""
    ada = make_person(project, "ada", "ada at home", email="ada@example.org")
    make_person(project, "bob", email="bob@example.org")
    project.capture(event("seen", "ada", properties={"$groups": {"company": "acme"}}))
    project.capture(
        event("$groupidentify", "ada", properties={"$group_type": "company", "$group_key": "acme"})
    )
    project.post(f"{project.persons_url}{ada['uuid']}/split/", {})
    cohorts = f"/api/projects/{project.id}/cohorts/"
    criterion = {"type": "person", "key": "email", "operator": "is_set", "value": "is_set"}
    project.post(cohorts, {"filters": {"properties": {"type": "AND", "values": [criterion]}}})
    project.post(cohorts, {"is_static": True, "_create_static_person_ids": [ada["uuid"]]})
    hook = {"url": "http://127.0.0.1:9/", "events": ["person.updated"]}
    assert project.post(f"/api/projects/{project.id}/webhooks/", hook).status_code == 201
    make_person(project, "gone")
    project.http.post(
        f"{project.persons_url}bulk_delete/",
        json={"distinct_ids": ["gone"], "delete_events": True},
        headers={**bearer(project.key), "Idempotency-Key": "once"},
    ).raise_for_status()
    settle()
    project.capture(event("seen", "bob", **{"$set": {"plan": "paid"}}), event("late", "eve"))


def rows_in_postgres(project_id: int) -> dict[str, int]:
    """By table, of all those that say which project a row belongs to."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT table_name FROM information_schema.columns
            WHERE table_schema = 'public' AND column_name = 'project_id'"""
        )
        tables = [name for (name,) in cursor.fetchall()]
        counts = {}
        for table in tables:
            cursor.execute(f"SELECT count(*) FROM {table} WHERE project_id = %s", [project_id])
            counts[table] = cursor.fetchone()[0]
    return {table: count for table, count in counts.items() if count}


def rows_in_clickhouse(project_id: int) -> dict[str, int]:
    """The same."""
    tables = client.inspect(
        """SELECT c.table FROM system.columns c JOIN system.tables t ON t.database = c.database AND t.name = c.table
        WHERE c.database = currentDatabase() AND c.name = 'project_id' AND t.engine LIKE '%MergeTree'"""
    )
    counts = {
        table: client.query(
            f"SELECT count() FROM {table} WHERE project_id = {{project_id:Int64}}", project_id=project_id
        )[0][0]
        for (table,) in tables
    }
    return {table: count for table, count in counts.items() if count}


def test_everything_of_it_goes_and_a_receipt_stays(
    project: ProjectClient, other_project: ProjectClient
) -> None:
    fill(other_project)
    mine = make_person(project, "ada", email="ada@example.org")

    accepted = delete(other_project)

    assert accepted.status_code == 202
    receipt = erased(other_project)
    asked = ("id", "project_id", "project_uuid", "project_name", "requested_by", "created_at")
    assert {name: receipt[name] for name in asked} == {name: accepted.json()[name] for name in asked}
    assert (receipt["status"], receipt["project_id"]) == ("completed", other_project.id)
    assert receipt["created_at"] <= receipt["removed_at"] <= receipt["delete_verified_at"]
    found = receipt["counts_before"]
    # Ada, who she was split from, Bob, and Eve unless her event was still on its way.
    assert found["postgres_persons"] == 4
    assert found["postgres_cohorts"] == 2
    assert found["clickhouse_events"] + found.get("postgres_events", 0) >= 6
    assert found["clickhouse_groups"] == 1
    assert {
        "clickhouse_persons",
        "clickhouse_members",
        "clickhouse_overrides",
        "postgres_activity",
    } <= found.keys()
    assert set(receipt["counts_after"].values()) == {0}
    assert receipt["counts_after"].keys() >= found.keys()
    assert rows_in_clickhouse(other_project.id) == {}
    assert rows_in_postgres(other_project.id).keys() <= RECEIPTS
    # Of the person that was erased before, too.
    assert rows_in_postgres(other_project.id)["core_deletionrequest"] == 1
    assert project.get(f"{project.persons_url}{mine['uuid']}/").json() == mine
    assert stores_agree(project)


def test_at_once_it_exists_for_nobody(other_project: ProjectClient) -> None:
    project = other_project
    person = make_person(project, "ada")
    user = User.objects.get(email=project.owner)
    User.objects.filter(pk=user.pk).update(current_project=project.project)
    limited = project.new_key("*", projects=[project.id])

    assert delete(project).status_code == 202

    assert refusal(project.get(f"/api/projects/{project.id}/")) == NOT_FOUND
    for url in (
        project.persons_url,
        f"{project.persons_url}{person['uuid']}/",
        f"/api/environments/{project.id}/persons/",
        f"/api/projects/{project.id}/cohorts/",
        f"/api/projects/{project.id}/activity_log/",
        "/api/projects/@current/persons/",
    ):
        for key in (project.key, limited):
            refused = project.get(url, key=key)
            assert refusal(refused) == NOT_FOUND
            assert refused.json()["detail"] == "Project not found."
    assert project.get("/api/person/").status_code == 401
    assert project.get("/api/person/", token=project.token).status_code == 401
    assert project.get("/api/projects/").json()["count"] == 0
    me = project.get("/api/users/@me/").json()
    assert (me["team"], me["organization"]["projects"]) == (None, [])
    assert refusal(delete(project)) == NOT_FOUND
    named = project.http.patch(
        "/api/users/@me/", json={"set_current_team": project.id}, headers=bearer(project.key)
    )
    assert refusal(named)[3] == "set_current_team"


def test_its_token_takes_no_events_although_it_was_known(other_project: ProjectClient) -> None:
    other_project.capture(event("seen", "ada"))

    delete(other_project)

    for path, headers, body in (
        ("/batch/", {}, {"api_key": other_project.token, "batch": [event("seen", "late")]}),
        ("/e/", {}, {"api_key": other_project.token, **event("seen", "ada")}),
    ):
        response = other_project.http.post(path, json=body, headers=headers)
        assert (response.status_code, response.json()["code"]) == (401, "authentication_failed")
    erased(other_project)
    assert rows_in_clickhouse(other_project.id) == {}


def test_it_takes_an_administrator_with_the_scope(project: ProjectClient) -> None:
    assert delete(project, key=project.new_key("project:read")).json()["detail"] == (
        "API key missing required scope 'project:write'"
    )
    Membership.objects.filter(user__email=project.owner).update(level=Membership.Level.MEMBER)

    assert refusal(delete(project)) == FORBIDDEN
    assert project.get(f"/api/projects/{project.id}/").status_code == 200


def test_somebody_logged_in_needs_a_fresh_login(other_project: ProjectClient) -> None:
    with logged_in(other_project, seconds_ago=3 * 3600) as browser:
        refused = browser.send("DELETE", f"/api/projects/{other_project.id}/")
    assert refusal(refused) == (403, "authentication_error", "sensitive_action_required_reauth", None)

    with logged_in(other_project) as browser:
        assert browser.send("DELETE", f"/api/projects/{other_project.id}/").status_code == 202


def test_receipts_are_those_of_ones_organization(
    project: ProjectClient, other_project: ProjectClient
) -> None:
    receipt = delete(other_project).json()
    url = deletions_url(other_project)

    page = other_project.get(url).json()

    assert (page["count"], page["next"], page["previous"]) == (1, None, None)
    assert (page["results"][0]["id"], page["results"][0]["project_name"]) == (receipt["id"], "theirs")
    assert refusal(project.get(url)) == NOT_FOUND
    assert refusal(project.get(f"{url}{other_project.id}/")) == NOT_FOUND
    assert refusal(project.get(f"{deletions_url(project)}{other_project.id}/")) == NOT_FOUND
    for name in ("0", "x", "9" * 30):
        assert refusal(other_project.get(f"{url}{name}/")) == NOT_FOUND


def test_no_table_is_forgotten() -> None:
    """Every table that says which project a row belongs to is emptied, or keeps receipts."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT table_name FROM information_schema.columns
            WHERE table_schema = 'public' AND column_name = 'project_id'"""
        )
        tables = {name for (name,) in cursor.fetchall()}

    assert tables - RECEIPTS == {*TABLES.values(), "core_eventbuffer", "core_outbox"}


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
def test_paths_below_it_are_gone_for_every_method(other_project: ProjectClient, method: str) -> None:
    delete(other_project)

    response = other_project.http.request(
        method, f"{other_project.persons_url}ada/", headers=bearer(other_project.key)
    )

    assert response.status_code in (404, 405)


def test_the_bytes_leave_the_disk() -> None:
    """Runs after the others of this module: those of the first have been old for a while."""
    deadline = time.monotonic() + PATIENCE
    first = ProjectDeletion.objects.filter(stage="verified").order_by("pk").values_list("pk", flat=True)[0]

    while (found := ProjectDeletion.objects.get(pk=first)).scrubbed_at is None:
        assert time.monotonic() < deadline, found
        purge_deleted_projects()
        time.sleep(0.2)

    assert found.stage == "scrubbed"


def doctor() -> Check:
    return next(check for check in checks() if check.name == "deleted projects")


def test_a_deletion_that_does_not_end_is_told(project: ProjectClient) -> None:
    """In a transaction that no worker sees."""
    assert doctor().ok

    with transaction.atomic():
        ProjectDeletion.objects.create(
            project_id=2**60,
            project_uuid=uuid4(),
            project_name="never",
            organization_id=project.project.organization_id,
            created_at=timezone.now() - timedelta(seconds=OLDEST_PROJECT + 60),
        )
        late = doctor()
        found = {gauge.name: gauge.values[""] for gauge in read() if not gauge.label}
        transaction.set_rollback(True)

    assert not late.ok
    assert "requests wait, the oldest for 36" in late.detail
    assert found["persons_api_project_deletions_pending"] >= 1
    assert found["persons_api_project_deletions_lag_seconds"] > OLDEST_PROJECT
