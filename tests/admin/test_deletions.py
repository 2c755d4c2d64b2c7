"""Deletions in the admin: requests, receipts, and counting again."""

from uuid import uuid4

from django.utils import timezone

from core.models import DeletionRequest
from tests.admin.staff import Admin, words
from tests.clients import ProjectClient, event, settle
from tests.erasure import completed
from tests.persons import make_person


def erased(project: ProjectClient, distinct_id: str) -> tuple[str, int]:
    """The uuid of somebody who was erased, and the id of the receipt."""
    person = make_person(project, distinct_id)
    project.capture(event("looked", distinct_id))
    settle()
    gone = project.delete(f"{project.persons_url}{person['uuid']}/", delete_events="true")
    assert gone.status_code == 202
    return person["uuid"], completed(project, person["uuid"])["id"]


def receipt(project: ProjectClient) -> DeletionRequest:
    """That of somebody of whom nothing is left."""
    now = timezone.now()
    done = {"created_at": now, "removed_at": now, "delete_verified_at": now, "scrubbed_at": now}
    return DeletionRequest.objects.for_project(project.id).create(
        project_id=project.id,
        person_uuid=uuid4(),
        erases_person=True,
        erases_events=True,
        stage=DeletionRequest.Stage.SCRUBBED,
        **done,
    )


def test_a_receipt_tells_what_was_found_and_a_check_counts_again(admin: Admin) -> None:
    uuid, number = erased(admin.project, "ada")
    page = admin.url(f"deletions/{number}/")

    listed = admin.page(admin.url("deletions/"))
    assert f"Receipt {number} {uuid} completed" in listed
    shown = admin.page(page)
    assert f"By {admin.project.owner}" in shown
    assert "clickhouse events 2 0" in shown
    assert "Counted just now" not in shown

    checked = admin.send(page)

    assert checked.status_code == 200
    assert "Counted just now: nothing is left" in words(checked)


def test_requests_are_narrowed_by_status_and_person(admin: Admin) -> None:
    erased = receipt(admin.project)

    for params, is_there in (
        ({"status": "completed"}, True),
        ({"status": "pending"}, False),
        ({"status": "nonsense"}, True),
        ({"q": str(erased.person_uuid)}, True),
        ({"q": "8c5c2b1e-52f5-4b0f-9a51-d1a5e8a1c5a2"}, False),
        ({"q": "no uuid"}, False),
        ({"page": "2"}, False),
    ):
        shown = admin.page(admin.url("deletions/"), **params)
        assert (f"Receipt {erased.pk}" in shown) is is_there, params


def test_a_receipt_of_another_project_is_not_there(admin: Admin, other_project: ProjectClient) -> None:
    theirs = receipt(other_project)

    assert admin.http.get(admin.url(f"deletions/{theirs.pk}/")).status_code == 404
    assert admin.send(admin.url(f"deletions/{theirs.pk}/")).status_code == 404
    assert str(theirs.person_uuid) not in admin.page(admin.url("deletions/"))
