"""``Idempotency-Key``: a POST that changes something happens once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.db.models.functions import Now

from core.models import ActivityEntry, IdempotentRequest
from tests.clients import ProjectClient, bearer
from tests.persons import make_listed


def post(
    project: ProjectClient, path: str, body: Any, name: str | bytes, *, key: str | None = None
) -> httpx.Response:
    headers: Any = {**bearer(key or project.key), "Idempotency-Key": name}
    return project.http.post(f"{project.persons_url}{path}", json=body, headers=headers)


def activities(project: ProjectClient) -> int:
    return ActivityEntry.objects.for_project(project.id).count()


def test_a_repetition_gets_the_first_answer_and_changes_nothing(project: ProjectClient) -> None:
    person = make_listed(project, "a", "b")
    path = f"{person['uuid']}/split/"

    first = post(project, path, {"distinct_ids_to_split": ["b"]}, "k")
    again = post(project, path, {"distinct_ids_to_split": ["b"]}, "k")

    assert (first.status_code, first.json()) == (201, {"success": True})
    assert (again.status_code, again.json()) == (201, {"success": True})
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert activities(project) == 1


def test_another_request_under_the_same_name_is_refused(project: ProjectClient) -> None:
    person = make_listed(project, "a", "b", "c")
    path = f"{person['uuid']}/split/"
    post(project, path, {"distinct_ids_to_split": ["b"]}, "k")

    response = post(project, path, {"distinct_ids_to_split": ["c"]}, "k")

    assert (response.status_code, response.json()["code"]) == (409, "idempotency_key_reused")
    assert activities(project) == 1


def test_the_order_of_keys_makes_no_other_request(project: ProjectClient) -> None:
    person = make_listed(project, "a")
    path = f"{person['uuid']}/update_property/"

    post(project, path, {"key": "x", "value": 1}, "k")
    again = post(project, path, {"value": 1, "key": "x"}, "k")

    assert again.headers["Idempotency-Replayed"] == "true"


def test_an_error_is_not_kept(project: ProjectClient) -> None:
    person = make_listed(project, "a", "b")
    path = f"{person['uuid']}/split/"

    assert post(project, path, {"distinct_ids_to_split": ["c"]}, "k").status_code == 400
    assert post(project, path, {"distinct_ids_to_split": ["b"]}, "k").status_code == 201


def test_many_at_once_change_once(project: ProjectClient) -> None:
    person = make_listed(project, "a")
    path = f"{person['uuid']}/update_property/"

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: post(project, path, {"key": "x", "value": 1}, "k"), range(8)))

    assert [answer.status_code for answer in answers] == [202] * 8
    assert len({answer.text for answer in answers}) == 1
    assert activities(project) == 1


def test_names_belong_to_a_key_and_a_project(project: ProjectClient, other_project: ProjectClient) -> None:
    mine, theirs = make_listed(project, "a"), make_listed(other_project, "a")
    other_key = project.new_key("person:write")
    body = {"key": "x", "value": 1}

    answers = [
        post(project, f"{mine['uuid']}/update_property/", body, "k"),
        post(project, f"{mine['uuid']}/update_property/", body, "k", key=other_key),
        post(other_project, f"{theirs['uuid']}/update_property/", body, "k"),
    ]

    assert ["Idempotency-Replayed" in answer.headers for answer in answers] == [False] * 3


@pytest.mark.parametrize("name", ["", "x" * 256, b"\xff"])
def test_a_name_that_cannot_be_one(project: ProjectClient, name: str | bytes) -> None:
    person = make_listed(project, "a")

    response = post(project, f"{person['uuid']}/update_property/", {"key": "x", "value": 1}, name)

    assert (response.status_code, response.json()["attr"]) == (400, "Idempotency-Key")


def test_a_post_that_only_reads_is_read_anew(project: ProjectClient) -> None:
    make_listed(project, "a")

    for _ in range(2):
        response = post(project, "batch_by_distinct_ids/", {"distinct_ids": ["a"]}, "k")
        assert "Idempotency-Replayed" not in response.headers

    assert not IdempotentRequest.objects.for_project(project.id).exists()


def test_after_a_day_the_name_is_free_again(project: ProjectClient) -> None:
    person = make_listed(project, "a")
    path = f"{person['uuid']}/update_property/"
    post(project, path, {"key": "x", "value": 1}, "k")
    IdempotentRequest.objects.for_project(project.id).update(created_at=Now() - timedelta(hours=25))

    response = post(project, path, {"key": "x", "value": 2}, "k")

    assert (response.status_code, response.json()["properties"]["x"]) == (202, 2)
