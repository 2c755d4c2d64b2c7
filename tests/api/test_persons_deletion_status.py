"""``GET …/persons/deletion_status/``, the receipts, and counting again"""

import json
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from core.events.event import Event
from core.models import DeletionId, EventBuffer, User
from core.outbox.lines import event_line
from tests.clients import ProjectClient, event, settle
from tests.erasure import completed, deletions
from tests.persons import make_person, refusal

STORES = {
    "postgres_events",
    "postgres_changes",
    "postgres_undeliverable",
    "postgres_traces",
    "clickhouse_events",
    "clickhouse_persons",
    "clickhouse_persons_in_order",
    "clickhouse_members",
    "clickhouse_distinct_ids",
    "clickhouse_overrides",
    "valkey_answers",
}
#: Answers that are kept by the time of another count are new ones.
COUNTED_AGAIN = STORES - {"valkey_answers"}


def erased(project: ProjectClient, name: str) -> dict[str, Any]:
    """The receipt of a person who was erased with its events."""
    person = make_person(project, name)
    settle()
    project.delete(f"{project.persons_url}{person['uuid']}/", delete_events="true")
    return completed(project, person["uuid"])


def test_the_receipt_tells_who_asked_when_and_what_was_found(project: ProjectClient) -> None:
    person = make_person(project, "a", "b")
    settle()
    project.delete(f"{project.persons_url}{person['uuid']}/", delete_events="true")

    receipt = completed(project, person["uuid"])

    assert project.get(f"{project.persons_url}deletion_status/{receipt['id']}/").json() == receipt
    assert (receipt["status"], receipt["stage"], receipt["person_deleted"]) == ("completed", "verified", True)
    assert receipt["requested_by"] == User.objects.get(email=project.owner).pk
    assert receipt["counts_before"]["clickhouse_events"] == 2
    assert receipt["counts_after"] == dict.fromkeys(STORES, 0)
    times = [
        datetime.fromisoformat(receipt[name]) for name in ("created_at", "removed_at", "delete_verified_at")
    ]
    assert times == sorted(times)
    assert receipt["scrubbed_at"] is None


def test_answers_that_were_kept_are_counted(project: ProjectClient) -> None:
    person = make_person(project, "a")
    settle()
    steps = json.dumps([{"id": name, "order": place} for place, name in enumerate(("x", "y"))])
    for step in (1, -2):
        asked = project.get(f"{project.persons_url}funnel/", events=steps, funnel_step=step)
        assert asked.status_code == 200, asked.text

    project.delete(f"{project.persons_url}{person['uuid']}/", delete_events="true")

    receipt = completed(project, person["uuid"])
    assert receipt["counts_before"]["valkey_answers"] == 2
    assert receipt["counts_after"]["valkey_answers"] == 0


def test_what_is_kept_names_nobody(project: ProjectClient) -> None:
    receipt = erased(project, "somebody@example.org")

    (kept,) = DeletionId.objects.for_project(project.id).filter(request_id=receipt["id"])
    assert kept.distinct_id is None
    assert "somebody" not in str(receipt)


def test_newest_first_by_pages(project: ProjectClient) -> None:
    uuids = [erased(project, name)["person_uuid"] for name in "abc"]
    url = f"{project.persons_url}deletion_status/"

    first = project.get(url, limit=2).json()
    second = project.http.get(first["next"], headers={"Authorization": f"Bearer {project.key}"}).json()

    assert [row["person_uuid"] for row in (*first["results"], *second["results"])] == uuids[::-1]
    assert (first["count"], first["previous"], second["next"]) == (3, None, None)
    assert second["previous"].endswith("limit=2&offset=0")


def test_filters(project: ProjectClient) -> None:
    a, b = erased(project, "a"), erased(project, "b")

    assert [row["id"] for row in deletions(project, person_uuid=a["person_uuid"])] == [a["id"]]
    assert [row["id"] for row in deletions(project, status="completed")] == [b["id"], a["id"]]
    assert deletions(project, status="pending") == []


def test_what_is_no_page_counts_as_absent(project: ProjectClient) -> None:
    receipt = erased(project, "a")

    for page in ({"limit": "x", "offset": "x"}, {"limit": "-1", "offset": "-1"}, {"limit": "10001"}):
        assert deletions(project, **page) == [receipt]


@pytest.mark.parametrize(("name", "value"), [("status", "done"), ("person_uuid", "nobody")])
def test_what_cannot_be_read_is_refused(project: ProjectClient, name: str, value: str) -> None:
    response = project.get(f"{project.persons_url}deletion_status/", **{name: value})

    assert refusal(response) == (400, "validation_error", "invalid_input", name)


def test_counting_again_finds_nothing(project: ProjectClient) -> None:
    receipt = erased(project, "a")

    response = project.post(f"{project.persons_url}deletion_status/{receipt['id']}/verify/")

    assert response.status_code == 200
    body = response.json()
    assert (body["id"], body["is_erased"], body["counts"]) == (
        receipt["id"],
        True,
        dict.fromkeys(COUNTED_AGAIN, 0),
    )


def test_counting_again_tells_of_what_has_come_back(project: ProjectClient) -> None:
    receipt = erased(project, "a")
    project.capture(event("later", "a"))
    settle()
    # As a backup would bring it back.
    person_uuid, at = UUID(receipt["person_uuid"]), datetime.fromisoformat(receipt["created_at"])
    old = Event(uuid4(), "old", "a", at, {}, other_id=None, without_profile=False)
    EventBuffer.objects.for_project(project.id).create(
        project_id=project.id,
        distinct_id="a",
        person_uuid=person_uuid,
        line=event_line(old, project_id=project.id, person_uuid=person_uuid, mode="full"),
        created_at=at,
    )
    settle()

    body = project.post(f"{project.persons_url}deletion_status/{receipt['id']}/verify/").json()

    assert not body["is_erased"]
    assert {store: rows for store, rows in body["counts"].items() if rows} == {"clickhouse_events": 1}


def test_nobody_else_sees_a_receipt(project: ProjectClient, other_project: ProjectClient) -> None:
    receipt = erased(other_project, "a")
    url = f"{project.persons_url}deletion_status/"

    assert deletions(project, person_uuid=receipt["person_uuid"]) == []
    assert project.get(f"{url}{receipt['id']}/").status_code == 404
    assert project.post(f"{url}{receipt['id']}/verify/").status_code == 404


@pytest.mark.parametrize("number", ["0", "nobody", "-1", "9" * 40, "٣"])
def test_an_unknown_receipt_is_not_found(project: ProjectClient, number: str) -> None:
    response = project.get(f"{project.persons_url}deletion_status/{number}/")

    assert refusal(response) == (404, "invalid_request", "not_found", None)


def test_it_takes_the_right_to_read_persons(project: ProjectClient) -> None:
    url = f"{project.persons_url}deletion_status/"

    assert project.get(url, key=project.new_key("person:read")).status_code == 200
    assert refusal(project.get(url, key=project.new_key("cohort:read")))[0] == 403
