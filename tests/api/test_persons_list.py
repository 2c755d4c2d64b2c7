"""``GET /api/projects/{project_id}/persons/``"""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.clients import ProjectClient, event


def three_persons(project: ProjectClient) -> None:
    """``c`` is the newest; ``a`` and ``b`` were made at the same instant."""
    project.capture(
        event("x", "a", timestamp="2026-01-01T00:00:00Z", properties={"$set": {"email": "a@example.org"}}),
        event("x", "b", timestamp="2026-01-01T00:00:00Z", properties={"$set": {"email": "b@example.org"}}),
        event("x", "c", timestamp="2026-01-02T00:00:00Z"),
    )


def ids(response: Any) -> list[str]:
    return [row["distinct_ids"][0] for row in response.json()["results"]]


def test_a_new_project_has_no_persons(project: ProjectClient) -> None:
    response = project.get(project.persons_url)

    assert (response.status_code, response.json()) == (200, {"results": [], "next": None, "previous": None})


def test_newest_first_and_ties_by_uuid(project: ProjectClient) -> None:
    three_persons(project)

    rows = project.get(project.persons_url).json()["results"]

    assert rows[0]["distinct_ids"] == ["c"]
    assert rows[1]["uuid"] > rows[2]["uuid"]
    assert all(row["id"] == row["uuid"] for row in rows)


@pytest.mark.parametrize("spelling", ["projects", "environments"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_pages_follow_each_other_to_the_end_and_back(
    project: ProjectClient, spelling: str, slash: str
) -> None:
    three_persons(project)
    url = f"/api/{spelling}/{project.id}/persons{slash}"

    first = project.get(url, limit=2).json()
    second = project.get(first["next"]).json()

    assert (len(first["results"]), len(second["results"])) == (2, 1)
    assert {row["id"] for row in first["results"]}.isdisjoint(row["id"] for row in second["results"])
    assert (first["previous"], second["next"]) == (None, None)
    assert urlsplit(first["next"]).path == url
    assert parse_qs(urlsplit(first["next"]).query) == {"limit": ["2"], "offset": ["2"]}
    assert parse_qs(urlsplit(second["previous"]).query) == {"limit": ["2"], "offset": ["0"]}


def test_next_is_null_when_the_last_page_is_full(project: ProjectClient) -> None:
    three_persons(project)

    assert project.get(project.persons_url, limit=3).json()["next"] is None


def test_limit_is_not_added_to_links_when_the_caller_did_not_send_it(project: ProjectClient) -> None:
    project.capture(*(event("x", f"u{n}") for n in range(101)))

    page = project.get(project.persons_url).json()

    assert len(page["results"]) == 100
    assert parse_qs(urlsplit(page["next"]).query) == {"offset": ["100"]}


def test_distinct_id_is_matched_exactly_and_by_any_of_the_persons_ids(project: ProjectClient) -> None:
    project.capture(event("$identify", "user", properties={"$anon_distinct_id": "anon"}), event("x", "user2"))

    assert ids(project.get(project.persons_url, distinct_id="anon")) == ["user"]
    assert ids(project.get(project.persons_url, distinct_id="use")) == []
    assert ids(project.get(project.persons_url, distinct_id="")) == []


@pytest.mark.parametrize(
    "distinct_id", ["ünï-😀", "a b", "a/b", "100%", "a+b", '"q"', "\\", "'", "x" * 200, "123", "{}"]
)
def test_odd_distinct_ids_are_found(project: ProjectClient, distinct_id: str) -> None:
    project.capture(event("x", distinct_id), event("x", "somebody else"))

    assert ids(project.get(project.persons_url, distinct_id=distinct_id)) == [distinct_id]


def test_email_is_matched_exactly(project: ProjectClient) -> None:
    three_persons(project)
    project.capture(event("x", "long", properties={"$set": {"email": "l" * 5000}}))

    assert ids(project.get(project.persons_url, email="a@example.org")) == ["a"]
    assert ids(project.get(project.persons_url, email="A@example.org")) == []
    assert ids(project.get(project.persons_url, email="a@example.org", distinct_id="b")) == []
    assert ids(project.get(project.persons_url, email="l" * 5000)) == ["long"]
    assert ids(project.get(project.persons_url, email="l" * 300)) == []


def test_other_projects_are_out_of_sight(project: ProjectClient, other_project: ProjectClient) -> None:
    other_project.capture(event("x", "same", properties={"$set": {"email": "same@example.org"}}))

    assert ids(project.get(project.persons_url)) == []
    assert ids(project.get(project.persons_url, distinct_id="same")) == []
    assert ids(project.get(project.persons_url, email="same@example.org")) == []


def test_a_row_shows_at_most_1000_distinct_ids(project: ProjectClient) -> None:
    merges = [event("$identify", "main", properties={"$anon_distinct_id": f"anon-{n}"}) for n in range(1001)]
    project.capture(*merges)

    person = project.person("main")

    assert person is not None
    assert person["distinct_ids"] == ["main", *(f"anon-{n}" for n in range(999))]


def test_persons_of_a_clock_far_ahead_are_hidden(project: ProjectClient) -> None:
    project.capture(event("x", "u"))
    # Capture believes a clock up to 23 hours ahead, so only a change by other means gets here.
    from core.models import Person

    Person.objects.for_project(project.id).update(created_at="2200-01-01T00:00:00Z")

    assert ids(project.get(project.persons_url)) == []


@pytest.mark.parametrize(
    ("params", "attr"),
    [
        ({"limit": "x"}, "limit"),
        ({"limit": "-1"}, "limit"),
        ({"limit": "10001"}, "limit"),
        ({"limit": "1.5"}, "limit"),
        ({"limit": "9" * 5000}, "limit"),
        ({"offset": "x"}, "offset"),
        ({"offset": "-1"}, "offset"),
        ({"offset": "9" * 30}, "offset"),
        ({"distinct_id": "a\0"}, "distinct_id"),
        ({"email": "a\0"}, "email"),
    ],
)
def test_bad_parameters_are_named(project: ProjectClient, params: dict[str, str], attr: str) -> None:
    response = project.get(project.persons_url, **params)

    assert (response.status_code, response.json()["attr"], response.json()["type"]) == (
        400,
        attr,
        "validation_error",
    )


def test_limit_zero_and_empty_mean_the_default(project: ProjectClient) -> None:
    three_persons(project)

    assert len(ids(project.get(project.persons_url, limit=0))) == 3
    assert len(ids(project.get(project.persons_url, limit="", offset=""))) == 3


def test_the_old_spelling_names_its_successor(project: ProjectClient) -> None:
    response = project.get(f"/api/environments/{project.id}/persons/", limit=5)

    assert response.headers["Deprecation"] == "true"
    assert (
        response.headers["Link"] == f'</api/projects/{project.id}/persons/?limit=5>; rel="successor-version"'
    )
    assert "Deprecation" not in project.get(project.persons_url).headers


def test_a_capture_is_read_back_at_once(project: ProjectClient) -> None:
    for n in range(20):
        project.capture(event("x", "u", properties={"$set": {"n": n}}))

        person = project.person("u")
        assert person is not None
        assert person["properties"]["n"] == n
