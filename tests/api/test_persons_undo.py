"""``POST …/persons/{id}/undo/``"""

from typing import Any

import pytest

from core.models import ActivityEntry, IdentityChange
from tests.clients import ProjectClient, event
from tests.persons import NOBODY, join, listed, make_listed, members, owners_of_events


def undo(project: ProjectClient, person: dict[str, Any], body: Any = None) -> Any:
    return project.post(f"{project.persons_url}{person['uuid']}/undo/", body)


def act(project: ProjectClient, person: dict[str, Any], verb: str, body: Any) -> None:
    response = project.post(f"{project.persons_url}{person['uuid']}/{verb}/", body)
    assert response.status_code == 201, response.text


def full(project: ProjectClient, person: dict[str, Any]) -> Any:
    return project.get(f"{project.persons_url}{person['uuid']}/").json()


@pytest.mark.parametrize("way", ["api", "event"])
def test_a_merge_is_taken_back_to_exactly_what_was(project: ProjectClient, way: str) -> None:
    person, other = make_listed(project, "a", "a2", x=1), make_listed(project, "b", "b2", x=2, y=3)
    only_other, both = join(project, "only other", other), join(project, "both", person, other)
    before = full(project, person), full(project, other)
    if way == "api":
        act(project, person, "merge", {"distinct_id": "b"})
    else:
        project.capture(event("$merge_dangerously", "a", properties={"alias": "b"}))

    response = undo(project, person)

    assert response.status_code == 201
    assert response.json() == {"dry_run": False, "undone": "merge", "person_uuids": [other["uuid"]]}
    assert (full(project, person), full(project, other)) == before
    assert (listed(project, "a"), listed(project, "b2")) == (person, other)
    assert members(project, only_other) == (1, {other["uuid"]})
    assert members(project, both) == (2, {person["uuid"], other["uuid"]})
    assert owners_of_events(project) == {"a": person["uuid"], "b": other["uuid"]}


def test_a_split_is_taken_back(project: ProjectClient) -> None:
    person = make_listed(project, "a", "b", "c", x=1)
    project.capture(event("e", "b"), event("e", "c"))
    before = full(project, person)
    act(project, person, "split", {})

    response = undo(project, person)

    assert response.status_code == 201
    assert response.json()["undone"] == "split"
    assert len(response.json()["person_uuids"]) == 2
    assert full(project, person) == before
    assert set(owners_of_events(project).values()) == {person["uuid"]}
    assert len(project.get(project.persons_url).json()["results"]) == 1


def test_one_after_the_other_is_taken_back(project: ProjectClient) -> None:
    persons = [make_listed(project, name, **{name: 1}) for name in "abc"]
    a, b, _ = persons
    act(project, b, "merge", {"distinct_id": "c"})
    act(project, a, "merge", {"distinct_id": "b"})
    act(project, a, "split", {"distinct_ids_to_split": ["c"]})

    assert [undo(project, who).json()["undone"] for who in (a, a, b)] == ["split", "merge", "merge"]

    assert [listed(project, name) for name in "abc"] == persons
    assert owners_of_events(project) == {name: one["uuid"] for name, one in zip("abc", persons, strict=True)}
    assert undo(project, a).status_code == 409
    activities = ActivityEntry.objects.for_project(project.id).values_list("activity", flat=True)
    assert sorted(activities) == [
        "merged",
        "merged",
        "split_person",
        "undo_merge",
        "undo_merge",
        "undo_split",
    ]


def test_what_was_taken_back_can_be_done_again(project: ProjectClient) -> None:
    person, other = make_listed(project, "a"), make_listed(project, "b")
    for _ in range(3):
        act(project, person, "merge", {"distinct_id": "b"})
        assert undo(project, person).status_code == 201

    assert listed(project, "b") == other
    assert owners_of_events(project) == {"a": person["uuid"], "b": other["uuid"]}


def test_a_dry_run_changes_nothing(project: ProjectClient) -> None:
    person = make_listed(project, "a")
    other = make_listed(project, "b")
    act(project, person, "merge", {"distinct_id": "b"})
    merged = listed(project, "a")

    response = undo(project, person, {"dry_run": True})

    assert response.status_code == 200
    assert response.json() == {"dry_run": True, "undone": "merge", "person_uuids": [other["uuid"]]}
    assert listed(project, "a") == merged


def test_events_after_the_merge_go_back_with_their_id(project: ProjectClient) -> None:
    person, other = make_listed(project, "a"), make_listed(project, "b")
    act(project, person, "merge", {"distinct_id": "b"})
    project.capture(event("meanwhile", "b"))

    assert undo(project, person).status_code == 201

    assert owners_of_events(project) == {"a": person["uuid"], "b": other["uuid"]}


class TestRefused:
    """409 says why, and nothing changes."""

    @staticmethod
    def refused(project: ProjectClient, person: dict[str, Any], why: str) -> None:
        before = project.get(project.persons_url).json()
        response = undo(project, person)
        assert (response.status_code, response.json()["code"]) == (409, "cannot_undo")
        assert why in response.json()["detail"]
        assert project.get(project.persons_url).json() == before

    def test_nothing_to_take_back(self, project: ProjectClient) -> None:
        self.refused(project, make_listed(project, "a"), "Nothing was merged")

    def test_the_person_changed(self, project: ProjectClient) -> None:
        person = make_listed(project, "a")
        make_listed(project, "b")
        act(project, person, "merge", {"distinct_id": "b"})
        project.capture(event("$set", "a", properties={"$set": {"z": 1}}))

        self.refused(project, person, "has changed since")

    def test_the_other_one_is_there_again(self, project: ProjectClient) -> None:
        person = make_listed(project, "a")
        make_listed(project, "b")
        act(project, person, "merge", {"distinct_id": "b"})
        act(project, person, "split", {"distinct_ids_to_split": ["b"]})
        project.capture(event("$set", "b", properties={"$set": {"z": 1}}))

        self.refused(project, person, "distinct id b has changed since")

    def test_a_part_of_the_split_has_more_ids(self, project: ProjectClient) -> None:
        person = make_listed(project, "a", "b")
        act(project, person, "split", {})
        project.capture(event("$identify", "b", properties={"$anon_distinct_id": "new"}))

        self.refused(project, person, "b")


def test_a_deleted_person_leaves_nothing_to_take_back(project: ProjectClient) -> None:
    a, b, c = (make_listed(project, name, secret=name) for name in "abc")
    act(project, b, "merge", {"distinct_id": "c"})
    act(project, a, "merge", {"distinct_id": "b"})
    assert IdentityChange.objects.for_project(project.id).count() == 2

    assert project.delete(f"{project.persons_url}{a['uuid']}/").status_code == 202

    assert not IdentityChange.objects.for_project(project.id).exists()
    assert undo(project, c).status_code == 404


@pytest.mark.parametrize(("key", "status"), NOBODY)
def test_who_does_not_exist(project: ProjectClient, key: str, status: int) -> None:
    assert project.post(f"{project.persons_url}{key}/undo/", {}).status_code == status


def test_a_flag_that_is_none(project: ProjectClient) -> None:
    response = undo(project, make_listed(project, "a"), {"dry_run": "true"})

    assert (response.status_code, response.json()["attr"]) == (400, "dry_run")


def test_persons_of_other_projects_are_out_of_reach(
    project: ProjectClient, other_project: ProjectClient
) -> None:
    theirs = make_listed(other_project, "a")
    make_listed(other_project, "b")
    act(other_project, theirs, "merge", {"distinct_id": "b"})

    assert undo(project, theirs).status_code == 404
