"""``GET /api/projects/{project_id}/persons/properties_at_time/``"""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.clients import ProjectClient, event, settle

NOON = "2026-01-10T12:00:00Z"


def get(project: ProjectClient, key: str | None = None, **params: Any) -> httpx.Response:
    return project.get(f"{project.persons_url}properties_at_time/", key=key, **params)


def properties(
    project: ProjectClient, distinct_id: str = "u", at: str = NOON, **params: Any
) -> dict[str, Any]:
    response = get(project, distinct_id=distinct_id, timestamp=at, **params)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()["properties"]
    return found


def at(hour: int, minute: int = 0) -> str:
    return f"2026-01-10T{hour:02}:{minute:02}:00Z"


def sets(hour: int, **values: Any) -> dict[str, Any]:
    return event("x", "u", timestamp=at(hour), properties={"$set": values})


def test_the_past_is_what_the_events_up_to_then_made_of_it(project: ProjectClient) -> None:
    project.capture(sets(10, plan="free", a=1), sets(11, plan="team"), sets(13, plan="pro", b=1))
    settle()

    assert properties(project, at=at(9)) == {}
    assert properties(project, at=at(10)) == {"plan": "free", "a": 1}
    assert properties(project, at=at(11)) == {"plan": "team", "a": 1}
    assert properties(project, at=at(12)) == {"plan": "team", "a": 1}
    assert properties(project, at=at(14)) == {"plan": "pro", "a": 1, "b": 1}


def test_the_answer_is_the_full_person_of_today_with_other_properties(project: ProjectClient) -> None:
    project.capture(sets(10, email="old@example.org"), sets(13, email="new@example.org"))
    settle()
    person = project.person("u")
    assert person is not None
    full = project.get(f"{project.persons_url}{person['id']}").json()

    body = get(project, distinct_id="u", timestamp=NOON).json()

    assert body == {
        **full,
        "properties": {"email": "old@example.org"},
        "point_in_time_metadata": {
            "queried_timestamp": "2026-01-10T12:00:00+00:00",
            "include_set_once": False,
            "distinct_id_used": "u",
            "person_id_used": None,
            "query_mode": "distinct_id",
            "distinct_ids_queried": ["u"],
            "distinct_ids_count": 1,
        },
    }
    assert body["name"] == "new@example.org"


def test_by_person_id(project: ProjectClient) -> None:
    project.capture(sets(10, a=1))
    settle()
    person = project.person("u")
    assert person is not None

    body = get(project, person_id=person["id"], timestamp=NOON, include_set_once="TRUE").json()

    assert body["properties"] == {"a": 1}
    assert body["point_in_time_metadata"] == {
        "queried_timestamp": "2026-01-10T12:00:00+00:00",
        "include_set_once": True,
        "distinct_id_used": None,
        "person_id_used": person["id"],
        "query_mode": "person_id",
        "distinct_ids_queried": ["u"],
        "distinct_ids_count": 1,
    }


@pytest.mark.parametrize(
    ("timestamp", "queried"),
    [
        ("2026-01-10T12:00:00", "2026-01-10T12:00:00+00:00"),
        ("2026-01-10 12:00", "2026-01-10T12:00:00+00:00"),
        ("2026-01-10T14:00:00+02:00", "2026-01-10T14:00:00+02:00"),
        ("2026-01-10T12:00:00.000001Z", "2026-01-10T12:00:00.000001+00:00"),
    ],
)
def test_times_are_read(project: ProjectClient, timestamp: str, queried: str) -> None:
    project.capture(sets(12, a=1))
    settle()

    body = get(project, distinct_id="u", timestamp=timestamp).json()

    assert (body["properties"], body["point_in_time_metadata"]["queried_timestamp"]) == ({"a": 1}, queried)


@pytest.mark.parametrize(
    "timestamp", ["0001-01-01T00:00:00Z", "1899-12-31", "9999-12-31T23:59:59Z", "2300-01-01"]
)
def test_times_far_away_are_times(project: ProjectClient, timestamp: str) -> None:
    project.capture(sets(12, a=1))
    settle()

    assert properties(project, at=timestamp) == ({"a": 1} if timestamp > "2026" else {})


def test_the_present_is_known_at_once(project: ProjectClient) -> None:
    for n in range(10):
        project.capture(event("x", "u", properties={"$set": {"n": n}}))

        assert properties(project, at="2100-01-01")["n"] == n


def test_order_is_that_of_the_events_and_not_of_their_arrival(project: ProjectClient) -> None:
    project.capture(sets(11, plan="later"))
    settle()
    project.capture(sets(10, plan="earlier", only=1))
    settle()

    assert properties(project) == {"plan": "later", "only": 1}


def test_at_the_same_time_what_came_in_later_wins(project: ProjectClient) -> None:
    for n in range(5):
        project.capture(sets(10, n=n))

    assert properties(project) == {"n": 4}
    settle()
    assert properties(project) == {"n": 4}


def test_unset_is_honoured(project: ProjectClient) -> None:
    project.capture(
        sets(8, a=1, b=1),
        event("x", "u", timestamp=at(9), properties={"$unset": ["a"]}),
        sets(10, a=2),
    )
    settle()

    assert properties(project, at=at(9)) == {"b": 1}
    assert properties(project, at=at(10)) == {"a": 2, "b": 1}


def test_set_once_counts_when_asked_for_on_any_event(project: ProjectClient) -> None:
    project.capture(
        event("x", "u", timestamp=at(8), properties={"$set": {"a": 1}, "$set_once": {"a": 0, "b": 1}}),
        event("$set_once", "u", timestamp=at(9), properties={"$set_once": {"b": 2, "c": 2}}),
        sets(10, c=3),
    )
    settle()

    assert properties(project) == {"a": 1, "c": 3}
    assert properties(project, include_set_once="no") == {"a": 1, "c": 3}
    assert properties(project, at=at(9), include_set_once="true") == {"a": 1, "b": 1, "c": 2}
    assert properties(project, at=at(10), include_set_once="True") == {"a": 1, "b": 1, "c": 3}


def test_changes_through_the_api_count(project: ProjectClient) -> None:
    project.capture(sets(10, a=1, b=1))
    person = project.person("u")
    assert person is not None
    one = f"{project.persons_url}{person['id']}/"
    assert project.post(f"{one}update_property/", {"key": "a", "value": [1, None]}).status_code == 202
    assert project.post(f"{one}delete_property/", {"$unset": "b"}).status_code == 201

    assert properties(project) == {"a": 1, "b": 1}
    assert properties(project, at="2100-01-01") == {"a": [1, None]}


VALUES = [
    "1",
    1,
    1.5,
    True,
    None,
    "",
    "null",
    [],
    {},
    ["a", {"b": None}],
    'a"b',
    "ünï-😀",
    {"a.b": {"c": "1"}},
]


def test_values_keep_their_types(project: ProjectClient) -> None:
    project.capture(sets(10, **{f"v{n}": value for n, value in enumerate(VALUES)}))
    expected = {f"v{n}": value for n, value in enumerate(VALUES)}

    assert properties(project) == expected
    settle()
    assert properties(project) == expected


def test_carriers_of_another_form_carry_nothing(project: ProjectClient) -> None:
    project.capture(
        event("x", "u", timestamp=at(9), properties={"$set": "a", "$set_once": [1], "$unset": 5}),
        event("x", "u", timestamp=at(10), properties={"$set": '{"a": 1}'}),
    )
    settle()

    assert properties(project, include_set_once="true") == {}


def test_there_is_no_floor_in_time(project: ProjectClient) -> None:
    project.capture(
        event("x", "u", timestamp="1969-07-20T20:17:40Z", properties={"$set": {"old": 1}}),
        event("x", "u", timestamp="2016-01-01T00:00:00Z", properties={"$set": {"less old": 1}}),
    )
    settle()

    assert properties(project) == {"old": 1, "less old": 1}


def test_events_of_all_distinct_ids_count_after_a_merge(project: ProjectClient) -> None:
    project.capture(event("x", "anon", timestamp=at(8), properties={"$set": {"a": 1}}))
    project.capture(sets(9, b=1))
    assert properties(project) == {"b": 1}
    project.capture(event("$identify", "u", timestamp=at(10), properties={"$anon_distinct_id": "anon"}))
    settle()

    for distinct_id in ("u", "anon"):
        assert properties(project, distinct_id) == {"a": 1, "b": 1}
    metadata = get(project, distinct_id="anon", timestamp=NOON).json()["point_in_time_metadata"]
    assert (
        metadata["distinct_id_used"],
        metadata["distinct_ids_queried"],
        metadata["distinct_ids_count"],
    ) == (
        "anon",
        ["anon", "u"],
        2,
    )


def test_a_split_takes_the_events_along(project: ProjectClient) -> None:
    project.capture(sets(8, b=1))
    project.capture(event("$identify", "u", timestamp=at(9), properties={"$anon_distinct_id": "anon"}))
    project.capture(event("x", "anon", timestamp=at(10), properties={"$set": {"a": 1}}))
    person = project.person("u")
    assert person is not None
    split = project.post(f"{project.persons_url}{person['id']}/split/", {"distinct_ids_to_split": ["anon"]})
    assert split.status_code == 201
    settle()

    assert (properties(project), properties(project, "anon")) == ({"b": 1}, {"a": 1})


def test_events_without_a_profile_and_of_groups_change_nothing(project: ProjectClient) -> None:
    group = {"$group_type": "company", "$group_key": "k", "$group_set": {"g": 1}, "$set": {"g": 1}}
    nobody = {"$process_person_profile": False, "$set": {"p": 1}, "$browser": "Fox"}
    project.capture(
        sets(8, a=1),
        event("$groupidentify", "u", timestamp=at(9), properties=group),
        event("x", "u", timestamp=at(10), properties=nobody),
    )
    settle()

    assert properties(project) == {"a": 1}


def test_an_event_sent_twice_counts_once(project: ProjectClient) -> None:
    twice = event("x", "u", timestamp=at(9), properties={"$set": {"a": 1}, "$unset": ["a"]})
    project.capture(twice)
    settle()
    project.capture(twice)
    settle()

    assert properties(project) == {"a": 1}


def test_many_distinct_ids_and_changes(project: ProjectClient) -> None:
    merges = [
        event(
            "$identify",
            "u",
            timestamp=at(8),
            properties={"$anon_distinct_id": f"{n:036}", "$set": {f"p{n}": n}},
        )
        for n in range(3000)
    ]
    project.capture(*merges)
    settle()

    body = get(project, distinct_id="u", timestamp=NOON).json()

    assert body["properties"] == {f"p{n}": n for n in range(3000)}
    assert body["point_in_time_metadata"]["distinct_ids_count"] == 3001


@pytest.mark.parametrize(
    ("params", "status", "code", "attr"),
    [
        ({"distinct_id": "u", "person_id": "x"}, 400, "invalid_input", None),
        ({"distinct_id": "u", "person_id": "x", "timestamp": NOON}, 400, "invalid_input", None),
        ({}, 400, "invalid_input", None),
        ({"distinct_id": "", "person_id": "", "timestamp": NOON}, 400, "invalid_input", None),
        ({"distinct_id": "nobody"}, 400, "required", "timestamp"),
        ({"distinct_id": "nobody", "timestamp": ""}, 400, "required", "timestamp"),
        ({"person_id": "nonsense", "timestamp": "yesterday"}, 400, "invalid_input", "timestamp"),
        ({"distinct_id": "u", "timestamp": "1767000000"}, 400, "invalid_input", "timestamp"),
        ({"distinct_id": "u", "timestamp": "2026-13-01"}, 400, "invalid_input", "timestamp"),
        ({"distinct_id": "u", "timestamp": "2026-01-01\0"}, 400, "invalid_input", "timestamp"),
        ({"distinct_id": "u", "timestamp": "0001-01-01T00:00:00+14:00"}, 400, "invalid_input", "timestamp"),
        ({"person_id": "nonsense", "timestamp": NOON}, 400, "invalid_input", "person_id"),
        ({"person_id": "5", "timestamp": NOON}, 400, "invalid_input", "person_id"),
        ({"distinct_id": "a\0", "timestamp": NOON}, 400, "invalid_input", "distinct_id"),
        ({"distinct_id": "nobody", "timestamp": NOON}, 404, "not_found", None),
        ({"person_id": str(uuid4()), "timestamp": NOON}, 404, "not_found", None),
    ],
)
def test_errors(
    project: ProjectClient, params: dict[str, str], status: int, code: str, attr: str | None
) -> None:
    response = get(project, **params)

    body = response.json()
    assert (response.status_code, body["code"], body["attr"]) == (status, code, attr)
    assert body.keys() == {"error", "type", "code", "detail", "attr"}
    assert body["error"] == body["detail"] != ""


def test_projects_do_not_mix(project: ProjectClient, other_project: ProjectClient) -> None:
    project.capture(sets(9, mine=1))
    other_project.capture(sets(10, theirs=1))
    settle()
    theirs = other_project.person("u")
    assert theirs is not None

    assert properties(project) == {"mine": 1}
    assert get(project, person_id=theirs["id"], timestamp=NOON).status_code == 404
    foreign = get(other_project, key=project.key, distinct_id="u", timestamp=NOON)
    assert (foreign.status_code, foreign.json()["error"]) == (403, foreign.json()["detail"])


def test_a_key_needs_person_read(project: ProjectClient) -> None:
    project.capture(sets(9, a=1))
    params = {"distinct_id": "u", "timestamp": NOON}

    refused = get(project, key=project.new_key("cohort:read"), **params)

    assert (refused.status_code, refused.json()["error"]) == (
        403, "API key missing required scope 'person:read'",
    )  # fmt: skip
    assert get(project, key=project.new_key("person:read"), **params).status_code == 200


def test_every_spelling_of_the_path(project: ProjectClient) -> None:
    project.capture(sets(9, a=1))
    key = project.new_key("person:read", projects=[project.id])

    for root in (
        f"/api/projects/{project.id}/persons",
        f"/api/environments/{project.id}/persons",
        "/api/person",
    ):
        for slash in ("", "/"):
            url = f"{root}/properties_at_time{slash}"
            assert project.get(url, key=key, distinct_id="u", timestamp=NOON).json()["properties"] == {"a": 1}
