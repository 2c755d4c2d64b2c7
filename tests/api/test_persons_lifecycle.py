"""``GET /api/projects/{project_id}/persons/lifecycle/`` as clients see it."""

import json
from typing import Any

import httpx
import pytest

from tests.clients import ProjectClient, event, settle
from tests.persons import refusal

DATES = {"date_from": "2020-01-12", "date_to": "2020-01-19"}
#: Who was active on which days of January 2020, the example of the contract. The first event makes the person.
EXAMPLE = {"p1": [11, 12, 13, 15, 17, 19], "p2": [9, 12], "p3": [12], "p4": [15]}


def looked(distinct_id: str, day: int, **properties: Any) -> dict[str, Any]:
    return event("looked", distinct_id, timestamp=f"2020-01-{day:02}T12:00:00Z", properties=properties)


def get(project: ProjectClient, key: str | None = None, **params: Any) -> httpx.Response:
    query = {
        "events": '[{"id": "looked"}]', "target_date": "2020-01-12", "lifecycle_type": "new", **DATES, **params,
    }  # fmt: skip
    return project.get(f"{project.persons_url}lifecycle/", key=key, **query)


def names(response: httpx.Response) -> set[str]:
    assert response.status_code == 200, response.text
    (result,) = response.json()["results"]
    assert result["count"] == len(result["people"])
    return {person["name"] for person in result["people"]}


@pytest.fixture
def example(project: ProjectClient) -> ProjectClient:
    project.capture(*(looked(person, day) for person, days in EXAMPLE.items() for day in days))
    settle()
    return project


@pytest.mark.parametrize(
    ("state", "by_day"),
    [
        ("new", {12: {"p3"}, 15: {"p4"}}),
        ("returning", {12: {"p1"}, 13: {"p1"}}),
        ("resurrecting", {12: {"p2"}, 15: {"p1"}, 17: {"p1"}, 19: {"p1"}}),
        ("dormant", {13: {"p2", "p3"}, 14: {"p1"}, 16: {"p1", "p4"}, 18: {"p1"}}),
    ],
)
def test_the_example_of_the_contract(example: ProjectClient, state: str, by_day: dict[int, set[str]]) -> None:
    found = {
        day: names(get(example, lifecycle_type=state, target_date=f"2020-01-{day}")) for day in range(12, 20)
    }

    assert {day: who for day, who in found.items() if who} == by_day


def test_the_answer_has_the_keys_of_the_contract(example: ProjectClient) -> None:
    body = get(example, target_date="2020-01-12T17:45:00Z").json()

    assert body == {"results": [{"people": [example.person("p3")], "count": 1}], "next": None}


def test_weeks_begin_on_monday_whatever_the_project_says(example: ProjectClient) -> None:
    # The 12th is a Sunday, the 13th a Monday; the project's weeks begin on Sunday.
    weeks = {"interval": "week", "target_date": "2020-01-13"}

    assert names(get(example, **weeks, lifecycle_type="returning")) == {"p1"}
    assert names(get(example, **weeks, lifecycle_type="dormant")) == {"p2", "p3"}
    assert names(get(example, **weeks, lifecycle_type="new")) == {"p4"}


def test_filters_and_search(example: ProjectClient) -> None:
    example.capture(looked("ada", 12, plan="team"), looked("bob", 12))
    settle()
    of_team = [{"key": "plan", "value": "team"}]
    series = [{"id": "looked", "properties": of_team}]

    assert names(get(example, properties=json.dumps(of_team))) == {"ada"}
    assert names(get(example, events=json.dumps(series))) == {"ada"}
    assert names(get(example, search="BO")) == {"bob"}
    assert names(get(example, events="[]")) == set()


def test_pages_are_disjoint_and_complete(project: ProjectClient) -> None:
    visitors = {f"visitor-{number}" for number in range(5)}
    project.capture(*(looked(visitor, 12) for visitor in visitors))
    settle()

    first = get(project, limit=3)
    second = project.get(first.json()["next"])

    assert (len(names(first)), len(names(second))) == (3, 2)
    assert names(first) | names(second) == visitors
    assert second.json()["next"] is None


def test_a_table_has_a_row_a_person(example: ProjectClient) -> None:
    response = get(example, format="csv")

    header, row = response.text.splitlines()
    assert dict(zip(header.split(","), row.split(","), strict=True))["name"] == "p3"


def test_a_merge_makes_one_life_of_two(example: ProjectClient) -> None:
    assert names(get(example, target_date="2020-01-13", lifecycle_type="dormant")) == {"p2", "p3"}

    example.capture(looked("p5", 13), event("$identify", "p2", properties={"$anon_distinct_id": "p5"}))
    settle()

    assert names(get(example, target_date="2020-01-13", lifecycle_type="dormant")) == {"p3"}
    assert names(get(example, target_date="2020-01-13", lifecycle_type="returning")) == {"p1", "p2"}


def test_a_split_makes_two_lives_of_one(project: ProjectClient) -> None:
    project.capture(
        looked("ada", 12),
        event(
            "$identify", "ada", properties={"$anon_distinct_id": "tablet"}, timestamp="2020-01-12T13:00:00Z"
        ),
        looked("tablet", 13),
    )
    settle()
    returning = {"target_date": "2020-01-13", "lifecycle_type": "returning"}
    assert names(get(project, **returning)) == {"ada"}

    person = project.person("ada")
    assert person is not None
    project.post(f"{project.persons_url}{person['uuid']}/split/", {"main_distinct_id": "ada"})
    settle()

    assert names(get(project, **returning)) == set()
    assert names(get(project, target_date="2020-01-13", lifecycle_type="dormant")) == {"ada"}


def test_who_is_deleted_is_not_found(example: ProjectClient) -> None:
    person = example.person("p3")
    assert person is not None

    example.delete(f"{example.persons_url}{person['uuid']}/")
    settle()

    assert names(get(example)) == set()


def test_projects_do_not_mix_and_a_key_needs_person_read(
    example: ProjectClient, other_project: ProjectClient
) -> None:
    other_project.capture(looked("zoe", 12))
    settle()

    assert names(get(other_project)) == {"zoe"}
    assert names(get(example)) == {"p3"}
    assert get(example, key=other_project.key).status_code == 403
    assert get(example, key=example.new_key("query:read")).status_code == 403


@pytest.mark.parametrize(
    ("params", "attr", "detail"),
    [
        ({"target_date": ""}, "target_date", "Must include specified date"),
        ({"lifecycle_type": ""}, "lifecycle_type", "Must include lifecycle type"),
    ],
)
@pytest.mark.parametrize("form", ["json", "csv"])
def test_what_is_missing_is_named_in_both_shapes(
    project: ProjectClient, params: dict[str, str], attr: str, detail: str, form: str
) -> None:
    response = get(project, **params, format=form)

    assert (response.status_code, response.json()) == (
        400,
        {
            "type": "validation_error",
            "code": "required",
            "detail": detail,
            "attr": attr,
            "message": "Missing parameter",
        },
    )


@pytest.mark.parametrize(
    ("params", "attr"),
    [
        ({"lifecycle_type": "lost"}, "lifecycle_type"),
        ({"target_date": "soon"}, "target_date"),
        ({"events": "["}, "events"),
        ({"actions": '[{"id": 1}]'}, "actions"),
        ({"properties": "nope"}, "properties"),
        ({"properties": '[{"key": "a", "operator": "regex", "value": "("}]'}, "properties[0]"),
        ({"interval": "fortnight"}, "interval"),
        ({"interval": "hour", "date_from": "all"}, "interval"),
        ({"date_to": "sometime"}, "date_to"),
        ({"limit": "1001"}, "limit"),
        ({"offset": "-1"}, "offset"),
        ({"sampling_factor": "0"}, "sampling_factor"),
    ],
)
def test_what_cannot_be_answered_is_refused_by_name(
    project: ProjectClient, params: dict[str, str], attr: str
) -> None:
    status, kind, _, named = refusal(get(project, **params))

    assert (status, kind, named) == (400, "validation_error", attr)
