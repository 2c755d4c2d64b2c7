"""What is older than it may be goes, and nothing else."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.test import override_settings

from core.clickhouse import client, retention
from core.models import ActivityEntry, DeletionId, DeletionRequest, IdempotentRequest
from core.services.retention import Forgotten, forget_old
from tests.clients import ProjectClient, event, settle
from tests.persons import make_person

#: Before everything that other tests capture: the events of all projects go.
LIMIT = datetime(1985, 6, 15, 12, tzinfo=UTC)
NOTHING = Forgotten(events=0, activity=0, receipts=0, answers=0)


def days_since(moment: datetime) -> int:
    return (datetime.now(UTC) - moment).days


def capture(project: ProjectClient, *days: str) -> None:
    project.capture(*(event(day, "ada", timestamp=f"{day}T10:00:00Z") for day in days))
    settle()


def names(project: ProjectClient) -> list[str]:
    rows = client.query(
        "SELECT event FROM events WHERE project_id = {project_id:Int64} ORDER BY event", project_id=project.id
    )
    return [name for (name,) in rows]


def test_whole_months_go_at_once_and_the_rest_by_rows(project: ProjectClient) -> None:
    capture(project, "1985-04-30", "1985-05-01", "1985-06-10", "1985-06-20", "1985-07-01", "2026-01-01")
    before = {month for month in retention.months() if month < "1986"}

    with override_settings(EVENT_RETENTION_DAYS=days_since(LIMIT)):
        done, again = forget_old(), forget_old()

    assert before == {"198504", "198505", "198506", "198507"}
    assert (done.events, again.events) == (3, 0)
    assert names(project) == ["1985-06-20", "1985-07-01", "2026-01-01"]
    assert {month for month in retention.months() if month < "1986"} == {"198506", "198507"}
    # Who did it is no event.
    assert project.person("ada") is not None


def test_answers_that_were_kept_count_no_more(project: ProjectClient) -> None:
    days = ("1984-01-01", "1986-01-01")
    capture(project, *days)
    url = f"/api/projects/{project.id}/insights/trend/"
    question = {"events": f'[{{"id": "{days[0]}"}}]', "date_from": "1983-12-31", "date_to": "1984-01-02"}
    first = project.get(url, **question).json()["result"][0]["count"]

    with override_settings(EVENT_RETENTION_DAYS=days_since(LIMIT)):
        forget_old()

    assert (first, project.get(url, **question).json()["result"][0]["count"]) == (1, 0)


def test_by_default_nothing_is_forgotten(project: ProjectClient) -> None:
    capture(project, "1984-01-01")

    assert forget_old() == NOTHING
    assert names(project) == ["1984-01-01"]


def test_old_activity_goes(project: ProjectClient) -> None:
    make_person(project, "a")
    entries = ActivityEntry.objects.for_project(project.id)
    for days in (99, 101):
        entries.create(
            project_id=project.id, scope="Person", activity=f"{days}", item_id="1", detail={},
            created_at=datetime.now(UTC) - timedelta(days=days),
        )  # fmt: skip

    with override_settings(ACTIVITY_RETENTION_DAYS=100):
        done = forget_old()

    assert done.activity >= 1
    assert "101" not in set(entries.values_list("activity", flat=True))
    assert "99" in set(entries.values_list("activity", flat=True))


@pytest.mark.parametrize(
    ("stage", "days", "stays"), [("scrubbed", 101, False), ("scrubbed", 99, True), ("verified", 101, True)]
)
def test_old_receipts_go_when_nothing_is_left_to_do(
    project: ProjectClient, stage: str, days: int, stays: bool
) -> None:
    moment = datetime.now(UTC) - timedelta(days=days)
    receipt = DeletionRequest.objects.for_project(project.id).create(
        project_id=project.id, person_uuid=uuid4(), erases_person=True, erases_events=True, stage=stage,
        created_at=moment, delete_verified_at=moment, scrubbed_at=moment if stage == "scrubbed" else None,
    )  # fmt: skip
    DeletionId.objects.for_project(project.id).create(
        project_id=project.id, request=receipt, digest=b"0" * 16, moment=moment
    )

    with override_settings(RECEIPT_RETENTION_DAYS=100):
        forget_old()

    for rows in (DeletionRequest.objects.for_project(project.id), DeletionId.objects.for_project(project.id)):
        assert rows.exists() == stays
    DeletionRequest.objects.for_project(project.id).delete()


def test_answers_to_repeated_requests_go_after_a_day(project: ProjectClient) -> None:
    kept = IdempotentRequest.objects.for_project(project.id)
    for name, hours in (("old", 25), ("new", 23)):
        kept.create(
            project_id=project.id,
            caller="key",
            name=name,
            digest=b"",
            created_at=datetime.now(UTC) - timedelta(hours=hours),
        )

    done = forget_old()

    assert done.answers >= 1
    assert list(kept.values_list("name", flat=True)) == ["new"]
