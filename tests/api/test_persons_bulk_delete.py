"""``POST …/persons/bulk_delete/``"""

import threading
from typing import Any
from uuid import UUID

import httpx
import pytest
from django.db import connection, transaction

from core.models import Person
from core.services import bulk_delete as service
from tests.clients import ProjectClient, bearer, event, settle
from tests.erasure import all_done, completed, deletions, events_left
from tests.persons import activities, make_person, refusal, stores_agree

NOBODY = "8c5c2b1e-52f5-4b0f-9a51-d1a5e8a1c5a2"


def bulk_delete(project: ProjectClient, body: object = None, **params: Any) -> httpx.Response:
    url = f"{project.persons_url}bulk_delete/"
    return project.http.post(url, json=body or {}, params=params or None, headers=bearer(project.key))


def answer(**fields: Any) -> dict[str, Any]:
    """An answer in which nothing happened but this."""
    return {
        "persons_found": 0,
        "persons_deleted": 0,
        "persons_queued_for_deletion": 0,
        "events_queued_for_deletion": False,
        "recordings_queued_for_deletion": False,
        "deletion_errors": [],
        "unmatched_ids": [],
        "unmatched_distinct_ids": [],
        **fields,
    }


def names(project: ProjectClient) -> set[str]:
    rows = project.get(project.persons_url).json()["results"]
    return {row["distinct_ids"][0] for row in rows}


def test_persons_go_by_uuid_and_by_number(project: ProjectClient) -> None:
    a, b, _ = (make_person(project, name) for name in "abc")

    response = bulk_delete(project, {"ids": [a["uuid"], str(b["id"]), a["uuid"].upper(), NOBODY, "9" * 40]})

    assert response.status_code == 202
    assert response.json() == answer(persons_found=2, persons_deleted=2, unmatched_ids=[NOBODY, "9" * 40])
    assert names(project) == {"c"}
    assert sorted(entry[0] for entry in activities(project)) == ["deleted", "deleted"]
    all_done(project)
    assert deletions(project) == []
    assert stores_agree(project)


def test_persons_go_by_any_of_their_distinct_ids(project: ProjectClient) -> None:
    make_person(project, "a", "b")
    make_person(project, 'ünï-😀 /%+"')
    make_person(project, "c")

    response = bulk_delete(project, {"distinct_ids": ["a", "b", "b", 'ünï-😀 /%+"', "nobody"]})

    assert response.json() == answer(persons_found=2, persons_deleted=2, unmatched_distinct_ids=["nobody"])
    assert names(project) == {"c"}


def test_with_delete_events_there_is_a_request_for_each_person(project: ProjectClient) -> None:
    a, b = make_person(project, "a"), make_person(project, "b")
    make_person(project, "c")

    response = bulk_delete(project, {"ids": [a["uuid"], b["uuid"]], "delete_events": True})

    assert response.json() == answer(persons_found=2, persons_deleted=2, events_queued_for_deletion=True)
    assert {row["person_uuid"] for row in deletions(project)} == {a["uuid"], b["uuid"]}
    for person in (a, b):
        completed(project, person["uuid"])
    settle()
    assert events_left(project) == {"a": 1}


def test_with_keep_person_only_the_events_go(project: ProjectClient) -> None:
    a = make_person(project, "a")

    response = bulk_delete(
        project, {"ids": [a["uuid"]], "delete_events": True, "delete_recordings": True, "keep_person": True}
    )

    assert response.json() == answer(
        persons_found=1, events_queued_for_deletion=True, recordings_queued_for_deletion=True
    )
    completed(project, a["uuid"])
    assert names(project) == {"a"}
    assert activities(project) == []


def test_a_second_request_joins_the_one_that_is_pending_and_covers_what_came_since(
    project: ProjectClient,
) -> None:
    a = make_person(project, "a")
    body = {"ids": [a["uuid"]], "delete_events": True, "keep_person": True}
    # An open transaction from before the request: nothing can be completed meanwhile.
    opened, go_on = threading.Event(), threading.Event()
    thread = threading.Thread(target=hold_open, args=(opened, go_on))
    thread.start()
    opened.wait()
    try:
        bulk_delete(project, body)
        (first,) = deletions(project)
        project.capture(event("between", "a"))
        bulk_delete(project, body)
        (joined,) = deletions(project)
    finally:
        go_on.set()
        thread.join()

    assert (joined["id"], joined["created_at"]) == (first["id"], first["created_at"])
    completed(project, a["uuid"])
    settle()
    assert events_left(project) == {}
    bulk_delete(project, body)
    assert len(deletions(project)) == 2


def hold_open(opened: threading.Event, go_on: threading.Event) -> None:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            opened.set()
            go_on.wait()
    finally:
        connection.close()


def test_nobody_found_is_no_error(project: ProjectClient) -> None:
    response = bulk_delete(project, {"distinct_ids": ["nobody"], "delete_events": True})

    assert (response.status_code, response.json()) == (202, answer(unmatched_distinct_ids=["nobody"]))
    assert (deletions(project), activities(project)) == ([], [])


def test_a_repetition_finds_nobody(project: ProjectClient) -> None:
    a = make_person(project, "a")

    answers = [bulk_delete(project, {"ids": [a["uuid"]]}).json() for _ in range(2)]

    assert [one["persons_found"] for one in answers] == [1, 0]


def test_parameters_may_stand_in_the_query_string(project: ProjectClient) -> None:
    a = make_person(project, "a")
    make_person(project, "b")

    response = bulk_delete(project, {}, distinct_ids=["a", "b"], delete_events="true")

    assert response.json()["persons_deleted"] == 2
    assert completed(project, a["uuid"])["person_deleted"]


def test_a_dry_run_tells_what_would_go_and_changes_nothing(project: ProjectClient) -> None:
    make_person(project, "a", "b")
    make_person(project, "c")
    project.capture(event("x", "b"))

    with_events = bulk_delete(project, {"distinct_ids": ["b", "no"], "delete_events": True, "dry_run": True})
    without = bulk_delete(project, {"distinct_ids": ["b"], "dry_run": True})

    assert (with_events.status_code, with_events.json()) == (
        200,
        {
            "dry_run": True,
            "persons": 1,
            "distinct_ids": 2,
            "events": 3,
            "unmatched_ids": [],
            "unmatched_distinct_ids": ["no"],
        },
    )
    assert without.json()["events"] is None
    assert names(project) == {"a", "c"}
    assert deletions(project) == []


def test_events_on_their_way_count_once(project: ProjectClient) -> None:
    for number in range(60):
        ids = [f"{number}-{place}" for place in range(3)]
        project.capture(*(event("x", one) for one in ids))

        told = bulk_delete(project, {"distinct_ids": ids, "delete_events": True, "dry_run": True})

        assert told.json()["events"] == 3


def test_a_thousand_persons_and_no_more(project: ProjectClient) -> None:
    ids = [f"u{n}" for n in range(1000)]
    project.capture(*(event("a", one) for one in ids))

    refused = [bulk_delete(project, {name: [*ids, "one more"]}) for name in ("ids", "distinct_ids")]
    done = bulk_delete(project, {"distinct_ids": ids, "delete_events": True})

    assert [refusal(one) for one in refused] == [
        (400, "validation_error", "invalid_input", name) for name in ("ids", "distinct_ids")
    ]
    assert all("1000" in one.json()["detail"] for one in refused)
    assert done.json() == answer(persons_found=1000, persons_deleted=1000, events_queued_for_deletion=True)
    all_done(project)
    settle()
    assert events_left(project) == {}


def test_a_person_with_thousands_of_distinct_ids_goes_with_all_of_them(project: ProjectClient) -> None:
    others = [f"anon-{n}" for n in range(3000)]
    project.capture(
        *(event("$identify", "user", properties={"$anon_distinct_id": other}) for other in others)
    )

    bulk_delete(project, {"distinct_ids": ["user"], "delete_events": True})

    all_done(project)
    assert project.person("anon-2999") is None
    assert events_left(project) == {}
    assert stores_agree(project)


def test_a_person_that_somebody_holds_is_reported_and_the_others_go(project: ProjectClient) -> None:
    held, other = make_person(project, "held"), make_person(project, "other")
    rows = Person.objects.for_project(project.id)

    with transaction.atomic():
        rows.select_for_update().get(uuid=held["uuid"])
        response = bulk_delete(project, {"ids": [held["uuid"], other["uuid"]], "delete_events": True})

    assert response.status_code == 202
    assert response.json() == answer(
        persons_found=2,
        persons_deleted=1,
        events_queued_for_deletion=True,
        deletion_errors=[{"person_uuid": held["uuid"], "step": "delete_postgres"}],
    )
    assert [row["person_uuid"] for row in deletions(project)] == [other["uuid"]]
    assert rows.filter(uuid=UUID(held["uuid"])).exists()


def test_under_an_idempotency_key_it_happens_once(project: ProjectClient) -> None:
    make_person(project, "a")
    headers = {**bearer(project.key), "Idempotency-Key": "k"}
    url, body = f"{project.persons_url}bulk_delete/", {"distinct_ids": ["a"], "delete_events": True}

    first = project.http.post(url, json=body, headers=headers)
    project.capture(event("a", "a"))
    again = project.http.post(url, json=body, headers=headers)

    assert (first.json(), again.json()) == (first.json(), first.json())
    assert again.headers["Idempotency-Replayed"] == "true"
    assert project.person("a") is not None


@pytest.mark.parametrize(
    ("body", "attr", "word"),
    [
        ({}, None, "distinct_ids or ids"),
        ({"ids": [], "distinct_ids": []}, None, "distinct_ids or ids"),
        ({"ids": [NOBODY], "distinct_ids": ["a"]}, None, "not both"),
        ({"ids": NOBODY}, "ids", "list"),
        ({"ids": [1]}, "ids", "list"),
        ({"ids": ["not a uuid"]}, "ids", "not a person id"),
        ({"distinct_ids": "a"}, "distinct_ids", "list"),
        ({"distinct_ids": {"a": 1}}, "distinct_ids", "list"),
        ({"distinct_ids": ["a"], "delete_events": "false"}, "delete_events", "boolean"),
        ({"distinct_ids": ["a"], "delete_recordings": 1}, "delete_recordings", "boolean"),
        ({"distinct_ids": ["a"], "keep_person": "maybe"}, "keep_person", "boolean"),
        ({"distinct_ids": ["a"], "dry_run": None}, "dry_run", "boolean"),
    ],
)
def test_what_cannot_be_read_is_refused_and_nobody_deleted(
    project: ProjectClient, body: dict[str, Any], attr: str | None, word: str
) -> None:
    make_person(project, "a")

    response = bulk_delete(project, body)

    assert refusal(response) == (400, "validation_error", "invalid_input", attr)
    assert word in response.json()["detail"]
    assert names(project) == {"a"}


def test_nobody_elses_persons_can_be_deleted(project: ProjectClient, other_project: ProjectClient) -> None:
    person = make_person(other_project, "a")

    by_key = bulk_delete(project, {"ids": [person["uuid"], str(person["id"])]}).json()
    by_id = bulk_delete(project, {"distinct_ids": ["a"]}).json()

    assert by_key == answer(unmatched_ids=[person["uuid"], str(person["id"])])
    assert by_id == answer(unmatched_distinct_ids=["a"])
    assert other_project.person("a") is not None


def test_a_key_that_may_only_read_is_refused(project: ProjectClient) -> None:
    url = f"{project.persons_url}bulk_delete/"

    response = project.post(url, {"distinct_ids": ["a"]}, key=project.new_key("person:read"))

    assert refusal(response) == (403, "authentication_error", "permission_denied", None)


def test_the_old_root_takes_it_too(project: ProjectClient) -> None:
    make_person(project, "a")
    key = project.new_key("person:write", projects=[project.id])

    response = project.post("/api/person/bulk_delete/", {"distinct_ids": ["a"]}, key=key)

    assert response.json()["persons_deleted"] == 1


def test_what_would_take_too_long_is_left_for_another_request(
    project: ProjectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abc":
        make_person(project, name)
    monkeypatch.setattr(service, "GROUP_PERSONS", 1)
    monkeypatch.setattr(service, "PATIENCE", 0.0)

    result = service.bulk_delete(
        project_id=project.id,
        names=service.Names(distinct_ids=["a", "b", "c"]),
        wanted=service.Wanted(delete_events=True, keep_person=False),
        user_id=None,
    )

    assert (result.found, result.deleted) == (3, 1)
    (gone,) = deletions(project)
    left = {row["uuid"] for row in project.get(project.persons_url).json()["results"]}
    assert set(map(str, result.failed)) == left
    assert len(left) == 2
    assert gone["person_uuid"] not in left
