"""Split, merge, undo and erase in the admin: first what would come of it, then it is done, by whoever is logged in."""

from typing import Any

from tests.admin.staff import Admin, words
from tests.clients import event, settle
from tests.persons import activities, listed, make_person


def by_whom(admin: Admin) -> list[tuple[str, str]]:
    """What was done to persons and who did it, newest first."""
    entries = admin.project.get(f"{admin.project.persons_url}activity/", limit=100).json()["results"]
    return [(entry["activity"], entry["user"]["email"]) for entry in entries]


def page(admin: Admin, person: dict[str, Any], name: str) -> str:
    return admin.url(f"persons/{person['uuid']}/{name}/")


def test_a_split_is_shown_and_then_done(admin: Admin) -> None:
    ada = make_person(admin.project, "ada", "ada 2", "ada 3", plan="team")
    split = page(admin, ada, "split")
    assert "ada 3" in admin.page(split)

    would = words(admin.send(split, distinct_ids_to_split=["ada 2", "ada 3"]))
    assert "ada 3 becomes the person" in would
    assert listed(admin.project, "ada 3")["uuid"] == ada["uuid"]

    said = admin.done(split, distinct_ids_to_split=["ada 2", "ada 3"], confirmed="1")

    assert "2 distinct ids moved away." in said
    assert listed(admin.project, "ada 3")["uuid"] in would
    assert listed(admin.project, "ada 3")["uuid"] != listed(admin.project, "ada 2")["uuid"]
    assert by_whom(admin)[0] == ("split_person", admin.project.owner)


def test_a_split_that_cannot_be_is_told(admin: Admin) -> None:
    ada = make_person(admin.project, "ada", "ada 2")
    split = page(admin, ada, "split")

    for ids in ([], ["bob"], ["ada", "ada 2"]):
        response = admin.send(split, distinct_ids_to_split=ids, confirmed="1")
        assert response.status_code == 400, ids
    assert activities(admin.project) == []


def test_a_merge_is_shown_done_and_taken_back(admin: Admin) -> None:
    ada = make_person(admin.project, "ada", plan="team", age=36)
    bob = make_person(admin.project, "bob", plan="free")
    merge, undo = page(admin, ada, "merge"), page(admin, ada, "undo")
    assert admin.http.get(undo).status_code == 409

    for other in ("bob", bob["uuid"]):
        would = words(admin.send(merge, other=other))
        assert f"The person {bob['uuid']} becomes part of" in would
        assert "plan. Cohorts afterwards: none." in would
    assert admin.project.person("bob") != admin.project.person("ada")

    assert "is part of this person now" in admin.done(merge, other="bob", confirmed="1")
    assert listed(admin.project, "bob")["uuid"] == ada["uuid"]

    assert f"{bob['uuid']} is a person of its own again" in admin.page(undo)
    assert "The last merge was taken back." in admin.done(undo, confirmed="1")
    assert listed(admin.project, "bob")["uuid"] == bob["uuid"]
    assert {who for _, who in by_whom(admin)} == {admin.project.owner}
    assert "nothing" in admin.done(undo, confirmed="1").lower()


def test_a_merge_that_cannot_be_is_told_beside_the_field(admin: Admin) -> None:
    ada = make_person(admin.project, "ada")

    for other in ("", "nobody", "ada", ada["uuid"], "8c5c2b1e-52f5-4b0f-9a51-d1a5e8a1c5a2", "\0"):
        response = admin.send(page(admin, ada, "merge"), other=other, confirmed="1")
        assert response.status_code == 400, other


def test_an_erasure_is_shown_done_and_leaves_a_receipt(admin: Admin) -> None:
    ada = make_person(admin.project, "ada", "ada 2")
    admin.project.capture(event("looked", "ada"), event("looked", "ada 2"))
    settle()
    erase = page(admin, ada, "erase")
    assert "Erase the events, too" in admin.page(erase)

    would = words(admin.send(erase, delete_events="on"))
    assert "goes with 2 distinct ids, at once." in would
    assert "4 events to erase, within seconds." in would
    assert "ada stays. 4 events to erase" in words(admin.send(erase, keep_person="on"))
    assert "Its events stay." in words(admin.send(erase))
    assert admin.project.person("ada") is not None

    said = admin.done(erase, delete_events="on", confirmed="1")

    assert "What was asked for is being erased" in said
    assert ada["uuid"] in said
    assert admin.project.person("ada") is None
    assert by_whom(admin)[0] == ("deleted", admin.project.owner)
