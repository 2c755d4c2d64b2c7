"""``GET …/persons/properties/``"""

import pytest

from core.selectors import property_values, waiting_rows
from core.selectors.property_values import Counted
from tests.clients import ProjectClient, event, settle
from tests.persons import make_person, refusal, send


def properties(project: ProjectClient) -> list[tuple[str, int]]:
    """Names and counts, without the one that the server adds to each person."""
    response = project.get(f"{project.persons_url}properties/")
    assert response.status_code == 200
    return [(one["name"], one["count"]) for one in response.json() if one["name"] != "$creator_event_uuid"]


@pytest.mark.parametrize("delivered", [False, True])
def test_the_most_frequent_comes_first_ties_by_name(project: ProjectClient, delivered: bool) -> None:
    project.capture(
        event("a", "1", properties={"$set": {"plan": "x", "a.b": 1, "é": None, "": 0}}),
        event("a", "2", properties={"$set": {"plan": "y", "%": {"nested": 1}}}),
    )
    if delivered:
        settle()

    assert properties(project) == [("plan", 2), ("", 1), ("%", 1), ("a.b", 1), ("é", 1)]


def test_what_was_written_is_seen_at_once(project: ProjectClient) -> None:
    person = make_person(project, "a", plan="x")
    another = make_person(project, "b", plan="x")
    settle()

    project.post(f"{project.persons_url}{person['uuid']}/update_property/", {"key": "new", "value": 1})
    assert properties(project) == [("plan", 2), ("new", 1)]
    project.delete(f"{project.persons_url}{another['uuid']}/")
    assert properties(project) == [("new", 1), ("plan", 1)]
    settle()
    assert properties(project) == [("new", 1), ("plan", 1)]


def test_postgresql_alone_gives_the_same(project: ProjectClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked when ClickHouse is away or far behind; here nothing may wait."""
    make_person(project, "a", plan="x", é=1)
    monkeypatch.setattr(waiting_rows, "MOST_WAITING_BYTES", -1)

    found = property_values.property_names(project.id)

    assert found == [Counted("$creator_event_uuid", 1), Counted("plan", 1), Counted("é", 1)]


def test_names_come_as_csv_too(project: ProjectClient) -> None:
    make_person(project, "a", plan="x")

    response = project.get(f"{project.persons_url}properties/", format="csv")

    assert response.text == "count,name\r\n1,$creator_event_uuid\r\n1,plan\r\n"


def test_nobody_has_none(project: ProjectClient, other_project: ProjectClient) -> None:
    make_person(other_project, "a", plan="x")

    assert project.get(f"{project.persons_url}properties/").json() == []


def test_a_key_of_another_kind_is_refused(project: ProjectClient) -> None:
    response = send(project, "GET", f"{project.persons_url}properties/", key=project.new_key("cohort:read"))

    assert refusal(response) == (403, "authentication_error", "permission_denied", None)
