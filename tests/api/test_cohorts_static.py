"""Static cohorts: members by ids, by file and by question."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from core.models import Cohort, CohortMember
from core.services.cohorts.purge import purge_deleted
from tests.browser import logged_in
from tests.clients import ProjectClient, bearer, event
from tests.cohorts.cohort_client import (
    calculated,
    dynamic,
    get,
    make,
    member_of,
    patch,
    person,
    persons,
    upload,
    url,
)
from tests.persons import NOBODY, listed, make_listed, refusal, send

UNKNOWN = NOBODY[0][0]


def add(project: ProjectClient, cohort: int, body: Any) -> Any:
    return patch(project, url(project, cohort, "add_persons_to_static_cohort"), body)


def remove(project: ProjectClient, cohort: int, body: Any) -> Any:
    return patch(project, url(project, cohort, "remove_person_from_static_cohort"), body)


def test_members_are_there_with_the_answer(project: ProjectClient) -> None:
    ada, bob = make_listed(project, "ada")["uuid"], make_listed(project, "bob")["uuid"]

    made = make(project, is_static=True, _create_static_person_ids=[ada, bob.upper(), UNKNOWN, ada])

    assert (made["count"], made["is_calculating"], made["is_static"]) == (2, False, True)
    assert persons(project, made["id"]) == ["ada", "bob"]
    assert make(project, is_static=True)["count"] == 0


def test_members_come_and_go(project: ProjectClient) -> None:
    ada, bob = make_listed(project, "ada")["uuid"], make_listed(project, "bob")["uuid"]
    cohort = make(project, is_static=True, name="few")["id"]

    assert add(project, cohort, {"person_ids": [ada, UNKNOWN]}).json() == {"success": True}
    assert add(project, cohort, {"person_ids": [ada, bob]}).json() == {"success": True}
    assert (get(project, cohort)["count"], persons(project, cohort)) == (2, ["ada", "bob"])
    assert remove(project, cohort, {"person_id": ada}).json() == {"success": True}
    assert remove(project, cohort, {"person_id": ada}).json() == {"success": True}
    assert (get(project, cohort)["count"], persons(project, cohort)) == (1, ["bob"])
    shown = project.get(f"{project.persons_url}cohorts/", person_id=bob).json()["results"]
    assert shown == [{"id": cohort, "name": "few", "count": 1}]
    entries = project.get(url(project, cohort, "activity")).json()["results"]
    names = ["person_removed_manually", "persons_added_manually", "persons_added_manually", "created"]
    assert [entry["activity"] for entry in entries] == names
    change = {"type": "Cohort", "action": "changed", "field": None, "before": None, "after": None}
    assert entries[0]["detail"]["changes"] == [change]


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({}, "person_ids must be a list"),
        ({"person_ids": "x"}, "person_ids must be a list"),
        ({"person_ids": []}, "person_ids cannot be empty"),
        ({"person_ids": [UNKNOWN] * 1001}, "List size exceeds limit"),
        ({"person_ids": [UNKNOWN]}, "No valid users to add to cohort"),
    ],
    ids=["absent", "text", "empty", "long", "unknown"],
)
def test_additions_that_are_refused(project: ProjectClient, body: Any, detail: str) -> None:
    cohort = make(project, is_static=True)["id"]

    response = add(project, cohort, body)

    assert refusal(response) == (400, "validation_error", "invalid_input", None)
    assert response.json()["detail"] == detail


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({}, "person_id is required"),
        ({"person_id": 5}, "person_id must be a string"),
        ({"person_id": "x"}, "person_id must be a valid UUID"),
    ],
    ids=["absent", "number", "text"],
)
def test_removals_that_are_refused(project: ProjectClient, body: Any, detail: str) -> None:
    cohort = make(project, is_static=True)["id"]

    response = remove(project, cohort, body)

    assert refusal(response) == (400, "validation_error", "invalid_input", None)
    assert response.json()["detail"] == detail


def test_strangers_are_no_members(project: ProjectClient, other_project: ProjectClient) -> None:
    theirs = make_listed(other_project, "ada")["uuid"]
    cohort = make(project, is_static=True, _create_static_person_ids=[theirs])

    assert cohort["count"] == 0
    assert add(project, cohort["id"], {"person_ids": [theirs]}).status_code == 400
    unknown = remove(project, cohort["id"], {"person_id": theirs})
    assert refusal(unknown) == (404, "invalid_request", "not_found", None)
    assert unknown.json()["detail"] == "Person with this UUID does not exist in the cohort's team"
    make_listed(other_project, "theirs")
    assert upload(project, b"theirs\n").json()["count"] == 0


def test_dynamic_cohorts_are_not_given_members(project: ProjectClient) -> None:
    ada = make_listed(project, "ada")["uuid"]
    cohort = dynamic(project, person("plan", "paid"))["id"]

    assert add(project, cohort, {}).json()["detail"] == "Can only add users to static cohorts"
    assert remove(project, cohort, {}).json()["detail"] == "Can only remove users from static cohorts"
    assert refusal(patch(project, url(project, cohort), {"_create_static_person_ids": [ada]}))[3] == (
        "_create_static_person_ids"
    )
    assert refusal(upload(project, b"ada\n", cohort))[3] == "csv"


def test_members_follow_merges_and_deletions(project: ProjectClient) -> None:
    ada, bob, cyd = (make_listed(project, name)["uuid"] for name in ("ada", "bob", "cyd"))
    cohort = make(project, is_static=True, _create_static_person_ids=[ada, bob])["id"]

    project.post(f"{project.persons_url}{cyd}/merge/", {"distinct_id": "bob"})
    rows = project.get(url(project, cohort, "persons")).json()["results"]
    assert (get(project, cohort)["count"], {row["uuid"] for row in rows}) == (2, {ada, cyd})
    project.delete(f"{project.persons_url}{cyd}/")
    assert (get(project, cohort)["count"], persons(project, cohort)) == (1, ["ada"])


# --- files


@pytest.fixture
def people(project: ProjectClient) -> ProjectClient:
    for name in ("ada", "bob", "0"):
        make_listed(project, name, email=f"{name}@example.org")
    make_listed(project, 'with "quotes", comma', email="Ada@example.org")
    return project


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("ada\nbob\n", ["ada", "bob"]),
        ("ada,\nbob,\n", ["ada", "bob"]),
        ("\n\n \nada\r\n\r\nbob", ["ada", "bob"]),
        ("\ufeffada\nnobody\n", ["ada"]),
        ("0\n", ["0"]),
        ("distinct_id\nada\n", ["ada"]),
        ('  ada  \n"with ""quotes"", comma"\n', ["ada", 'with "quotes", comma']),
        ("email\nada@example.org\n", ["ada"]),
        ("E-Mail\nADA@example.org\nbob@example.org\n", ["bob"]),
        ("name,distinct_id\nx,ada\ny\n,\nz,bob\n", ["ada", "bob"]),
        ("email, Distinct-ID ,x\nbob@example.org,ada,\n", ["ada"]),
        ("name,E-MAIL\nx,bob@example.org\n", ["bob"]),
    ],
    ids=range(12),
)
def test_files(people: ProjectClient, content: str, expected: list[str]) -> None:
    response = upload(people, content.encode())

    assert response.status_code == 201, response.text
    cohort = response.json()
    assert (cohort["count"], cohort["is_calculating"]) == (len(expected), False)
    assert persons(people, cohort["id"]) == sorted(expected)


@pytest.mark.parametrize("header", ["person_id", "Person-Id", "person .id"])
def test_files_of_uuids(people: ProjectClient, header: str) -> None:
    ada, bob = listed(people, "ada"), listed(people, "bob")

    cohort = upload(people, f"{header}\n{ada['uuid']}\n{bob['uuid'].upper()}\nx\n{UNKNOWN}\n".encode()).json()

    assert persons(people, cohort["id"]) == ["ada", "bob"]
    assert cohort["upload"] == {
        "naming": "person_id",
        "rows": 4,
        "done": 4,
        "matched": 2,
        "unmatched": [
            {"row": 4, "value": "x", "reason": "not a uuid"},
            {"row": 5, "value": UNKNOWN, "reason": "no person has this uuid"},
        ],
    }
    kept = people.get(url(people, cohort["id"])).json()["upload"]
    assert kept == {name: value for name, value in cohort["upload"].items() if name != "unmatched"}


def test_every_row_that_did_not_match_is_told(people: ProjectClient) -> None:
    lines = [f"nobody {number}" for number in range(1500)]

    told = upload(people, "\n".join(["ada", *lines, "bob", "ada"]).encode()).json()

    assert (told["count"], told["upload"]["rows"], told["upload"]["matched"]) == (2, 1503, 3)
    assert [(one["row"], one["value"]) for one in told["upload"]["unmatched"]] == list(enumerate(lines, 2))
    assert {one["reason"] for one in told["upload"]["unmatched"]} == {"no person has this distinct id"}


def test_a_file_adds_to_a_cohort(people: ProjectClient) -> None:
    cohort = upload(people, b"ada\n").json()["id"]

    again = upload(people, b"bob\nada\n", cohort)

    assert (again.status_code, again.json()["count"]) == (200, 2)
    assert persons(people, cohort) == ["ada", "bob"]


def test_an_address_that_many_have(project: ProjectClient) -> None:
    for name in ("ada", "bob"):
        make_listed(project, name, email="shared@example.org")

    assert upload(project, b"email\nshared@example.org\n").json()["count"] == 2


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b"", "empty"),
        (b"\n , \n", "empty"),
        (b"name,age\nx,1\n", "at least one column with a supported ID header"),
        (b"name,age\nx,1\n", "name, age"),
        (b"person_id\n\n", "no valid person IDs, distinct IDs, or email addresses"),
        (b"name,email\nx,\n", "no valid person IDs, distinct IDs, or email addresses"),
        (b"a\xff\n", "UTF-8"),
        (b"ada\n" + b"x" * 200_000 + b"\n", "CSV"),
    ],
    ids=range(8),
)
def test_files_that_are_refused(project: ProjectClient, content: bytes, detail: str) -> None:
    response = upload(project, content)

    assert refusal(response) == (400, "validation_error", "invalid_input", "csv"), response.text
    assert detail in response.json()["detail"]
    assert project.get(url(project)).json()["count"] == 0


def test_a_file_that_is_none(project: ProjectClient) -> None:
    response = project.post(url(project), {"is_static": True, "csv": "ada"})

    assert refusal(response) == (400, "validation_error", "invalid_input", "csv")


def test_forms_carry_json_as_text(project: ProjectClient) -> None:
    ada, bob = make_listed(project, "ada")["uuid"], make_listed(project, "bob")["uuid"]

    def send(**form: Any) -> Any:
        return project.http.post(url(project), data=form, headers=bearer(project.key))

    groups = '[{"properties": {"email": "x"}}]'
    assert send(name="a", groups=groups).json()["groups"] == [{"properties": {"email": "x"}}]
    assert send(is_static="True", _create_static_person_ids=[ada, bob]).json()["count"] == 2
    assert send(is_static="true", _create_static_person_ids=f'["{ada}"]').json()["count"] == 1
    assert refusal(send(filters="{"))[3] == "filters"
    refused = project.http.post(
        url(project), data={"name": "x"}, headers={**bearer(project.key), "Idempotency-Key": "k"}
    )
    assert refusal(refused)[3] == "Idempotency-Key"


# --- questions


def test_a_question_fills_a_cohort_once(project: ProjectClient) -> None:
    for name, plan in (("ada", "paid"), ("bob", "free"), ("eve", "paid")):
        make_listed(project, name, plan=plan, email=f"{name}@example.org")
    paid = dynamic(project, person("plan", "paid"))["id"]
    query = {"kind": "ActorsQuery", "properties": [member_of(paid)], "search": "ADA@", "fixedProperties": []}

    made = make(project, is_static=True, query=query)

    assert (made["is_calculating"], made["query"]) == (True, query)
    assert calculated(project, made["id"])["count"] == 1
    assert persons(project, made["id"]) == ["ada"]
    more = {"kind": "ActorsQuery", "properties": [{"key": "plan", "value": "free", "type": "person"}]}
    assert patch(project, url(project, made["id"]), {"query": more}).json()["is_calculating"] is True
    calculated(project, made["id"])
    assert persons(project, made["id"]) == ["ada", "bob"]
    patch(project, url(project, made["id"]), {"name": "other"})
    assert persons(project, made["id"]) == ["ada", "bob"]


def test_a_static_cohort_is_filled_by_filters_and_can_turn_dynamic(project: ProjectClient) -> None:
    make_listed(project, "ada", plan="paid")
    filters = {"properties": {"type": "AND", "values": [person("plan", "paid")]}}
    odd = make(project, is_static=True, filters={"anything": ["goes"]})
    assert (odd["filters"], odd["is_calculating"]) == ({"anything": ["goes"]}, False)

    made = make(project, is_static=True, filters=filters)
    assert calculated(project, made["id"])["count"] == 1
    make_listed(project, "bob", plan="paid")
    assert persons(project, made["id"]) == ["ada"]
    patch(project, url(project, made["id"]), {"is_static": False})
    assert calculated(project, made["id"])["count"] == 2
    assert refusal(patch(project, url(project, odd["id"]), {"is_static": False}))[3] == "filters"


# --- members


def test_members_are_paged_searched_and_narrowed(project: ProjectClient) -> None:
    for number in range(4):
        make_listed(project, f"p{number}", email=f"p{number}@example.org", even=number % 2 == 0)
    project.capture(
        *(event("$identify", "p0", properties={"$anon_distinct_id": f"other {n}"}) for n in range(12))
    )
    cohort = dynamic(project, person("email", operator="is_set"))["id"]
    path = url(project, cohort, "persons")

    first = project.get(path, limit=3).json()
    assert set(first) == {"results", "next", "previous"}
    assert [row["distinct_ids"][0] for row in first["results"]] == ["p3", "p2", "p1"]
    assert first["next"].endswith(f"{path}?limit=3&offset=3")
    (last,) = project.get(path, limit=3, offset=3).json()["results"]
    assert (last["distinct_ids"][0], len(last["distinct_ids"])) == ("p0", 10)
    assert persons(project, cohort, search="P2@") == ["p2"]
    assert persons(project, cohort, properties='[{"key": "even", "value": true}]') == ["p0", "p2"]
    assert refusal(project.get(path, properties="{"))[3] == "properties"


def test_members_as_a_table(project: ProjectClient) -> None:
    make_listed(project, "ada", email="ada@example.org", tags=["x"])
    make_listed(project, "bob")
    cohort = make(
        project,
        is_static=True,
        _create_static_person_ids=[row["uuid"] for row in project.get(project.persons_url).json()["results"]],
    )["id"]
    path = url(project, cohort, "persons")

    header, *lines = project.get(path, format="csv").text.splitlines()

    assert header == (
        "created_at,distinct_ids.0,email,id,last_seen_at,name,properties.$creator_event_uuid,properties.tags.0"
    )
    assert [line.split(",")[1:3] for line in lines] == [["bob", ""], ["ada", "ada@example.org"]]
    assert len(project.get(path, format="csv", limit=1).text.splitlines()) == 2
    assert project.get(path, format="csv", limit=1, offset=1).text.splitlines()[1].split(",")[1] == "ada"
    (_, row) = project.get(path, is_csv_export=1).json()["results"]
    assert set(row) == {"created_at", "distinct_ids", "email", "id", "last_seen_at", "name", "properties"}
    assert row["email"] == "ada@example.org"
    assert "email" not in row["properties"]


def test_members_of_a_cohort_deleted_long_ago_are_removed(project: ProjectClient) -> None:
    ada = make_listed(project, "ada")["uuid"]
    old, fresh = (make(project, is_static=True, _create_static_person_ids=[ada])["id"] for _ in range(2))
    for cohort in (old, fresh):
        patch(project, url(project, cohort), {"deleted": True})
    cohorts = Cohort.objects.for_project(project.id)
    cohorts.filter(pk=old).update(deleted_at=timezone.now() - timedelta(days=2))

    purge_deleted()

    left = CohortMember.objects.for_project(project.id).values_list("cohort_id", flat=True)
    assert list(left) == [fresh]
    assert [get(project, one)["count"] for one in (old, fresh)] == [0, 1]


# --- copies


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_dynamic_cohort_is_copied_as_a_static_one(project: ProjectClient, method: str) -> None:
    make_listed(project, "ada", plan="paid")
    make_listed(project, "bob", plan="free")
    paid = dynamic(project, person("plan", "paid"), name="Paying")["id"]
    calculated(project, paid)

    response = send(project, method, url(project, paid, "duplicate_as_static_cohort"))

    assert response.status_code == 200
    copy = response.json()
    assert (copy["name"], copy["is_static"], copy["is_calculating"]) == ("Paying (static copy)", True, True)
    assert calculated(project, copy["id"])["count"] == 1
    make_listed(project, "eve", plan="paid")
    patch(project, url(project, paid), {})
    assert calculated(project, paid)["count"] == 2
    assert persons(project, copy["id"]) == ["ada"]


def test_a_static_cohort_is_not_copied(project: ProjectClient) -> None:
    static = make(project, is_static=True)["id"]

    refused = send(project, "POST", url(project, static, "duplicate_as_static_cohort"))

    assert refusal(refused) == (400, "validation_error", "invalid_input", None)


def test_a_long_name_leaves_room_for_what_the_copy_is(project: ProjectClient) -> None:
    original = dynamic(project, person("plan", "paid"), name="x" * 400)["id"]

    copy = send(project, "POST", url(project, original, "duplicate_as_static_cohort")).json()

    assert copy["name"] == "x" * 386 + " (static copy)"


def test_a_page_cannot_make_a_browser_copy(project: ProjectClient) -> None:
    original = dynamic(project, person("plan", "paid"))["id"]

    with logged_in(project) as browser:
        assert browser.get(url(project, original, "duplicate_as_static_cohort")).status_code == 405
        made = browser.send("POST", url(project, original, "duplicate_as_static_cohort"))

    assert made.status_code == 200
