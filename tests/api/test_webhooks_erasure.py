"""What webhooks were told of somebody who is erased: nothing but uuids stays of it."""

import threading
from typing import Any

from core.models import WebhookDelivery
from tests.clients import ProjectClient, event
from tests.erasure import all_done, completed
from tests.persons import listed, make_listed
from tests.receiver import Received, all_ended, receiving, register, told, try_now, wait_until

SECRET = "only ada's to tell"


def kept(project: ProjectClient, webhook: dict[str, Any]) -> list[tuple[str, Any]]:
    rows = WebhookDelivery.objects.for_project(project.id).filter(webhook_id=webhook["id"]).order_by("pk")
    return [(row.event, row.data) for row in rows]


def test_what_was_delivered_loses_what_it_told(project: ProjectClient) -> None:
    with receiving() as receiver:
        webhook = register(project, receiver.url)
        make_listed(project, "ada-1", "ada-2", secret=SECRET)
        make_listed(project, "ada-3", secret=SECRET)
        project.capture(event("$merge_dangerously", "ada-1", properties={"alias": "ada-3"}))
        make_listed(project, "bob", secret="bob's")
        uuid = listed(project, "ada-1")["uuid"]
        all_ended(project, webhook)
        assert SECRET in str(kept(project, webhook))

        project.delete(f"{project.persons_url}{uuid}/", delete_events=True)
        left = str(kept(project, webhook))
        assert SECRET not in left
        assert "ada-" not in left

        all_ended(project, webhook)

    assert "bob's" in left
    receipt = completed(project, uuid)
    assert receipt["counts_after"]["postgres_traces"] == 0
    assert told(receiver.requests[-1].event) == ("person.deleted", uuid)
    merges = [data for name, data in kept(project, webhook) if name == "person.merged"]
    assert [set(merge["merged_person"]) for merge in merges] == [{"uuid", "distinct_ids", "is_erased"}]
    assert merges[0]["person"] == {"uuid": uuid, "distinct_ids": [], "is_erased": True}


def test_what_waits_is_told_without_it(project: ProjectClient) -> None:
    refusing = threading.Event()
    refusing.set()

    def answer(received: Received) -> int:
        return 500 if refusing.is_set() else 200

    with receiving(answer) as receiver:
        ada = make_listed(project, "ada", n=0)["uuid"]
        webhook = register(project, receiver.url)
        for n in range(1, 4):
            project.capture(event("a", "ada", properties={"$set": {"n": n, "secret": SECRET}}))
        wait_until(lambda: WebhookDelivery.objects.for_project(project.id).filter(attempts__gt=0).exists())
        project.delete(f"{project.persons_url}{ada}/")
        all_done(project)
        tried = len(receiver.requests)
        refusing.clear()
        try_now(project, webhook)
        all_ended(project, webhook)

    events = [one.event for one in receiver.requests[tried:]]
    assert [told(one) for one in events][-4:] == [
        *[("person.updated", ada)] * 3, ("person.deleted", ada)
    ]  # fmt: skip
    assert [one["data"] for one in events[-4:-1]] == [
        {"person": {"uuid": ada, "distinct_ids": [], "is_erased": True}}
    ] * 3
    assert SECRET not in str(kept(project, webhook))


def test_a_distinct_id_that_was_somebody_elses(project: ProjectClient) -> None:
    """What was told of a person names ids that were split off later, and whose person is erased."""
    with receiving() as receiver:
        webhook = register(project, receiver.url)
        ada = make_listed(project, "ada", "phone", secret=SECRET)["uuid"]
        project.post(f"{project.persons_url}{ada}/split/", {"distinct_ids_to_split": ["phone"]})
        all_ended(project, webhook)
        phone = listed(project, "phone")["uuid"]

        project.delete(f"{project.persons_url}{phone}/")
        all_done(project)
        all_ended(project, webhook)

    assert "phone" not in str(kept(project, webhook))
    # What was told of her after the split is hers alone.
    assert SECRET in str(kept(project, webhook))


def test_who_comes_back_is_told_of_again(project: ProjectClient) -> None:
    with receiving() as receiver:
        webhook = register(project, receiver.url)
        ada = make_listed(project, "ada", n=1)["uuid"]
        project.delete(f"{project.persons_url}{ada}/")
        again = make_listed(project, "ada", n=2)["uuid"]
        all_done(project)
        all_ended(project, webhook)

    assert again == ada
    assert [told(one.event)[0] for one in receiver.requests] == [
        "person.updated", "person.deleted", "person.updated"
    ]  # fmt: skip
    (*_, (_, data)) = kept(project, webhook)
    assert data["person"]["properties"]["n"] == 2
    assert data["person"]["version"] > 0
