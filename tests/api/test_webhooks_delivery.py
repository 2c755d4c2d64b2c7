"""How events come to receivers: signed, at least once, one after the other for each person, and given up in the end."""

import threading
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from core.models import Webhook, WebhookDelivery
from core.services.webhooks.forget import forget_old
from tests.clients import ProjectClient, event
from tests.persons import listed, make_listed
from tests.receiver import (
    Received,
    all_ended,
    deliveries,
    receiving,
    register,
    told,
    try_now,
    wait_until,
    webhooks_url,
)
from tests.stack import free_port

UPDATED = "person.updated"


def change(project: ProjectClient, distinct_id: str, n: int) -> None:
    project.capture(event("a", distinct_id, properties={"$set": {"n": n}}))


def numbers(requests: list[Received], person: str) -> list[int]:
    """What the person was told to have, in the order of the requests."""
    return [
        one.event["data"]["person"]["properties"]["n"] for one in requests if told(one.event)[1] == person
    ]


def rows(project: ProjectClient, webhook: dict[str, Any]) -> Any:
    return WebhookDelivery.objects.for_project(project.id).filter(webhook_id=webhook["id"])


def long_ago(project: ProjectClient, webhook: dict[str, Any]) -> None:
    """Everything has waited for its delivery for two days."""
    rows(project, webhook).update(queued_at=timezone.now() - timedelta(days=2))


def test_requests_are_signed(project: ProjectClient) -> None:
    with receiving() as receiver:
        webhook = register(project, receiver.url)
        change(project, "ada", 1)
        receiver.wait_for(1)
        both = project.post(
            webhooks_url(project, webhook["id"], "rotate_secret"), {"overlap_seconds": 600}
        ).json()
        change(project, "ada", 2)
        receiver.wait_for(2)
        alone = project.post(webhooks_url(project, webhook["id"], "rotate_secret"), {}).json()
        change(project, "ada", 3)
        receiver.wait_for(3)

    secrets = [one["secret"] for one in (webhook, both, alone)]
    assert [[one.is_signed_by(secret) for secret in secrets] for one in receiver.requests] == [
        [True, False, False],
        [True, True, False],
        [False, False, True],
    ]
    first = receiver.requests[0]
    assert first.headers["content-type"] == "application/json"
    assert first.headers["webhook-id"] == first.event["id"]
    assert abs(int(first.headers["webhook-timestamp"]) - timezone.now().timestamp()) < 300


def test_the_check_of_the_documents_takes_what_is_sent(project: ProjectClient) -> None:
    document = (Path(__file__).parents[2] / "docs" / "howto" / "webhooks.md").read_text()
    found: dict[str, Any] = {}
    exec(document.split("```python")[1].split("```")[0], found)  # noqa: S102 - a document of ours
    is_genuine = found["is_genuine"]
    with receiving() as receiver:
        webhook = register(project, receiver.url)
        project.post(webhooks_url(project, webhook["id"], "test"))
    (one,) = receiver.requests
    headers = {name.title(): value for name, value in one.headers.items()}

    assert is_genuine(webhook["secret"], headers, one.body)
    assert not is_genuine(webhook["secret"], headers, one.body + b" ")
    assert not is_genuine("whsec_" + "A" * 44, headers, one.body)
    assert not is_genuine(webhook["secret"], {**headers, "Webhook-Timestamp": "1"}, one.body)


def test_a_failed_attempt_is_repeated_as_it_was(project: ProjectClient) -> None:
    statuses = iter([500, 204])
    with receiving(lambda received: next(statuses)) as receiver:
        webhook = register(project, receiver.url)
        change(project, "ada", 1)
        receiver.wait_for(1)
        (failed,) = wait_until(lambda: [one for one in deliveries(project, webhook) if one["attempts"]])
        try_now(project, webhook)
        (row,) = all_ended(project, webhook)

    assert (failed["state"], failed["attempts"], failed["last_status"]) == ("waiting", 1, 500)
    assert failed["last_error"] == "The receiver answered 500."
    assert failed["next_attempt_at"] > failed["last_attempt_at"]
    assert (row["state"], row["attempts"], row["last_status"]) == ("delivered", 2, 204)
    assert (row["last_error"], row["next_attempt_at"]) == (None, None)
    first, second = receiver.requests
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])


def test_what_failed_is_tried_again_by_itself(project: ProjectClient) -> None:
    statuses = iter([500, 200])
    with receiving(lambda received: next(statuses)) as receiver:
        webhook = register(project, receiver.url)
        change(project, "ada", 1)
        (row,) = all_ended(project, webhook)

    assert (row["state"], row["attempts"]) == ("delivered", 2)


def test_the_next_event_of_a_person_waits_and_others_go_on(project: ProjectClient) -> None:
    ada, bob = make_listed(project, "ada", n=0)["uuid"], make_listed(project, "bob", n=0)["uuid"]
    refusing = threading.Event()
    refusing.set()

    def answer(received: Received) -> int:
        return 500 if refusing.is_set() and told(received.event)[1] == ada else 200

    with receiving(answer) as receiver:
        webhook = register(project, receiver.url, UPDATED)
        for n in range(1, 6):
            change(project, "ada", n)
            change(project, "bob", n)
            receiver.wait_for(n + 1)
        tried = list(receiver.requests)
        refusing.clear()
        try_now(project, webhook)
        all_ended(project, webhook)

    assert set(numbers(tried, ada)) == {1}
    assert numbers(tried, bob) == [1, 2, 3, 4, 5]
    after = numbers(receiver.requests[len(tried) :], ada)
    assert after == sorted(after)
    assert set(after) == {1, 2, 3, 4, 5} or set(after) == {2, 3, 4, 5}


def test_requests_that_meet_are_told_in_the_order_of_their_changes(project: ProjectClient) -> None:
    names = ("ada", "bob", "cyd")

    def work(number: int) -> None:
        for n in range(15):
            change(project, names[(number + n) % 3], 100 * number + n)

    with receiving() as receiver:
        webhook = register(project, receiver.url)
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(work, range(1, 7)))
        all_ended(project, webhook)
        last = {listed(project, name)["uuid"]: listed(project, name)["properties"]["n"] for name in names}

    versions: dict[str, list[int]] = defaultdict(list)
    for one in receiver.requests:
        versions[told(one.event)[1]].append(one.event["data"]["person"]["version"])
    assert versions == {uuid: sorted(set(found)) for uuid, found in versions.items()}
    assert {uuid: numbers(receiver.requests, uuid)[-1] for uuid in versions} == last


def test_a_merge_waits_for_both(project: ProjectClient) -> None:
    ada, bob = make_listed(project, "ada", n=0)["uuid"], make_listed(project, "bob", n=0)["uuid"]
    refusing = threading.Event()
    refusing.set()

    def answer(received: Received) -> int:
        return 500 if refusing.is_set() and told(received.event)[1] == bob else 200

    with receiving(answer) as receiver:
        webhook = register(project, receiver.url, UPDATED, "person.merged")
        change(project, "bob", 1)
        receiver.wait_for(1)
        project.post(f"{project.persons_url}{ada}/merge/", {"distinct_id": "bob"})
        change(project, "cyd", 1)
        receiver.wait_for(2)
        cyd = listed(project, "cyd")["uuid"]
        wait_until(lambda: (UPDATED, cyd) in receiver.told())
        assert ("person.merged", ada) not in receiver.told()
        refusing.clear()
        try_now(project, webhook)
        all_ended(project, webhook)

    of_both = [one for one in receiver.told() if one[1] in (ada, bob)]
    assert of_both[-3:] == [(UPDATED, bob), ("person.merged", ada), (UPDATED, ada)]


def test_what_is_given_up_holds_up_nobody_and_can_be_replayed(project: ProjectClient) -> None:
    ada = make_listed(project, "ada", n=0)["uuid"]
    broken = threading.Event()
    broken.set()
    with receiving(lambda received: 418 if broken.is_set() else 200) as receiver:
        webhook = register(project, receiver.url)
        change(project, "ada", 1)
        receiver.wait_for(1)
        wait_until(lambda: rows(project, webhook).filter(attempts=1).exists())
        long_ago(project, webhook)
        try_now(project, webhook)
        (dead,) = all_ended(project, webhook)
        assert (dead["state"], dead["attempts"], dead["last_status"]) == ("dead", 2, 418)
        assert project.get(webhooks_url(project, webhook["id"])).json()["dead"] == 1

        broken.clear()
        change(project, "ada", 2)
        assert [row["state"] for row in all_ended(project, webhook)] == ["dead", "delivered"]
        again = project.post(webhooks_url(project, webhook["id"], "deliveries", dead["id"], "replay"))
        assert (again.status_code, again.json()["id"]) == (200, dead["id"])
        assert [row["state"] for row in all_ended(project, webhook)] == ["delivered", "delivered"]

    assert numbers(receiver.requests, ada) == [1, 1, 2, 1]
    assert receiver.requests[0].body == receiver.requests[-1].body


def test_everything_dead_is_replayed_in_order(project: ProjectClient) -> None:
    ada = make_listed(project, "ada", n=0)["uuid"]
    broken = threading.Event()
    broken.set()
    with receiving(lambda received: 500 if broken.is_set() else 200) as receiver:
        webhook = register(project, receiver.url)
        for n in range(1, 4):
            change(project, "ada", n)
        receiver.wait_for(1)
        long_ago(project, webhook)
        waiting = rows(project, webhook).filter(state="waiting")
        for _ in range(1000):
            if not waiting.exists():
                break
            try_now(project, webhook)
        assert {row["state"] for row in all_ended(project, webhook)} == {"dead"}

        broken.clear()
        count = len(receiver.requests)
        replayed = project.post(webhooks_url(project, webhook["id"], "replay"))
        states = [row["state"] for row in all_ended(project, webhook)]

    assert (replayed.status_code, replayed.json()) == (200, {"replayed": 3})
    assert states == ["delivered"] * 3
    assert numbers(receiver.requests[count:], ada) == [1, 2, 3]


def test_a_slow_receiver_holds_up_no_other(project: ProjectClient) -> None:
    released = threading.Event()

    def slowly(received: Received) -> int:
        released.wait(60)
        return 200

    with receiving(slowly) as slow, receiving() as quick:
        register(project, slow.url)
        register(project, quick.url)
        change(project, "ada", 1)
        slow.wait_for(1)
        for n in range(2, 5):
            change(project, "ada", n)

        quick.wait_for(4)
        released.set()

    assert slow.requests[0].event == quick.requests[0].event


def test_redirects_are_not_followed(project: ProjectClient) -> None:
    with receiving(lambda received: 307) as receiver:
        webhook = register(project, receiver.url)
        change(project, "ada", 1)
        receiver.wait_for(1)
        (row,) = wait_until(lambda: [one for one in deliveries(project, webhook) if one["attempts"]])

    assert row["last_error"] == "The receiver answered 307; redirects are not followed."
    assert {one.path for one in receiver.requests} == {"/"}


def test_addresses_are_checked_whenever_something_is_sent(project: ProjectClient) -> None:
    """A name may have led elsewhere when the webhook was made."""
    webhook = register(project, "https://example.org/")
    Webhook.objects.for_project(project.id).filter(pk=webhook["id"]).update(url="http://169.254.169.254/")

    change(project, "ada", 1)

    (row,) = wait_until(lambda: [one for one in deliveries(project, webhook) if one["attempts"]])
    assert (row["state"], row["last_status"]) == ("waiting", None)
    assert row["last_error"].startswith("The address 169.254.169.254 is not a public one.")
    tested = project.post(webhooks_url(project, webhook["id"], "test")).json()
    assert (tested["delivered"], tested["error"]) == (False, row["last_error"])


def test_a_receiver_that_is_away_is_left_alone_for_a_while(project: ProjectClient) -> None:
    names = [f"person-{n}" for n in range(6)]
    webhook = register(project, f"http://127.0.0.1:{free_port()}")
    for name in names:
        change(project, name, 1)
    url = webhooks_url(project, webhook["id"])
    paused = wait_until(lambda: (shown := project.get(url).json())["paused_until"] and shown)
    assert paused["failures"] >= 3
    assert paused["waiting"] == 6

    with receiving() as receiver:
        moved = project.http.patch(
            url, json={"url": receiver.url}, headers={"Authorization": f"Bearer {project.key}"}
        ).json()
        all_ended(project, webhook)

    assert (moved["failures"], moved["paused_until"]) == (0, None)
    assert len(receiver.requests) == 6


def test_what_was_never_tried_is_given_up_with_the_rest(project: ProjectClient) -> None:
    webhook = register(project, f"http://127.0.0.1:{free_port()}")
    project.capture(*(event("a", f"person-{n}") for n in range(50)))
    url = webhooks_url(project, webhook["id"])
    wait_until(lambda: project.get(url).json()["paused_until"])

    long_ago(project, webhook)
    rows(project, webhook).update(due_at=timezone.now())
    Webhook.objects.for_project(project.id).filter(pk=webhook["id"]).update(paused_until=None)

    ended = all_ended(project, webhook)
    assert {row["state"] for row in ended} == {"dead"}
    assert ended[-1]["attempts"] == 0
    assert ended[-1]["last_error"].startswith("The receiver cannot be reached")


def test_nothing_is_sent_while_a_webhook_is_disabled(project: ProjectClient) -> None:
    webhook = register(project, f"http://127.0.0.1:{free_port()}")
    change(project, "ada", 1)
    wait_until(lambda: rows(project, webhook).filter(attempts__gt=0).exists())
    headers = {"Authorization": f"Bearer {project.key}"}
    url = webhooks_url(project, webhook["id"])
    with receiving() as receiver:
        project.http.patch(url, json={"enabled": False, "url": receiver.url}, headers=headers)
        change(project, "ada", 2)
        assert [row["state"] for row in deliveries(project, webhook)] == ["waiting"]

        project.http.patch(url, json={"enabled": True}, headers=headers)
        all_ended(project, webhook)

    assert numbers(receiver.requests, listed(project, "ada")["uuid"]) == [1]


def test_a_test_is_sent_at_once_and_not_kept(project: ProjectClient) -> None:
    statuses = iter([200, 503])
    with receiving(lambda received: next(statuses)) as receiver:
        webhook = register(project, receiver.url, enabled=False)
        well = project.post(webhooks_url(project, webhook["id"], "test")).json()
        ill = project.post(webhooks_url(project, webhook["id"], "test")).json()
    gone = project.post(webhooks_url(project, webhook["id"], "test")).json()

    assert {name: well[name] for name in ("delivered", "status", "error", "body")} == {
        "delivered": True,
        "status": 200,
        "error": None,
        "body": "noted",
    }
    assert (ill["delivered"], ill["status"], ill["error"]) == (False, 503, "The receiver answered 503.")
    assert (gone["delivered"], gone["status"]) == (False, None)
    assert gone["error"].startswith("The receiver cannot be reached")
    first = receiver.requests[0]
    assert first.is_signed_by(webhook["secret"])
    assert (first.event["id"], first.event["event"], first.event["data"]) == (well["id"], "webhook.test", {})
    assert deliveries(project, webhook) == []


def test_events_are_forgotten_after_a_while(project: ProjectClient, settings: Any) -> None:
    with receiving() as receiver:
        webhook = register(project, receiver.url)
        change(project, "ada", 1)
        all_ended(project, webhook)
    forget_old()
    assert len(deliveries(project, webhook)) == 1

    rows(project, webhook).update(ended_at=timezone.now() - timedelta(seconds=settings.WEBHOOK_KEEP + 1))
    forget_old()

    assert deliveries(project, webhook) == []


@pytest.mark.parametrize("count", [1, 250])
def test_every_event_comes_once_while_all_is_well(project: ProjectClient, count: int) -> None:
    with receiving() as receiver:
        webhook = register(project, receiver.url)
        project.capture(*(event("a", f"person-{n}") for n in range(count)))
        assert {row["state"] for row in all_ended(project, webhook)} == {"delivered"}

    assert len(receiver.requests) == len({one.event["id"] for one in receiver.requests}) == count
