"""``GET …/activity_log/``: everything that was done in a project."""

import base64
from typing import Any
from uuid import uuid4

import pytest

from core.models import ActivityEntry, User
from core.services.record_activity import Activity, record_activity
from tests.clients import ProjectClient, bearer
from tests.persons import NOBODY, make_person, refusal


def url(project: ProjectClient) -> str:
    return f"/api/projects/{project.id}/activity_log/"


def feed(project: ProjectClient, path: str | None = None, **params: Any) -> dict[str, Any]:
    response = project.get(path or url(project), **params)
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


def note(project: ProjectClient, *items: int, scope: str = "Cohort", by: str | None = None) -> None:
    """Entries, the last one the newest."""
    user_id = User.objects.get(email=by).pk if by else None
    for item in items:
        record_activity(project_id=project.id, user_id=user_id, activities=[Activity(scope, "updated", item)])


def place(text: str) -> str:
    """The cursor for what is after this place."""
    return base64.urlsafe_b64encode(f">{text}".encode()).decode()


def items(page: dict[str, Any]) -> list[str]:
    return [row["item_id"] for row in page["results"]]


def test_what_is_done_is_told_with_who_did_it(project: ProjectClient) -> None:
    person = make_person(project, "ada")
    project.post(f"{project.persons_url}{person['uuid']}/update_property/", {"key": "plan", "value": "paid"})
    project.post(f"/api/projects/{project.id}/cohorts/", {"name": "Beta", "is_static": True})
    project.http.patch(f"/api/projects/{project.id}/", json={"name": "Shop"}, headers=bearer(project.key))
    owner = User.objects.get(email=project.owner)

    rows = feed(project)["results"]

    assert [(row["scope"], row["activity"]) for row in rows] == [
        ("Project", "updated"),
        ("Cohort", "created"),
        ("Person", "updated"),
    ]
    assert rows[1] == {
        "id": rows[1]["id"],
        "user": {
            "id": owner.pk,
            "uuid": str(owner.uuid),
            "distinct_id": str(owner.uuid),
            "first_name": "",
            "last_name": "",
            "email": project.owner,
            "is_email_verified": None,
            "hedgehog_config": None,
            "role_at_organization": None,
        },
        "unread": False,
        "organization_id": str(project.project.organization_id),
        "was_impersonated": False,
        "is_system": False,
        "activity": "created",
        "item_id": rows[1]["item_id"],
        "scope": "Cohort",
        "detail": {"changes": None, "trigger": None, "type": None, "name": "Beta", "short_id": None},
        "created_at": rows[1]["created_at"],
    }


def test_what_the_system_did_has_no_user(project: ProjectClient) -> None:
    note(project, 1)

    (row,) = feed(project)["results"]

    assert (row["user"], row["is_system"]) == (None, True)


@pytest.mark.parametrize("ordering", ["-created_at", "created_at"])
def test_pages_are_walked_forth_and_back_while_entries_come(project: ProjectClient, ordering: str) -> None:
    note(project, *range(7))
    expected = [str(item) for item in range(7)]
    if ordering == "-created_at":
        expected.reverse()

    first = feed(project, ordering=ordering, page_size=3)
    if ordering == "-created_at":
        note(project, 99)
    second = feed(project, first["next"])
    third = feed(project, second["next"])

    assert (items(first), items(second), items(third)) == (expected[:3], expected[3:6], expected[6:])
    assert (first["previous"], third["next"], set(first)) == (None, None, {"next", "previous", "results"})
    back = feed(project, third["previous"])
    assert items(back) == expected[3:6]
    assert items(feed(project, back["next"])) == expected[6:]
    start = feed(project, back["previous"])
    assert items(start) == expected[:3]
    # The one that came meanwhile.
    assert (start["previous"] is not None) == (ordering == "-created_at")


def test_entries_of_one_moment_are_told_once(project: ProjectClient) -> None:
    note(project, *range(5))
    moment = ActivityEntry.objects.for_project(project.id).earliest("created_at").created_at
    ActivityEntry.objects.for_project(project.id).update(created_at=moment)

    page, seen = feed(project, page_size=2), []
    seen += items(page)
    while page["next"]:
        page = feed(project, page["next"])
        seen += items(page)

    assert sorted(seen) == ["0", "1", "2", "3", "4"]


def test_pages_by_number_are_counted(project: ProjectClient) -> None:
    note(project, *range(5))

    first = feed(project, page=1, page_size=2, scope="Cohort")
    third = feed(project, feed(project, first["next"])["next"])

    assert (first["count"], items(first), first["previous"]) == (5, ["4", "3"], None)
    assert (items(third), third["next"]) == (["0"], None)
    assert items(feed(project, third["previous"])) == ["2", "1"]
    beyond = feed(project, page=10**17)
    assert (beyond["count"], beyond["results"], beyond["next"]) == (5, [], None)


def test_filters_combine(project: ProjectClient) -> None:
    note(project, 1, by=project.owner)
    note(project, 1, 2, scope="Person")
    note(project, 3, scope="Project", by=project.owner)
    owner = str(User.objects.get(email=project.owner).uuid)

    assert items(feed(project, scope="Person")) == ["2", "1"]
    assert items(feed(project, scopes="Person, Project")) == ["3", "2", "1"]
    assert items(feed(project, scope="Cohort", scopes="Project")) == ["3", "1"]
    assert items(feed(project, item_id="1")) == ["1", "1"]
    assert items(feed(project, user=owner)) == ["3", "1"]
    assert items(feed(project, user=owner, scope="Cohort", item_id="1")) == ["1"]
    assert items(feed(project, user=str(uuid4()))) == []
    assert items(feed(project, scope="Nothing")) == []


def test_a_place_in_another_project_opens_nothing(
    project: ProjectClient, other_project: ProjectClient
) -> None:
    note(project, 1, 2, 3)
    note(other_project, 7)
    cursor = feed(project, page_size=1)["next"].partition("cursor=")[2]

    found = other_project.http.get(
        f"{url(other_project)}?cursor={cursor}", headers=bearer(other_project.key)
    ).json()

    assert set(items(found)) <= {"7"}
    assert items(feed(project)) == ["3", "2", "1"]


@pytest.mark.parametrize(
    ("params", "attr"),
    [
        ({"user": "x"}, "user"),
        ({"ordering": "id"}, "ordering"),
        ({"page": "0"}, "page"),
        ({"page": "x"}, "page"),
        ({"page_size": "-1"}, "page_size"),
        ({"cursor": "x"}, "cursor"),
        ({"cursor": "PjE="}, "cursor"),
        ({"cursor": "ä"}, "cursor"),
        # A moment, and no uuid; a moment before all moments of UTC, and a uuid.
        ({"cursor": place("2026-01-01T00:00:00+00:00 x")}, "cursor"),
        ({"cursor": place(f"0001-01-01T00:00:00+14:00 {NOBODY[0][0]}")}, "cursor"),
        ({"cursor": place(f"2026-01-01T00:00:00 {NOBODY[0][0]}")}, "cursor"),
        ({"scope": "a\0"}, "scope"),
        ({"scopes": "a,\0"}, "scopes"),
        ({"item_id": "\0"}, "item_id"),
    ],
    ids=str,
)
def test_mistakes_name_the_parameter(project: ProjectClient, params: dict[str, str], attr: str) -> None:
    refused = project.get(url(project), **params)

    assert refusal(refused) == (400, "validation_error", "invalid_input", attr)
