"""Persons as CSV: the whole list by ``format``, suffix or ``Accept``, and single persons."""

import csv
import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.clients import ProjectClient, bearer, event


def get(project: ProjectClient, **params: Any) -> httpx.Response:
    return project.get(project.persons_url, format="csv", **params)


def rows(response: httpx.Response) -> list[dict[str, str]]:
    assert (response.status_code, response.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    return list(csv.DictReader(io.StringIO(response.text, newline="")))


def two_persons(project: ProjectClient) -> None:
    """``b`` is the newer one."""
    project.capture(
        event("x", "a", uuid=UUID, timestamp="2026-01-01T00:00:00Z", properties={"$set": {"plan": "team"}}),
        event("x", "b", uuid=UUID, timestamp="2026-01-02T00:00:00Z", properties={"$set": {"age": 7}}),
    )


UUID = "00000000-0000-4000-8000-000000000001"


def test_two_persons_make_exactly_three_lines(project: ProjectClient) -> None:
    two_persons(project)
    a, b = project.person("a"), project.person("b")
    assert a is not None
    assert b is not None

    response = get(project)

    assert response.content.decode() == (
        "created_at,distinct_ids.0,id,is_identified,last_seen_at,name,"
        "properties.$creator_event_uuid,properties.age,properties.plan,type,uuid,value_at_data_point\r\n"
        f"2026-01-02T00:00:00Z,b,{b['uuid']},False,2026-01-02T00:00:00Z,b,{UUID},7,,person,{b['uuid']},\r\n"
        f"2026-01-01T00:00:00Z,a,{a['uuid']},False,2026-01-01T00:00:00Z,a,{UUID},,team,person,{a['uuid']},\r\n"
    )


@pytest.mark.parametrize(
    ("value", "cells"),
    [
        ("plain", {"properties.k": "plain"}),
        ("a,b", {"properties.k": '"a,b"'}),
        ('say "x"', {"properties.k": '"say ""x"""'}),
        ("two\nlines", {"properties.k": '"two\nlines"'}),
        ("two\rlines", {"properties.k": '"two\rlines"'}),
        (" ünï-😀 ", {"properties.k": " ünï-😀 "}),
        ("'; =1+1", {"properties.k": "'; =1+1"}),
        ("", {"properties.k": ""}),
        (None, {"properties.k": ""}),
        (True, {"properties.k": "True"}),
        (False, {"properties.k": "False"}),
        (0, {"properties.k": "0"}),
        (1.5, {"properties.k": "1.5"}),
        (12345678901234567890, {"properties.k": "12345678901234567890"}),
        ([], {}),
        ({}, {}),
        (
            ["a", {"b": [None, 1]}],
            {"properties.k.0": "a", "properties.k.1.b.0": "", "properties.k.1.b.1": "1"},
        ),
        ({"a": {"b": 1}, "c": []}, {"properties.k.a.b": "1"}),
    ],
)
def test_values_are_flattened_and_quoted_only_when_needed(
    project: ProjectClient, value: Any, cells: dict[str, str]
) -> None:
    project.capture(event("$set", "u", properties={"$set": {"k": value}}))
    person = project.person("u")
    assert person is not None

    text = get(project).content.decode()

    header = [
        "created_at", "distinct_ids.0", "id", "is_identified", "last_seen_at", "name",
        "properties.$creator_event_uuid", *cells, "type", "uuid", "value_at_data_point",
    ]  # fmt: skip
    line = [
        person["created_at"], "u", person["id"], "False", person["last_seen_at"], "u",
        person["properties"]["$creator_event_uuid"], *cells.values(), "person", person["id"], "",
    ]  # fmt: skip
    assert text == ",".join(header) + "\r\n" + ",".join(line) + "\r\n"


def test_odd_names_of_properties_are_columns(project: ProjectClient) -> None:
    names = ["", "a,b", 'a"b', "a\nb", "ä", "a.b"]
    project.capture(event("x", "u", properties={"$set": {name: f"v{n}" for n, name in enumerate(names)}}))

    (row,) = rows(get(project))

    assert {name: row[f"properties.{name}"] for name in names} == {
        name: f"v{n}" for n, name in enumerate(names)
    }


def test_columns_are_sorted_by_code_point(project: ProjectClient) -> None:
    merges = [event("$identify", "main", properties={"$anon_distinct_id": f"anon-{n}"}) for n in range(11)]
    project.capture(*merges, event("$set", "main", properties={"$set": {"B": 1, "a": 1, "é": 1}}))

    header = get(project).text.split("\r\n")[0].split(",")

    assert header == sorted(header)
    assert header.index("distinct_ids.10") < header.index("distinct_ids.2")


def test_deeply_nested_values_are_no_problem(project: ProjectClient) -> None:
    deep: Any = 1
    for _ in range(150):
        deep = [deep]
    project.capture(event("x", "u", properties={"$set": {"k": deep}}))

    (row,) = rows(get(project))

    assert row["properties.k" + ".0" * 150] == "1"


def test_no_persons_make_an_empty_body(project: ProjectClient) -> None:
    response = get(project)

    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["content-type"] == "text/csv; charset=utf-8"


def test_pages_do_not_matter_and_filters_do(project: ProjectClient) -> None:
    project.capture(*(event("x", f"u{n}", properties={"$set": {"email": f"{n}@x"}}) for n in range(150)))

    assert len(rows(get(project))) == 150
    assert len(rows(get(project, limit=1, offset=149))) == 150
    assert len(rows(get(project, limit="x", offset=-1))) == 150
    assert [row["name"] for row in rows(get(project, distinct_id="u7"))] == ["7@x"]
    assert [row["distinct_ids.0"] for row in rows(get(project, email="9@x"))] == ["u9"]


def test_it_can_be_asked_for_in_three_ways(project: ProjectClient) -> None:
    two_persons(project)
    expected = get(project).content
    key = project.new_key("person:read", projects=[project.id])
    accept = {**bearer(key), "Accept": "text/csv"}
    base = f"/api/projects/{project.id}/persons"

    for url in (
        f"{base}.csv",
        f"{base}.csv/",
        f"/api/environments/{project.id}/persons.csv",
        "/api/person.csv",
    ):
        assert project.get(url, key=key).content == expected
    assert project.http.get(project.persons_url, headers=accept).content == expected
    assert project.http.get("/api/person/?format=csv", headers=bearer(key)).content == expected


@pytest.mark.parametrize(
    "accept", ["*/*", "application/json", "text/csv;q=0.1, application/json", "text/*;q=0"]
)
def test_json_is_the_default(project: ProjectClient, accept: str) -> None:
    two_persons(project)
    headers = {**bearer(project.key), "Accept": accept}

    response = project.http.get(project.persons_url, headers=headers)

    if accept != "text/*;q=0":
        assert len(response.json()["results"]) == 2
    else:
        assert response.status_code in (200, 406)


def test_the_format_beats_the_accept_header(project: ProjectClient) -> None:
    two_persons(project)
    headers = {**bearer(project.key), "Accept": "text/csv"}

    for url in (f"{project.persons_url}?format=json", f"/api/projects/{project.id}/persons.json"):
        assert len(project.http.get(url, headers=headers).json()["results"]) == 2
    headers["Accept"] = "application/json"
    for url in (f"{project.persons_url}?format=csv", f"/api/projects/{project.id}/persons.csv"):
        assert len(rows(project.http.get(url, headers=headers))) == 2


@pytest.mark.parametrize(
    "url", ["persons/?format=xml", "persons.xml", "persons/?format=CSV", "persons.csv.csv"]
)
def test_an_unknown_format_is_404(project: ProjectClient, url: str) -> None:
    response = project.get(f"/api/projects/{project.id}/{url}")

    assert (response.status_code, response.json()["code"]) == (404, "not_found")


def test_what_cannot_be_served_is_406(project: ProjectClient) -> None:
    response = project.http.get(
        project.persons_url, headers={**bearer(project.key), "Accept": "application/xml"}
    )

    assert (response.status_code, response.json()) == (
        406,
        {
            "type": "invalid_request",
            "code": "not_acceptable",
            "detail": "Could not satisfy the request Accept header.",
            "attr": None,
        },
    )


def test_caches_are_told_not_to_keep_it(project: ProjectClient) -> None:
    two_persons(project)
    single = f"{project.persons_url}{rows(get(project))[0]['id']}"

    for response in (get(project), project.get(single, format="csv")):
        assert "no-store" in response.headers["cache-control"]
        assert response.headers["vary"] == "Accept"


def test_a_single_person_is_a_header_and_a_row(project: ProjectClient) -> None:
    two_persons(project)
    person = project.person("b")
    assert person is not None
    full = project.get(f"{project.persons_url}{person['id']}").json()

    response = project.get(f"{project.persons_url}{person['id']}", format="csv")

    assert response.content.decode() == (
        "created_at,distinct_ids.0,id,last_seen_at,name,"
        "properties.$creator_event_uuid,properties.age,uuid\r\n"
        f"2026-01-02T00:00:00Z,b,{full['id']},2026-01-02T00:00:00Z,b,{UUID},7,{full['uuid']}\r\n"
    )


def test_whatever_is_only_read_has_it(project: ProjectClient) -> None:
    two_persons(project)
    uuid = rows(get(project))[0]["id"]
    project.post(f"{project.persons_url}{uuid}/delete_events/")

    (receipt,) = rows(project.get(f"{project.persons_url}deletion_status/", format="csv"))
    (past,) = rows(
        project.get(
            f"{project.persons_url}properties_at_time/", format="csv", person_id=uuid, timestamp="2030-01-01"
        )
    )

    assert receipt["person_uuid"] == uuid
    assert past["point_in_time_metadata.person_id_used"] == uuid


def test_errors_stay_json(project: ProjectClient, other_project: ProjectClient) -> None:
    headers = {"Accept": "text/csv"}
    cases = [
        (project.http.get(project.persons_url, headers=headers), 401, None),
        (project.get(f"{project.persons_url}x", format="csv"), 400, None),
        (project.get(f"{project.persons_url}999999999999", format="csv"), 404, None),
        (get(project, cohort="x"), 400, "cohort"),
        (get(project, distinct_id="a\0"), 400, "distinct_id"),
        (project.get(other_project.persons_url, format="csv"), 403, None),
        (project.post(f"{project.persons_url}?format=csv", {}), 405, None),
    ]

    for response, status, attr in cases:
        assert (response.status_code, response.headers["content-type"]) == (status, "application/json")
        assert response.json().keys() == {"type", "code", "detail", "attr"}
        assert response.json()["attr"] == attr


def test_other_projects_are_out_of_sight(project: ProjectClient, other_project: ProjectClient) -> None:
    two_persons(other_project)
    project.capture(event("x", "mine"))

    assert [row["distinct_ids.0"] for row in rows(get(project))] == ["mine"]


def test_a_table_of_many_columns_is_refused(project: ProjectClient) -> None:
    wide = {f"k{n}": 1 for n in range(20_001)}
    project.capture(event("x", "u", properties={"$set": wide}))

    response = get(project)

    assert response.status_code == 400
    assert "columns" in response.json()["detail"]
    person = project.person("u")
    assert person is not None
    single = rows(project.get(f"{project.persons_url}{person['id']}", format="csv"))
    assert [row["properties.k20000"] for row in single] == ["1"]


def test_clients_that_stop_reading_hold_up_nobody(project: ProjectClient) -> None:
    """Each has one of the answers open, more of them than there are connections or places for gathering."""
    wide = {f"k{n}": "x" * 1000 for n in range(100)}
    project.capture(*(event("x", f"u{n}", properties={"$set": wide}) for n in range(30)))
    streams = [
        project.http.stream("GET", f"{project.persons_url}?format=csv", headers=bearer(project.key))
        for _ in range(60)
    ]
    answers = [stream.__enter__() for stream in streams]

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: project.get(project.persons_url, limit=1).status_code, range(40)))

    assert statuses == [200] * 40
    assert {answer.status_code for answer in answers} <= {200, 503}
    for stream in streams:
        stream.__exit__(None, None, None)
