"""What webhooks are told of which change, and in which order."""

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.clients import ProjectClient, event
from tests.cohorts.cohort_client import calculated, dynamic, make, patch, person, url
from tests.persons import full_person, listed, make_listed, send
from tests.receiver import Receiver, deliveries, receiving, register, told, webhooks_url

UPDATED, MERGED, SPLIT, DELETED = "person.updated", "person.merged", "person.split", "person.deleted"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as one:
        yield one


def without_own(properties: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in properties.items() if name != "$creator_event_uuid"}


def test_a_new_person_and_its_changes(project: ProjectClient, receiver: Receiver) -> None:
    webhook = register(project, receiver.url)

    project.capture(event("a", "ada", properties={"$set": {"plan": "free", "n": 1.5}}))
    ada = full_person(project, "ada")
    project.post(f"{project.persons_url}{ada['uuid']}/update_property/", {"key": "plan", "value": "paid"})
    project.post(f"{project.persons_url}{ada['uuid']}/delete_property/", {"$unset": "n"})

    first, second, third = receiver.wait_for(3)
    assert [told(one) for one in (first, second, third)] == [(UPDATED, ada["uuid"])] * 3
    assert set(first) == {"id", "event", "created_at", "project_id", "data"}
    assert first["project_id"] == project.id
    shown = first["data"]["person"]
    assert without_own(shown.pop("properties")) == {"plan": "free", "n": 1.5}
    assert shown == {
        "uuid": ada["uuid"],
        "distinct_ids": ["ada"],
        "has_more_distinct_ids": False,
        "is_identified": False,
        "created_at": ada["created_at"],
        "version": 0,
    }
    assert without_own(second["data"]["person"]["properties"]) == {"plan": "paid", "n": 1.5}
    assert without_own(third["data"]["person"]["properties"]) == {"plan": "paid"}
    assert [one["data"]["person"]["version"] for one in (second, third)] == [1, 2]
    assert [row["id"] for row in deliveries(project, webhook)] == [first["id"], second["id"], third["id"]]


def test_changes_of_one_request_are_told_once(project: ProjectClient, receiver: Receiver) -> None:
    ada = make_listed(project, "ada", n=0)["uuid"]
    register(project, receiver.url)

    project.capture(*(event("a", "ada", properties={"$set": {"n": n}}) for n in range(1, 6)))
    project.capture(event("a", "ada", properties={"$set": {"n": 5}}), event("b", "ada"))
    project.capture(event("a", "ada", properties={"$set": {"n": 6}}))

    events = receiver.wait_for(2)
    assert [told(one) for one in events] == [(UPDATED, ada)] * 2
    assert [one["data"]["person"]["properties"]["n"] for one in events] == [5, 6]


def test_a_new_distinct_id(project: ProjectClient, receiver: Receiver) -> None:
    make_listed(project, "ada")
    register(project, receiver.url)

    project.capture(event("$identify", "ada", properties={"$anon_distinct_id": "phone"}))

    (one,) = receiver.wait_for(1)
    assert (one["event"], one["data"]["person"]["distinct_ids"]) == (UPDATED, ["ada", "phone"])


def test_a_merge_by_event(project: ProjectClient, receiver: Receiver) -> None:
    ada, bob = make_listed(project, "ada", a=1)["uuid"], make_listed(project, "bob", b=2)["uuid"]
    register(project, receiver.url)

    project.capture(event("$identify", "ada", properties={"$anon_distinct_id": "bob"}))

    merge, update = receiver.wait_for(2)
    assert (told(merge), told(update)) == ((MERGED, ada), (UPDATED, ada))
    assert merge["data"]["merged_person"] == {"uuid": bob, "distinct_ids": ["bob"]}
    assert merge["data"]["person"]["distinct_ids"] == ["ada", "bob"]
    assert without_own(merge["data"]["person"]["properties"]) == {"a": 1, "b": 2}


def test_merges_of_one_request(project: ProjectClient, receiver: Receiver) -> None:
    ada, bob, cyd = (make_listed(project, name)["uuid"] for name in ("ada", "bob", "cyd"))
    register(project, receiver.url)

    project.capture(
        event("$merge_dangerously", "bob", properties={"alias": "cyd"}),
        event("$merge_dangerously", "ada", properties={"alias": "bob"}),
    )

    *merges, update = receiver.wait_for(3)
    assert [told(one) for one in (*merges, update)] == [(MERGED, ada), (MERGED, ada), (UPDATED, ada)]
    assert [one["data"]["merged_person"] for one in merges] == [
        {"uuid": cyd, "distinct_ids": ["cyd"]},
        {"uuid": bob, "distinct_ids": ["bob"]},
    ]
    assert sorted(update["data"]["person"]["distinct_ids"]) == ["ada", "bob", "cyd"]


def test_a_merge_by_request_and_its_undoing(project: ProjectClient, receiver: Receiver) -> None:
    ada, bob = make_listed(project, "ada", a=1)["uuid"], make_listed(project, "bob", b=2)["uuid"]
    register(project, receiver.url)

    project.post(f"{project.persons_url}{ada}/merge/", {"distinct_id": "bob", "dry_run": True})
    project.post(f"{project.persons_url}{ada}/merge/", {"distinct_id": "bob"})
    project.post(f"{project.persons_url}{ada}/undo/")

    events = receiver.wait_for(5)
    assert [told(one) for one in events] == [
        (MERGED, ada), (UPDATED, ada), (SPLIT, ada), (UPDATED, ada), (UPDATED, bob)
    ]  # fmt: skip
    assert events[2]["data"]["new_persons"] == [{"uuid": bob, "distinct_ids": ["bob"]}]
    assert without_own(events[4]["data"]["person"]["properties"]) == {"b": 2}
    assert len(receiver.requests) == 5


def test_a_split_and_its_undoing(project: ProjectClient, receiver: Receiver) -> None:
    ada = make_listed(project, "ada", "phone", "work", a=1)["uuid"]
    register(project, receiver.url, MERGED, SPLIT)

    project.post(f"{project.persons_url}{ada}/split/", {"main_distinct_id": "ada"})
    phone, work = listed(project, "phone")["uuid"], listed(project, "work")["uuid"]
    project.post(f"{project.persons_url}{ada}/undo/")

    split, *merges = receiver.wait_for(3)
    assert told(split) == (SPLIT, ada)
    assert split["data"]["person"]["distinct_ids"] == ["ada"]
    assert split["data"]["new_persons"] == [
        {"uuid": phone, "distinct_ids": ["phone"]},
        {"uuid": work, "distinct_ids": ["work"]},
    ]
    assert [one["data"]["merged_person"]["uuid"] for one in merges] == [phone, work]
    assert [told(one) for one in merges] == [(MERGED, ada)] * 2


def test_a_deletion(project: ProjectClient, receiver: Receiver) -> None:
    ada = make_listed(project, "ada", "phone", a=1)["uuid"]
    register(project, receiver.url)

    assert project.delete(f"{project.persons_url}{ada}/").status_code == 202

    (one,) = receiver.wait_for(1)
    digests = [hashlib.sha256(name).hexdigest()[:32] for name in (b"ada", b"phone")]
    assert one["event"] == DELETED
    shown = one["data"]["person"]
    assert sorted(shown.pop("distinct_id_digests")) == sorted(digests)
    assert shown == {"uuid": ada, "has_more_distinct_ids": False}


def test_many_are_deleted(project: ProjectClient, receiver: Receiver) -> None:
    uuids = {make_listed(project, name)["uuid"] for name in ("ada", "bob", "cyd")}
    register(project, receiver.url, DELETED)

    project.post(f"{project.persons_url}bulk_delete/", {"ids": sorted(uuids)})

    assert {told(one) for one in receiver.wait_for(3)} == {(DELETED, uuid) for uuid in uuids}


def test_members_of_a_static_cohort(project: ProjectClient, receiver: Receiver) -> None:
    ada, bob = make_listed(project, "ada")["uuid"], make_listed(project, "bob")["uuid"]
    register(project, receiver.url, "cohort.entered", "cohort.left")
    cohort = make(project, is_static=True, name="few", _create_static_person_ids=[ada])["id"]

    patch(project, url(project, cohort, "add_persons_to_static_cohort"), {"person_ids": [ada, bob]})
    patch(project, url(project, cohort, "remove_person_from_static_cohort"), {"person_id": ada})

    events = receiver.wait_for(3)
    assert sorted(told(one) for one in events) == sorted(
        [("cohort.entered", ada), ("cohort.entered", bob), ("cohort.left", ada)]
    )
    assert {"cohort": {"id": cohort, "name": "few"}, "person": {"uuid": ada}} in [
        one["data"] for one in events
    ]


def test_members_of_a_dynamic_cohort(project: ProjectClient, receiver: Receiver) -> None:
    ada = make_listed(project, "ada", plan="paid")["uuid"]
    register(project, receiver.url, "cohort.entered", "cohort.left")
    cohort = calculated(project, dynamic(project, person("plan", "paid"))["id"])["id"]
    assert told(receiver.wait_for(1)[0]) == ("cohort.entered", ada)

    project.post(f"{project.persons_url}{ada}/update_property/", {"key": "plan", "value": "free"})
    patch(project, url(project, cohort), {"name": "again"})
    calculated(project, cohort)

    _, left = receiver.wait_for(2)
    assert told(left) == ("cohort.left", ada)
    assert left["data"]["cohort"] == {"id": cohort, "name": "again"}


def test_membership_follows_merges_and_deletions(project: ProjectClient, receiver: Receiver) -> None:
    ada, bob = make_listed(project, "ada")["uuid"], make_listed(project, "bob")["uuid"]
    make(project, is_static=True, _create_static_person_ids=[bob])
    register(project, receiver.url, "cohort.entered", "cohort.left", MERGED, DELETED)

    project.post(f"{project.persons_url}{ada}/merge/", {"distinct_id": "bob"})
    project.delete(f"{project.persons_url}{ada}/")

    events = receiver.wait_for(5)
    assert {told(one) for one in events[:2]} == {("cohort.left", bob), ("cohort.entered", ada)}
    assert [told(one) for one in events[2:]] == [(MERGED, ada), ("cohort.left", ada), (DELETED, ada)]


def test_only_what_was_asked_for_and_only_ones_own(
    project: ProjectClient, other_project: ProjectClient, receiver: Receiver
) -> None:
    register(project, f"{receiver.url}/deletions", DELETED)
    register(project, f"{receiver.url}/off", enabled=False)
    make_listed(other_project, "ada", a=1)
    ada = make_listed(project, "ada", a=1)["uuid"]

    project.delete(f"{project.persons_url}{ada}/")
    with receiving() as theirs:
        register(other_project, theirs.url)
        make_listed(other_project, "bob")
        theirs.wait_for(1)

    assert [told(one) for one in receiver.wait_for(1)] == [(DELETED, ada)]
    assert [one.path for one in receiver.requests] == ["/deletions"]


def test_two_webhooks_are_told_of_one_event_under_one_id(project: ProjectClient, receiver: Receiver) -> None:
    register(project, f"{receiver.url}/a?b=1", UPDATED)
    register(project, f"{receiver.url}/c", UPDATED)

    project.capture(event("a", "ada"))

    one, two = receiver.wait_for(2)
    assert one["id"] == two["id"]
    assert {received.path for received in receiver.requests} == {"/a?b=1", "/c"}


def test_what_changes_nothing_is_not_told(project: ProjectClient, receiver: Receiver) -> None:
    ada = make_listed(project, "ada", plan="paid")["uuid"]
    webhook = register(project, receiver.url)

    project.capture(event("a", "ada", properties={"$set": {"plan": "paid"}}))
    project.capture(event("a", "nobody", properties={"$process_person_profile": False}))
    project.post(f"{project.persons_url}{ada}/update_property/", {"key": "plan", "value": "paid"})
    project.post(f"{project.persons_url}reset_person_distinct_id/", {"distinct_id": "ada"})
    send(project, "PATCH", webhooks_url(project, webhook["id"]), {"description": "x"})

    assert deliveries(project, webhook) == []


def test_many_distinct_ids_are_cut(project: ProjectClient, receiver: Receiver) -> None:
    register(project, receiver.url)

    project.capture(
        event("a", "ada"),
        *(event("$identify", "ada", properties={"$anon_distinct_id": f"id{n}"}) for n in range(100)),
    )

    (one,) = receiver.wait_for(1)
    shown = one["data"]["person"]
    assert shown["distinct_ids"] == ["ada", *(f"id{n}" for n in range(99))]
    assert shown["has_more_distinct_ids"] is True
