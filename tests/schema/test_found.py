"""What random requests found, as plain requests."""

from typing import Any

import pytest

from tests.clients import ProjectClient
from tests.persons import make_person, refusal, send


@pytest.mark.parametrize("body", ["AAA", [None], 1], ids=["text", "list", "number"])
def test_a_question_for_later_that_is_no_object_is_refused(project: ProjectClient, body: Any) -> None:
    """It was taken for one with nothing in it."""
    url = f"/api/projects/{project.id}/insights/funnel/"

    assert refusal(send(project, "POST", url, body, refresh="async"))[:3] == (
        400, "validation_error", "invalid_input",
    )  # fmt: skip


def test_a_question_for_later_is_answered_alike_when_it_is_sent_again(project: ProjectClient) -> None:
    """The second answer had nothing but the status."""
    url = f"/api/projects/{project.id}/insights/funnel/"
    first, second = (
        send(project, "POST", url, {}, refresh="async", client_query_id="mine") for _ in range(2)
    )

    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json().keys() == second.json().keys() >= {"result", "is_cached", "query_status"}


@pytest.mark.parametrize("groups", [{}, "x", 1], ids=["object", "text", "number"])
def test_legacy_criteria_of_a_cohort_are_a_list(project: ProjectClient, groups: Any) -> None:
    """Anything was kept, and shown."""
    url = f"/api/projects/{project.id}/cohorts/"
    body = {"name": "some", "is_static": True, "groups": groups}

    assert refusal(project.post(url, body)) == (400, "validation_error", "not_a_list", "groups")


@pytest.mark.parametrize("number", [1e300, -1e19], ids=["huge", "negative"])
def test_numbers_that_cannot_be_shown_again_are_refused(project: ProjectClient, number: float) -> None:
    """They were kept, and the cohort or the project could not be read any more."""
    root = f"/api/projects/{project.id}/"
    filters = [{"key": "a", "type": "person", "operator": "gt", "value": number}]
    cohort = {"is_static": True, "filters": {"properties": {"a": [number]}}}

    refused = (400, "validation_error", "invalid_input")
    assert refusal(send(project, "PATCH", root, {"test_account_filters": filters})) == (
        *refused,
        "test_account_filters",
    )
    assert refusal(project.post(f"{root}cohorts/", cohort)) == (*refused, "filters")


def test_a_table_of_nothing_is_still_a_table(project: ProjectClient) -> None:
    """It had no content type."""
    person = make_person(project, "ada")
    for path in ("values/", f"{person['uuid']}/activity/"):
        response = project.get(f"{project.persons_url}{path}", format="csv")

        assert (response.status_code, response.content) == (200, b"")
        assert response.headers["Content-Type"] == "text/csv; charset=utf-8"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", 0),
        ("test_account_filters_default_checked", "true"),
        ("app_urls", [1]),
        ("week_start_day", "1"),
    ],
    ids=["number for text", "word for boolean", "number in a list of texts", "digit for number"],
)
def test_settings_take_what_is_documented_and_nothing_like_it(
    project: ProjectClient, name: str, value: Any
) -> None:
    """What was alike was made fit."""
    response = send(project, "PATCH", f"/api/projects/{project.id}/", {name: value})

    status, kind, _, attr = refusal(response)
    assert (status, kind, (attr or "").split("__")[0]) == (400, "validation_error", name)
