"""``GET /api/projects/{project_id}/persons/{id}/properties_timeline/``"""

import json
from typing import Any

import httpx
import pytest

from core.models import Project
from tests.clients import ProjectClient, event, settle

DATES = {"date_from": "2026-01-01", "date_to": "2026-01-05"}
PLAN = json.dumps([{"key": "plan", "value": "whatever", "type": "person"}])


def did(name: str, day: int, distinct_id: str = "u", *, hour: int = 0, **values: Any) -> dict[str, Any]:
    carried = {"$set": values} if values else {}
    return event(name, distinct_id, timestamp=f"2026-01-{day:02}T{hour:02}:00:00Z", properties=carried)


def get(
    project: ProjectClient, distinct_id: str = "u", key: str | None = None, **params: Any
) -> httpx.Response:
    person = project.person(distinct_id)
    assert person is not None
    return project.get(
        f"{project.persons_url}{person['id']}/properties_timeline/", key=key, **{**DATES, **params}
    )


def series(*names: str | None) -> str:
    return json.dumps([{"id": name} for name in names])


def points(response: httpx.Response) -> list[tuple[str, Any, int]]:
    """Day, plan and count of each point."""
    assert response.status_code == 200, response.text
    return [
        (point["timestamp"][8:10], point["properties"].get("plan"), point["relevant_event_count"])
        for point in response.json()["points"]
    ]


def test_the_whole_answer(project: ProjectClient) -> None:
    project.capture(
        did("x", 1, plan="free", email="a@example.org"),
        did("x", 2, n=1),
        did("x", 3, plan="team"),
        did("x", 4),
    )
    settle()

    body = get(project, events=series("x"), properties=PLAN).json()

    assert body == {
        "points": [
            {
                "timestamp": "2026-01-01T00:00:00Z",
                "properties": {"plan": "free", "email": "a@example.org"},
                "relevant_event_count": 2,
            },
            {
                "timestamp": "2026-01-03T00:00:00Z",
                "properties": {"plan": "team", "email": "a@example.org", "n": 1},
                "relevant_event_count": 2,
            },
        ],
        "crucial_property_keys": ["plan"],
        "effective_date_from": "2026-01-01T00:00:00+00:00",
        "effective_date_to": "2026-01-05T23:59:59.999999+00:00",
    }


def test_going_back_to_an_old_value_is_a_new_point(project: ProjectClient) -> None:
    project.capture(did("x", 1, plan="a"), did("x", 2, plan="b"), did("x", 3, plan="a"))
    settle()

    assert points(get(project, properties=PLAN)) == [("01", "a", 1), ("02", "b", 1), ("03", "a", 1)]


def test_without_properties_that_matter_one_point_counts_everything(project: ProjectClient) -> None:
    project.capture(did("x", 1, plan="a"), did("y", 2, plan="b"), did("x", 3))
    settle()

    for properties in ("", "[]", '[{"key": "plan", "value": "a", "type": "event"}]'):
        response = get(project, properties=properties)
        assert points(response) == [("01", "a", 3)]
        assert response.json()["crucial_property_keys"] == []


def test_only_events_of_the_series_open_and_count(project: ProjectClient) -> None:
    project.capture(did("x", 1, plan="a"), did("other", 2, plan="b"), did("y", 3), did("x", 4, plan="a"))
    settle()
    filtered = json.dumps([{"id": "x", "properties": [{"key": "no", "value": "such"}]}, {"id": "y"}])

    assert points(get(project, events=series("x", "y"), properties=PLAN)) == [
        ("01", "a", 1),
        ("03", "b", 1),
        ("04", "a", 1),
    ]
    assert points(get(project, events=filtered, properties=PLAN)) == [
        ("01", "a", 1),
        ("03", "b", 1),
        ("04", "a", 1),
    ]
    assert points(get(project, events=series("other"), properties=PLAN)) == [("02", "b", 1)]
    assert points(get(project, events=series("x", None), properties=PLAN)) == points(
        get(project, properties=PLAN)
    )
    assert points(get(project, events=series("nothing"), properties=PLAN)) == []


def test_what_was_set_before_the_range_is_known_but_opens_nothing(project: ProjectClient) -> None:
    project.capture(
        event("x", "u", timestamp="2020-01-01T00:00:00Z", properties={"$set": {"plan": "old"}}),
        did("x", 3),
        did("x", 6, plan="new"),
    )
    settle()

    assert points(get(project, properties=PLAN)) == [("03", "old", 1)]
    assert points(get(project, properties=PLAN, date_from="2026-01-04", date_to="2026-01-05")) == []
    assert points(get(project, properties=PLAN, date_from="2026-01-05", date_to="2026-01-04")) == []


def test_unset_and_set_once_are_honoured(project: ProjectClient) -> None:
    project.capture(
        event("x", "u", timestamp="2026-01-01T00:00:00Z", properties={"$set_once": {"plan": "a"}}),
        event("x", "u", timestamp="2026-01-02T00:00:00Z", properties={"$set_once": {"plan": "b"}}),
        event("x", "u", timestamp="2026-01-03T00:00:00Z", properties={"$unset": ["plan"]}),
    )
    settle()

    assert points(get(project, properties=PLAN)) == [("01", "a", 2), ("03", None, 1)]


def test_values_of_different_types_differ(project: ProjectClient) -> None:
    project.capture(
        did("x", 1, plan=1), did("x", 2, plan="1"), did("x", 3, plan=True), did("x", 4, plan=None)
    )
    settle()

    assert points(get(project, properties=PLAN)) == [
        ("01", 1, 1),
        ("02", "1", 1),
        ("03", True, 1),
        ("04", None, 1),
    ]


@pytest.mark.parametrize(
    ("params", "keys"),
    [
        ({"properties": {"type": "OR", "values": [{"type": "AND", "values": [
            {"key": "b", "value": 1, "type": "person"},
            {"key": "a", "type": "person", "operator": "is_set"}]}]}}, ["b", "a"]),
        ({"properties": [{"key": "a", "value": 1, "type": "person"}, {"key": "a", "type": "person"}]}, ["a"]),
        # Filters of other kinds are no mistake.
        ({"properties": [{"key": "id", "value": 5, "type": "cohort"}, {"key": "a", "type": "person"}]}, ["a"]),
        ({"properties": {"plan": "a"}}, []),
        ({"events": [{"id": "x", "properties": [{"key": "s", "value": 1, "type": "person"}]}],
          "properties": [{"key": "q", "value": 1, "type": "person"}],
          "breakdown": "b", "breakdown_type": "person"}, ["q", "s", "b"]),
        ({"breakdown": ["b", "c"], "breakdown_type": "person"}, ["b", "c"]),
        ({"breakdown": "b", "breakdown_type": "event"}, []),
        ({"breakdown": "b"}, []),
    ],
)  # fmt: skip
def test_which_properties_matter(project: ProjectClient, params: dict[str, Any], keys: list[str]) -> None:
    project.capture(did("x", 1))
    settle()
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in params.items()}

    assert get(project, **texts).json()["crucial_property_keys"] == keys


@pytest.mark.parametrize(
    ("params", "first", "last"),
    [
        ({}, "2026-01-01T00:00:00+00:00", "2026-01-05T23:59:59.999999+00:00"),
        ({"date_to": "2026-01-01"}, "2026-01-01T00:00:00+00:00", "2026-01-01T23:59:59.999999+00:00"),
        (
            {"date_to": "2026-01-01", "interval": "week"},
            "2026-01-01T00:00:00+00:00", "2026-01-07T23:59:59.999999+00:00",
        ),
        (
            {"date_to": "2026-01-01", "interval": "month"},
            "2026-01-01T00:00:00+00:00", "2026-01-31T23:59:59.999999+00:00",
        ),
        (
            {"date_from": "2026-01-02T13:00:00Z", "date_to": "2026-01-02T13:00:00Z", "interval": "hour"},
            "2026-01-02T13:00:00+00:00", "2026-01-02T14:00:00+00:00",
        ),
        # A display of one value has no intervals.
        (
            {"date_to": "2026-01-01", "interval": "month", "display": "ActionsPie"},
            "2026-01-01T00:00:00+00:00", "2026-01-01T23:59:59.999999+00:00",
        ),
    ],
)  # fmt: skip
def test_the_range(project: ProjectClient, params: dict[str, str], first: str, last: str) -> None:
    project.capture(did("x", 1))
    settle()

    body = get(project, **params).json()

    assert (body["effective_date_from"], body["effective_date_to"]) == (first, last)


def test_both_ends_of_the_range_belong_to_it(project: ProjectClient) -> None:
    project.capture(
        *(
            event("x", "u", timestamp=f"2026-01-02T{time}Z")
            for time in ("12:59:59.999999", "13:00:00", "14:00:00", "14:00:00.000001")
        )
    )
    settle()
    hour = {"date_from": "2026-01-02T13:00:00Z", "date_to": "2026-01-02T13:00:00Z", "interval": "hour"}

    assert points(get(project, **hour)) == [("02", None, 2)]


def test_dates_are_in_the_time_zone_of_the_project(project: ProjectClient) -> None:
    Project.objects.filter(pk=project.id).update(timezone="Asia/Tokyo")
    project.capture(
        event("x", "u", timestamp="2025-12-31T14:59:59Z"),
        event("x", "u", timestamp="2025-12-31T15:00:00Z"),
        event("x", "u", timestamp="2026-01-05T14:59:59Z"),
        event("x", "u", timestamp="2026-01-05T15:00:00Z"),
    )
    settle()

    body = get(project).json()

    assert [point["relevant_event_count"] for point in body["points"]] == [2]
    assert (body["effective_date_from"], body["effective_date_to"]) == (
        "2026-01-01T00:00:00+09:00",
        "2026-01-05T23:59:59.999999+09:00",
    )


def test_an_empty_end_is_now(project: ProjectClient) -> None:
    project.capture(event("x", "u", properties={"$set": {"plan": "a"}}))
    settle()

    response = get(project, properties=PLAN, date_from="-7d", date_to="")

    assert [point[1:] for point in points(response)] == [("a", 1)]


def test_a_merge_brings_the_events_of_both(project: ProjectClient) -> None:
    project.capture(did("x", 1, "anon", plan="a"), did("x", 2, "u", plan="b"))
    settle()
    assert points(get(project, properties=PLAN)) == [("02", "b", 1)]

    project.capture(
        event("$identify", "u", timestamp="2026-01-03T00:00:00Z", properties={"$anon_distinct_id": "anon"})
    )
    settle()

    assert points(get(project, events=series("x"), properties=PLAN)) == [("01", "a", 1), ("02", "b", 1)]


def test_a_split_takes_the_events_along(project: ProjectClient) -> None:
    project.capture(did("x", 1, "u", plan="a"))
    project.capture(
        event("$identify", "u", timestamp="2026-01-02T00:00:00Z", properties={"$anon_distinct_id": "anon"})
    )
    project.capture(did("x", 3, "anon", plan="b"))
    person = project.person("u")
    assert person is not None
    url = f"{project.persons_url}{person['id']}/split/"
    assert project.post(url, {"distinct_ids_to_split": ["anon"]}).status_code == 201
    settle()

    assert points(get(project, "u", events=series("x"), properties=PLAN)) == [("01", "a", 1)]
    assert points(get(project, "anon", events=series("x"), properties=PLAN)) == [("03", "b", 1)]


def test_an_event_sent_twice_counts_once(project: ProjectClient) -> None:
    twice = did("x", 1)
    project.capture(twice)
    settle()
    project.capture(twice)
    settle()

    assert points(get(project)) == [("01", None, 1)]


def test_events_without_a_profile_count_and_change_nothing(project: ProjectClient) -> None:
    project.capture(
        did("x", 1, plan="a"),
        event(
            "x",
            "u",
            timestamp="2026-01-02T00:00:00Z",
            properties={"$process_person_profile": False, "$set": {"plan": "b"}},
        ),
    )
    settle()

    assert points(get(project, properties=PLAN)) == [("01", "a", 2)]


def test_projects_do_not_mix(project: ProjectClient, other_project: ProjectClient) -> None:
    project.capture(did("x", 1, plan="mine"))
    other_project.capture(did("x", 1, plan="theirs"), did("x", 2, plan="more"))
    settle()
    theirs = other_project.person("u")
    assert theirs is not None

    assert points(get(project, properties=PLAN)) == [("01", "mine", 1)]
    assert project.get(f"{project.persons_url}{theirs['id']}/properties_timeline/").status_code == 404
    assert get(other_project, key=project.key).status_code == 403


def test_a_key_needs_person_read(project: ProjectClient) -> None:
    project.capture(did("x", 1))
    settle()

    refused = get(project, key=project.new_key("cohort:read"))

    assert (refused.status_code, refused.json()["detail"]) == (
        403, "API key missing required scope 'person:read'",
    )  # fmt: skip
    assert get(project, key=project.new_key("person:read")).status_code == 200


def test_every_spelling_of_the_path_and_of_the_person(project: ProjectClient) -> None:
    project.capture(did("x", 1))
    settle()
    person = project.person("u")
    assert person is not None
    pk = project.get(f"{project.persons_url}{person['id']}").json()["id"]
    key = project.new_key("person:read", projects=[project.id])

    for root in (
        f"/api/projects/{project.id}/persons",
        f"/api/environments/{project.id}/persons",
        "/api/person",
    ):
        for tail in (f"{pk}/properties_timeline", f"{person['id']}/properties_timeline/"):
            assert points(project.get(f"{root}/{tail}", key=key, **DATES)) == [("01", None, 1)]


@pytest.mark.parametrize(
    ("params", "attr"),
    [
        ({"events": "["}, "events"),
        ({"events": "{}"}, "events"),
        ({"events": "[5]"}, "events[0]"),
        ({"events": '[{"id": 5}]'}, "events[0]"),
        ({"properties": "nope"}, "properties"),
        ({"properties": "5"}, "properties"),
        ({"breakdown": "[", "breakdown_type": "person"}, "breakdown"),
        ({"breakdown": "[[]]", "breakdown_type": "person"}, "breakdown"),
        ({"breakdown": "["}, "breakdown"),
        ({"date_from": "sometime"}, "date_from"),
        ({"date_to": "sometime"}, "date_to"),
        ({"interval": "fortnight"}, "interval"),
    ],
)
def test_what_cannot_be_read_is_named(project: ProjectClient, params: dict[str, str], attr: str) -> None:
    project.capture(did("x", 1))

    response = get(project, **params)

    assert (response.status_code, response.json()["attr"]) == (400, attr), response.text


@pytest.mark.parametrize(
    ("person", "status"),
    [("nobody", 400), ("999999999999", 404), ("00000000-0000-4000-8000-000000000000", 404)],
)
def test_who_is_not_there(project: ProjectClient, person: str, status: int) -> None:
    response = project.get(f"{project.persons_url}{person}/properties_timeline/")

    assert response.status_code == status
    assert response.json().keys() == {"type", "code", "detail", "attr"}
