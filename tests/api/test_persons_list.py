"""``GET /api/projects/{project_id}/persons/``"""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from core.models import Cohort, CohortMember, Person, PersonDistinctId
from tests.clients import ProjectClient, bearer, event


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


def new_cohort(project: ProjectClient, *distinct_ids: str, deleted: bool = False) -> int:
    """A static cohort of these persons."""
    cohort = Cohort.objects.for_project(project.id).create(
        project=project.project, name="c", is_static=True, deleted=deleted
    )
    members = PersonDistinctId.objects.for_project(project.id).filter(distinct_id__in=distinct_ids)
    for person_id in members.values_list("person_id", flat=True):
        CohortMember.objects.for_project(project.id).create(
            project=project.project, cohort=cohort, person_id=person_id
        )
    return cohort.pk


def test_the_total_is_counted_when_the_parameter_is_there_whatever_its_value(project: ProjectClient) -> None:
    three_persons(project)

    for total in ("include_total", "include_total=false", "include_total=true"):
        for page in ("", "&limit=1", "&limit=3", "&offset=2", "&offset=3", "&offset=99&limit=2"):
            assert project.get(f"{project.persons_url}?{total}{page}").json()["count"] == 3
    assert project.get(project.persons_url, include_total="", email="a@example.org").json()["count"] == 1
    assert project.get(project.persons_url, include_total="", distinct_id="nobody").json()["count"] == 0
    assert "count" not in project.get(project.persons_url).json()


def test_the_total_does_not_count_who_is_hidden(project: ProjectClient) -> None:
    three_persons(project)
    Person.objects.for_project(project.id).update(created_at="2200-01-01T00:00:00Z")

    assert project.get(project.persons_url, include_total="", limit=1, offset=1).json()["count"] == 0


def test_links_keep_every_other_parameter(project: ProjectClient) -> None:
    three_persons(project)

    page = project.get(f"{project.persons_url}?include_total&limit=1&offset=1&x=%26").json()

    for link, offset in ((page["next"], "2"), (page["previous"], "0")):
        assert parse_qs(urlsplit(link).query, keep_blank_values=True) == {
            "include_total": [""],
            "limit": ["1"],
            "offset": [offset],
            "x": ["&"],
        }


def test_previous_is_null_when_less_than_a_page_was_skipped(project: ProjectClient) -> None:
    three_persons(project)

    assert project.get(project.persons_url, limit=2, offset=1).json()["previous"] is None


def test_persons_of_the_same_instant_come_once_each_however_they_are_paged(project: ProjectClient) -> None:
    project.capture(*(event("x", f"u{n}", timestamp="2026-01-01T00:00:00Z") for n in range(20)))

    seen: list[str] = []
    url: str | None = f"{project.persons_url}?limit=3"
    while url is not None:
        page = project.get(url)
        seen += ids(page)
        url = page.json()["next"]

    assert sorted(seen) == sorted(f"u{n}" for n in range(20))


def test_only_members_of_a_cohort(project: ProjectClient) -> None:
    three_persons(project)
    cohort = new_cohort(project, "a", "c")

    assert ids(project.get(project.persons_url, cohort=cohort)) == ["c", "a"]
    assert ids(project.get(project.persons_url, cohort=cohort, distinct_id="a")) == ["a"]
    assert ids(project.get(project.persons_url, cohort=cohort, distinct_id="b")) == []
    assert project.get(project.persons_url, cohort=cohort, limit=1, include_total="").json()["count"] == 2
    assert len(ids(project.get(project.persons_url, cohort=""))) == 3


def test_a_cohort_that_the_project_does_not_have_is_refused(
    project: ProjectClient, other_project: ProjectClient
) -> None:
    other_project.capture(event("x", "u"))
    wrong = [new_cohort(project, deleted=True), new_cohort(other_project, "u"), 10**9, 10**30, -1, "x", "1.5"]

    for cohort in wrong:
        response = project.get(project.persons_url, cohort=cohort)

        assert (response.status_code, response.json()["attr"]) == (400, "cohort"), cohort


def test_persons_are_not_created_here(project: ProjectClient) -> None:
    for url in (project.persons_url, f"/api/environments/{project.id}/persons", "/api/person"):
        response = project.post(
            url, {"properties": {}}, key=project.new_key("person:write", projects=[project.id])
        )

        assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")
        assert "sending events" in response.json()["detail"]


def test_the_legacy_root_lists_the_current_project(project: ProjectClient) -> None:
    three_persons(project)
    key = project.new_key("person:read", projects=[project.id])

    page = project.get("/api/person/", key=key, limit=1)

    assert ids(page) == ["c"]
    assert urlsplit(page.json()["next"]).path == "/api/person/"


def test_a_key_needs_person_read(project: ProjectClient) -> None:
    refused = project.get(project.persons_url, key=project.new_key("cohort:read"))

    assert (refused.status_code, refused.json()["detail"]) == (
        403, "API key missing required scope 'person:read'",
    )  # fmt: skip
    assert project.get(project.persons_url, key=project.new_key("person:read")).status_code == 200
    assert project.http.get(project.persons_url).status_code == 401


def test_options_are_told(project: ProjectClient) -> None:
    assert project.http.options(project.persons_url, headers=bearer(project.key)).status_code == 200
