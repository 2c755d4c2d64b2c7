"""``POST …/persons/{id}/merge/``"""

from typing import Any
from uuid import uuid4

import pytest

from core.models import ActivityEntry
from tests.clients import ProjectClient, event
from tests.persons import join, listed, make_listed, members, owners_of_events


def merge(project: ProjectClient, person: dict[str, Any], body: Any) -> Any:
    return project.post(f"{project.persons_url}{person['uuid']}/merge/", body)


def test_the_other_one_becomes_part_of_the_person(project: ProjectClient) -> None:
    person = make_listed(project, "a", plan="team", city="Ulm")
    other = make_listed(project, "b", "b2", plan="free", name="B")
    cohort = join(project, "both", person, other)
    project.capture(event("later", "b2"))

    response = merge(project, person, {"distinct_id": "b2"})

    assert response.status_code == 201
    answer = response.json()
    after = listed(project, "b")
    assert after["uuid"] == person["uuid"]
    assert after["distinct_ids"] == ["a", "b", "b2"]
    assert after["is_identified"] is True
    assert after["created_at"] == min(person["created_at"], other["created_at"])
    assert after["properties"] == {**other["properties"], **person["properties"]}
    assert answer == {
        "dry_run": False,
        "person": project.get(f"{project.persons_url}{person['uuid']}/").json(),
        "merged_person_uuid": other["uuid"],
        "overridden_properties": {
            "plan": "free",
            "$creator_event_uuid": other["properties"]["$creator_event_uuid"],
        },
        "cohorts": [{"id": cohort.pk, "name": "both"}],
    }
    assert members(project, cohort) == (1, {person["uuid"]})
    assert project.get(f"{project.persons_url}{other['uuid']}/").status_code == 404
    assert set(owners_of_events(project).values()) == {person["uuid"]}
    (entry,) = ActivityEntry.objects.for_project(project.id)
    assert (entry.activity, entry.detail["name"]) == ("merged", person["uuid"])


@pytest.mark.parametrize("name", ["uuid", "id"])
def test_the_other_one_can_be_named_by_uuid_or_pk(project: ProjectClient, name: str) -> None:
    person, other = make_listed(project, "a"), make_listed(project, "b")
    full = project.get(f"{project.persons_url}{other['uuid']}/").json()

    assert merge(project, person, {"person_id": full[name]}).status_code == 201

    assert listed(project, "b")["uuid"] == person["uuid"]


def test_a_dry_run_tells_exactly_what_would_be_and_changes_nothing(project: ProjectClient) -> None:
    person, other = make_listed(project, "a", x=1), make_listed(project, "b", x=2, y=3)
    cohort = join(project, "others", other)

    preview = merge(project, person, {"distinct_id": "b", "dry_run": True})

    assert preview.status_code == 200
    assert (listed(project, "a"), listed(project, "b")) == (person, other)
    assert members(project, cohort) == (1, {other["uuid"]})
    assert owners_of_events(project) == {"a": person["uuid"], "b": other["uuid"]}
    assert not ActivityEntry.objects.for_project(project.id).exists()
    merged = merge(project, person, {"distinct_id": "b"}).json()
    assert {**preview.json(), "dry_run": False} == merged


@pytest.mark.parametrize(
    ("body", "attr"),
    [
        ({}, None),
        ({"distinct_id": "b", "person_id": 1}, None),
        ({"distinct_id": 1}, "distinct_id"),
        ({"distinct_id": "nobody"}, "distinct_id"),
        ({"distinct_id": "a"}, "distinct_id"),
        ({"person_id": "b"}, "person_id"),
        ({"person_id": True}, "person_id"),
        ({"person_id": [1]}, "person_id"),
        ({"person_id": str(uuid4())}, "person_id"),
        ({"distinct_id": "b", "dry_run": "yes"}, "dry_run"),
    ],
)
def test_bad_input_names_the_field(project: ProjectClient, body: Any, attr: str | None) -> None:
    person, other = make_listed(project, "a"), make_listed(project, "b")

    response = merge(project, person, body)

    assert (response.status_code, response.json()["attr"]) == (400, attr)
    assert (listed(project, "a"), listed(project, "b")) == (person, other)


def test_persons_of_other_projects_are_out_of_reach(
    project: ProjectClient, other_project: ProjectClient
) -> None:
    mine, theirs = make_listed(project, "a"), make_listed(other_project, "b")

    assert merge(project, theirs, {"distinct_id": "a"}).status_code == 404
    assert merge(project, mine, {"person_id": theirs["uuid"]}).status_code == 400
    assert merge(project, mine, {"distinct_id": "b"}).status_code == 400
    reader = project.new_key("person:read")
    url = f"{project.persons_url}{mine['uuid']}/merge/"
    assert project.post(url, {"distinct_id": "b"}, key=reader).status_code == 403
