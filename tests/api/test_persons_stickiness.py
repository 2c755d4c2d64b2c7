"""``GET /api/projects/{project_id}/persons/stickiness/`` as clients see it."""

import json
from typing import Any

import httpx
import pytest

from tests.clients import ProjectClient, event, settle
from tests.persons import refusal

DATES = {"date_from": "2026-01-05", "date_to": "2026-01-11"}


def looked(distinct_id: str, *days: str, **properties: Any) -> list[dict[str, Any]]:
    """An event at noon of each day of January 2026."""
    return [
        event("looked", distinct_id, timestamp=f"2026-01-{day}T12:00:00Z", properties=properties)
        for day in days
    ]


def get(project: ProjectClient, key: str | None = None, **params: Any) -> httpx.Response:
    query = {"entity_id": "looked", "entity_type": "events", "stickiness_days": 1, **DATES, **params}
    return project.get(f"{project.persons_url}stickiness/", key=key, **query)


def names(response: httpx.Response) -> set[str]:
    assert response.status_code == 200, response.text
    (result,) = response.json()["results"]
    assert result["count"] == len(result["people"])
    return {person["name"] for person in result["people"]}


@pytest.fixture
def visitors(project: ProjectClient) -> ProjectClient:
    project.capture(
        *looked("ada", "05", "06", "06", "07", plan="team"),
        *looked("bob", "06", plan="free"),
        *looked("cleo", "10", "11", plan="team"),
        *looked("dan", "01"),
        event("bought", "eve", timestamp="2026-01-05T12:00:00Z"),
    )
    settle()
    return project


@pytest.mark.parametrize(
    ("days", "expected"), [(1, {"bob"}), (2, {"cleo"}), (3, {"ada"}), (4, set()), (99, set())]
)
def test_exactly_so_many_days(visitors: ProjectClient, days: int, expected: set[str]) -> None:
    assert names(get(visitors, stickiness_days=days)) == expected
    assert names(get(visitors, stickiness_days=None, selected_interval=days)) == expected


def test_the_answer_has_the_keys_of_the_contract(visitors: ProjectClient) -> None:
    body = get(visitors).json()

    assert body == {"results": [{"people": [visitors.person("bob")], "count": 1}], "next": None}


def test_weeks_begin_as_the_project_says_and_are_not_made_whole(visitors: ProjectClient) -> None:
    # The 10th is a Saturday, the 11th a Sunday.
    assert names(get(visitors, interval="week", stickiness_days=2)) == {"cleo"}
    assert names(get(visitors, interval="month")) == {"ada", "bob", "cleo"}

    visitors.project.week_start_day = 1
    visitors.project.save()

    assert names(get(visitors, interval="week", stickiness_days=1)) == {"ada", "bob", "cleo"}


def test_days_are_those_of_the_project(visitors: ProjectClient) -> None:
    visitors.capture(
        event("late", "ada", timestamp="2026-01-06T23:30:00Z"),
        event("late", "ada", timestamp="2026-01-07T12:00:00Z"),
    )
    settle()
    assert names(get(visitors, entity_id="late", stickiness_days=2)) == {"ada"}

    visitors.project.timezone = "Europe/Berlin"
    visitors.project.save()

    assert names(get(visitors, entity_id="late", stickiness_days=1)) == {"ada"}


def test_filters_search_and_the_series(visitors: ProjectClient) -> None:
    of_team = [{"key": "plan", "value": "team"}]
    series = [{"id": "bought"}, {"id": "looked", "order": 1, "properties": of_team}]

    assert names(get(visitors, interval="month", properties=json.dumps(of_team))) == {"ada", "cleo"}
    assert names(get(visitors, interval="month", search="CLE")) == {"cleo"}
    assert names(get(visitors, interval="month", events=json.dumps(series))) == {"ada", "cleo"}
    assert names(get(visitors, interval="month", events=json.dumps(series), entity_order=0)) == {"eve"}
    assert names(get(visitors, interval="month", entity_id=None)) == {"ada", "bob", "cleo", "eve"}


def test_groups_when_the_series_counts_them(project: ProjectClient) -> None:
    acme, umbrella = ({"$groups": {"company": name}} for name in ("acme", "umbrella"))
    project.capture(
        *looked("ada", "05", "06", **acme), *looked("bob", "06", **umbrella), *looked("bob", "07")
    )
    settle()
    series = [{"id": "looked", "math": "unique_group", "math_group_type_index": 0}]
    params: dict[str, Any] = {"events": json.dumps(series), "entity_order": 0}

    assert [row["id"] for row in get(project, **params).json()["results"][0]["people"]] == ["umbrella"]
    assert [
        row["id"] for row in get(project, **params, stickiness_days=2).json()["results"][0]["people"]
    ] == ["acme"]


def test_pages_are_disjoint_and_complete(project: ProjectClient) -> None:
    visitors = {f"visitor-{number}" for number in range(5)}
    project.capture(*(one for visitor in visitors for one in looked(visitor, "06")))
    settle()

    first = get(project, limit=3)
    second = project.get(first.json()["next"])

    assert (len(names(first)), len(names(second))) == (3, 2)
    assert names(first) | names(second) == visitors
    assert second.json()["next"] is None


def test_a_table_has_a_row_a_person(visitors: ProjectClient) -> None:
    response = get(visitors, format="csv")

    header, row = response.text.splitlines()
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert dict(zip(header.split(","), row.split(","), strict=True))["name"] == "bob"
    assert get(visitors, format="csv", stickiness_days=5).text == ""


def test_a_merge_adds_the_days_of_both(visitors: ProjectClient) -> None:
    visitors.capture(event("$identify", "bob", properties={"$anon_distinct_id": "dan"}))
    settle()

    assert names(get(visitors, date_from="2026-01-01", stickiness_days=2)) == {
        "bob",
        "cleo",
    }


def test_a_split_takes_the_days_of_an_id_away(project: ProjectClient) -> None:
    project.capture(
        *looked("ada", "05"),
        event(
            "$identify", "ada", properties={"$anon_distinct_id": "tablet"}, timestamp="2026-01-05T13:00:00Z"
        ),
        *looked("tablet", "06"),
    )
    settle()
    assert names(get(project, stickiness_days=2)) == {"ada"}

    person = project.person("ada")
    assert person is not None
    split = project.post(f"{project.persons_url}{person['uuid']}/split/", {"main_distinct_id": "ada"})
    settle()

    assert split.status_code == 201, split.text
    assert names(get(project, stickiness_days=2)) == set()
    assert names(get(project, stickiness_days=1)) == {"ada", "tablet"}


def test_who_is_deleted_is_not_found(visitors: ProjectClient) -> None:
    person = visitors.person("bob")
    assert person is not None

    visitors.delete(f"{visitors.persons_url}{person['uuid']}/")
    settle()

    assert names(get(visitors)) == set()


def test_projects_do_not_mix_and_a_key_needs_person_read(
    visitors: ProjectClient, other_project: ProjectClient
) -> None:
    other_project.capture(*looked("zoe", "06"))
    settle()

    assert names(get(other_project)) == {"zoe"}
    assert names(get(visitors)) == {"bob"}
    assert get(visitors, key=other_project.key).status_code == 403
    assert get(visitors, key=visitors.new_key("cohort:read")).status_code == 403
    assert get(visitors, key=visitors.new_key("person:read")).status_code == 200
    assert visitors.post(f"{visitors.persons_url}stickiness/", {}).status_code == 405


@pytest.mark.parametrize("root", ["/api/environments/{id}/persons", "/api/person"])
def test_the_older_roots_answer_too(visitors: ProjectClient, root: str) -> None:
    url = f"{root.format(id=visitors.id)}/stickiness"
    key = visitors.new_key("person:read", projects=[visitors.id])

    response = visitors.get(
        url, key=key, entity_id="looked", entity_type="events", stickiness_days=1, **DATES
    )

    assert names(response) == {"bob"}


@pytest.mark.parametrize(
    ("params", "attr"),
    [
        ({"stickiness_days": ""}, "stickiness_days"),
        ({"stickiness_days": "0"}, "stickiness_days"),
        ({"stickiness_days": "x"}, "stickiness_days"),
        ({"entity_id": "", "entity_type": ""}, "entity_id"),
        ({"entity_type": ""}, "entity_type"),
        ({"entity_type": "pages"}, "entity_type"),
        ({"entity_type": "actions"}, "entity_type"),
        ({"entity_math": "guess"}, "entity_math"),
        ({"events": "["}, "events"),
        ({"actions": '[{"id": 1}]'}, "actions"),
        ({"properties": "nope"}, "properties"),
        ({"properties": '[{"key": "a", "operator": "regex", "value": "("}]'}, "properties[0]"),
        ({"properties": '[{"type": "AND", "values": []}, {"key": "a", "value": 1}]'}, "properties"),
        ({"interval": "fortnight"}, "interval"),
        ({"date_from": "sometime"}, "date_from"),
        ({"limit": "x"}, "limit"),
        ({"offset": "-1"}, "offset"),
        ({"sampling_factor": "2"}, "sampling_factor"),
    ],
)
def test_what_cannot_be_answered_is_refused_by_name(
    project: ProjectClient, params: dict[str, str], attr: str
) -> None:
    status, kind, _, named = refusal(get(project, **params))

    assert (status, kind, named) == (400, "validation_error", attr)
