"""``GET …/persons/activity/`` and ``GET …/persons/{id}/activity/``"""

from typing import Any

import pytest

from core.models import ActivityEntry
from core.services.record_activity import Activity, record_activity
from tests.clients import ProjectClient
from tests.persons import NOBODY, make_person, refusal, send


def update(project: ProjectClient, person: dict[str, Any]) -> None:
    body = {"key": "k", "value": 1}
    assert project.post(f"{project.persons_url}{person['uuid']}/update_property/", body).status_code == 202


def delete(project: ProjectClient, person: dict[str, Any]) -> None:
    assert project.delete(f"{project.persons_url}{person['uuid']}/").status_code == 202


def test_an_entry_tells_who_did_what(project: ProjectClient) -> None:
    person = make_person(project, "a")
    delete(project, person)

    (entry,) = project.get(f"{project.persons_url}activity/").json()["results"]

    stored = ActivityEntry.objects.for_project(project.id).get()
    assert entry == {
        "id": str(stored.id),
        "user": {"first_name": "", "email": project.owner},
        "activity": "deleted",
        "scope": "Person",
        "item_id": str(person["id"]),
        "detail": {
            "changes": None,
            "trigger": None,
            "type": None,
            "name": person["uuid"],
            "short_id": None,
        },
        "created_at": stored.created_at.isoformat().replace("+00:00", "Z"),
    }


def test_what_nobody_did_was_done_by_the_system(project: ProjectClient) -> None:
    record_activity(project_id=project.id, user_id=None, activities=[Activity("Person", "updated", 1)])

    (entry,) = project.get(f"{project.persons_url}activity/").json()["results"]

    assert entry["user"] == {"first_name": "System", "email": None, "is_system": True}


def test_pages_are_linked_and_the_newest_comes_first(project: ProjectClient) -> None:
    first, second = make_person(project, "a"), make_person(project, "b")
    for person in (first, second, first):
        update(project, person)
    url = f"{project.persons_url}activity/"

    pages = [project.get(url, limit=2, page=page).json() for page in (1, 2)]

    ids = [[entry["item_id"] for entry in page["results"]] for page in pages]
    assert ids == [[str(first["id"]), str(second["id"])], [str(first["id"])]]
    assert [page["total_count"] for page in pages] == [3, 3]
    base = f"{project.http.base_url}{url}?limit=2&page="
    assert [(page["next"], page["previous"]) for page in pages] == [(f"{base}2", None), (None, f"{base}1")]
    assert project.get(pages[0]["next"]).json() == pages[1]


def test_links_name_page_and_limit_and_keep_the_rest(project: ProjectClient) -> None:
    record_activity(project_id=project.id, user_id=None, activities=[Activity("Person", "x", 1)] * 11)

    page = project.get(f"/api/environments/{project.id}/persons/activity", x="é").json()

    assert len(page["results"]) == 10
    assert page["next"].endswith(f"/api/environments/{project.id}/persons/activity?x=%C3%A9&page=2&limit=10")


def test_a_page_past_the_end_is_empty(project: ProjectClient) -> None:
    update(project, make_person(project, "a"))

    for page in (2, 10**30):
        answer = project.get(f"{project.persons_url}activity/", page=page)
        assert (answer.status_code, answer.json()["results"], answer.json()["total_count"]) == (200, [], 1)
        assert answer.json()["next"] is None


def test_a_person_has_its_own_entries_by_uuid_and_by_pk(project: ProjectClient) -> None:
    person, another = make_person(project, "a"), make_person(project, "b")
    update(project, person)
    update(project, another)

    for person_id in (person["uuid"], person["id"]):
        page = project.get(f"{project.persons_url}{person_id}/activity/").json()
        assert [entry["item_id"] for entry in page["results"]] == [str(person["id"])]
        assert page["total_count"] == 1


def test_a_deleted_person_has_none_but_the_project_keeps_them(project: ProjectClient) -> None:
    person = make_person(project, "a")
    update(project, person)
    delete(project, person)

    assert project.get(f"{project.persons_url}{person['uuid']}/activity/").status_code == 404
    entries = project.get(f"{project.persons_url}activity/").json()["results"]
    assert [entry["activity"] for entry in entries] == ["deleted", "updated"]


def test_entries_come_as_csv_too(project: ProjectClient) -> None:
    person = make_person(project, "a")
    delete(project, person)

    response = project.get(f"{project.persons_url}activity/", format="csv")

    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    header, row = response.text.splitlines()
    cells = dict(zip(header.split(","), row.split(","), strict=True))
    assert (cells["activity"], cells["detail.name"]) == ("deleted", person["uuid"])


def test_other_scopes_are_not_shown(project: ProjectClient) -> None:
    record_activity(project_id=project.id, user_id=None, activities=[Activity("Cohort", "created", 1)])

    assert project.get(f"{project.persons_url}activity/").json()["total_count"] == 0


@pytest.mark.parametrize("name", ["limit", "page"])
@pytest.mark.parametrize("value", ["0", "-1", "x", "1.5"])
def test_numbers_below_one_are_refused(project: ProjectClient, name: str, value: str) -> None:
    person = make_person(project, "a")

    for path in ("activity/", f"{person['uuid']}/activity/"):
        response = project.get(f"{project.persons_url}{path}", **{name: value})
        assert refusal(response) == (400, "validation_error", "invalid_input", name)


@pytest.mark.parametrize(("person_id", "status"), NOBODY)
def test_who_does_not_exist_has_none(project: ProjectClient, person_id: str, status: int) -> None:
    assert project.get(f"{project.persons_url}{person_id}/activity/").status_code == status


def test_nobody_elses_activity_is_shown(project: ProjectClient, other_project: ProjectClient) -> None:
    person = make_person(other_project, "a")
    update(other_project, person)

    assert project.get(f"{project.persons_url}activity/").json()["results"] == []
    assert project.get(f"{project.persons_url}{person['uuid']}/activity/").status_code == 404


def test_a_key_needs_a_scope_of_its_own(project: ProjectClient) -> None:
    path = f"{project.persons_url}activity/"

    response = send(project, "GET", path, key=project.new_key("person:write"))
    assert refusal(response) == (403, "authentication_error", "permission_denied", None)
    assert "activity_log:read" in response.json()["detail"]
    assert send(project, "GET", path, key=project.new_key("activity_log:read")).status_code == 200
