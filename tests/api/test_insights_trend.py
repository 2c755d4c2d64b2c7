"""``GET|POST /api/projects/{project_id}/insights/trend/`` as clients see it, and the links of its answers."""

import json
from typing import Any

import httpx
import pytest

from tests.clients import ProjectClient, bearer, event, settle
from tests.persons import refusal

DATES = {"date_from": "2026-01-05", "date_to": "2026-01-08"}


def did(name: str, distinct_id: str, day: int, hour: int = 12, **properties: Any) -> dict[str, Any]:
    """An event in January 2026."""
    timestamp = f"2026-01-{day:02}T{hour:02}:00:00Z"
    return event(name, distinct_id, timestamp=timestamp, properties=properties)


def url(project: ProjectClient) -> str:
    return f"/api/projects/{project.id}/insights/trend/"


def get(project: ProjectClient, key: str | None = None, **params: Any) -> httpx.Response:
    return project.get(url(project), key=key, **{"events": '[{"id": "bought"}]', **DATES, **params})


def result(response: httpx.Response) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["result"]
    return found


def data(response: httpx.Response) -> list[list[float]]:
    return [series["data"] for series in result(response)]


def behind(project: ProjectClient, link: dict[str, Any]) -> list[dict[str, Any]]:
    """The actors that a link leads to."""
    response = project.get(f"/{link['url']}")
    assert response.status_code == 200, response.text
    (found,) = response.json()["results"]
    assert response.json()["next"] is None
    people: list[dict[str, Any]] = found["people"]
    return people


def names(project: ProjectClient, link: dict[str, Any]) -> list[str]:
    return sorted(person.get("name", person["id"]) for person in behind(project, link))


@pytest.fixture
def shop(project: ProjectClient) -> ProjectClient:
    project.capture(
        did("bought", "ada", 5, price=3, plan="team"),
        did("bought", "ada", 5, 15, price=4, plan="team"),
        did("bought", "ada", 7, price=5, plan="team"),
        did("bought", "bob", 7, price=20, plan="free"),
        did("bought", "cleo", 8, price="a lot"),
        did("looked", "dan", 6),
    )
    settle()
    return project


def test_a_series_has_a_number_a_day_with_a_link(shop: ProjectClient) -> None:
    response = get(shop, events='[{"id": "bought", "custom_name": " Orders ", "math": "dau"}]')

    body = response.json()
    assert body.keys() == {"result", "next", "timezone", "last_refresh", "is_cached"}
    assert (body["next"], body["timezone"], body["is_cached"]) == (None, "UTC", False)
    (series,) = body["result"]
    links = series.pop("persons_urls")
    assert series == {
        "action": {
            "id": "bought",
            "type": "events",
            "order": 0,
            "name": "bought",
            "custom_name": "Orders",
            "math": "dau",
            "math_property": None,
            "math_group_type_index": None,
        },
        "label": "Orders",
        "count": 4,
        "data": [1, 0, 2, 1],
        "labels": ["5-Jan-2026", "6-Jan-2026", "7-Jan-2026", "8-Jan-2026"],
        "days": ["2026-01-05", "2026-01-06", "2026-01-07", "2026-01-08"],
        "filter": {
            "events": [{"id": "bought", "custom_name": " Orders ", "math": "dau"}],
            "date_from": "2026-01-05T00:00:00Z",
            "date_to": "2026-01-08T23:59:59Z",
            "explicit_date": True,
        },
    }
    assert [link.keys() for link in links] == [{"filter", "url"}] * 4
    assert links[2]["url"].startswith(f"api/projects/{shop.id}/persons/trends/?")
    assert links[2]["filter"] == {
        "entity_id": "bought",
        "entity_type": "events",
        "entity_math": "dau",
        "entity_order": 0,
        "date_from": "2026-01-07T00:00:00Z",
        "date_to": "2026-01-07T23:59:59Z",
        "explicit_date": True,
    }
    assert [names(shop, link) for link in links] == [["ada"], [], ["ada", "bob"], ["cleo"]]


def test_all_series_in_their_order_by_get_and_post(shop: ProjectClient) -> None:
    events = [{"id": "bought", "order": 2}, {"id": None, "order": 3}, {"id": "looked", "order": 1}]
    expected = [("looked", [0, 1, 0, 0]), ("bought", [2, 0, 2, 1]), ("All events", [2, 1, 2, 1])]

    for response in (
        get(shop, events=json.dumps(events)),
        shop.post(url(shop), {"events": events, **DATES}),
        shop.post(url(shop), {"events": json.dumps(events), **DATES}),
    ):
        assert [(one["label"], one["data"]) for one in result(response)] == expected


@pytest.mark.parametrize(
    ("math", "expected"),
    [
        ("total", [2, 0, 2, 1]),
        ("dau", [1, 0, 2, 1]),
        ("weekly_active", [1, 1, 2, 3]),
        ("monthly_active", [1, 1, 2, 3]),
        ("unique_session", [0, 0, 0, 0]),
        ("sum", [7, 0, 25, 0]),
        ("avg", [3.5, 0, 12.5, 0]),
        ("min", [3, 0, 5, 0]),
        ("max", [4, 0, 20, 0]),
        ("median", [3.5, 0, 12.5, 0]),
        ("p90", [3.9, 0, 18.5, 0]),
        ("avg_count_per_actor", [2, 0, 1, 1]),
        ("max_count_per_actor", [2, 0, 1, 1]),
    ],
)
def test_maths_and_the_values_behind_them(shop: ProjectClient, math: str, expected: list[float]) -> None:
    events = json.dumps([{"id": "bought", "math": math, "math_property": "price"}])

    (series,) = result(get(shop, events=events))

    assert series["data"] == expected
    for number, link in zip(series["data"], series["persons_urls"], strict=True):
        values = [person["value_at_data_point"] for person in behind(shop, link)]
        if math in ("total", "sum"):
            assert sum(value or 0 for value in values) == number
        if math in ("dau", "weekly_active", "monthly_active"):
            assert len(values) == number


def test_weekly_active_of_hours_ends_with_the_hour(project: ProjectClient) -> None:
    project.capture(did("bought", "ada", 1, 12), did("bought", "bob", 8, 11))
    settle()
    events = '[{"id": "bought", "math": "weekly_active"}]'
    dates = {"date_from": "2026-01-08 10:00", "date_to": "2026-01-08 13:00"}

    (series,) = result(get(project, events=events, interval="hour", **dates))

    # The hour from noon on looks back to a week before its end: ada's noon is the first one out.
    assert series["data"] == [1, 2, 1, 1]
    assert [names(project, link) for link in series["persons_urls"]] == [
        ["ada"], ["ada", "bob"], ["bob"], ["bob"],
    ]  # fmt: skip


def test_groups(project: ProjectClient) -> None:
    acme: dict[str, Any] = {"$groups": {"company": "acme"}}
    project.capture(did("bought", "ada", 5, **acme), did("bought", "bob", 5, **acme), did("bought", "bob", 6))
    settle()
    events = '[{"id": "bought", "math": "unique_group", "math_group_type_index": 0}]'

    (series,) = result(get(project, events=events))

    assert series["data"] == [1, 0, 0, 0]
    assert [names(project, link) for link in series["persons_urls"]] == [["acme"], [], [], []]


@pytest.mark.parametrize(
    ("math", "expected"),
    [("total", [2, 2, 4, 5]), ("dau", [1, 1, 2, 3]), ("sum", [7, 7, 32, 32]), ("max", [4, 4, 20, 20])],
)
def test_cumulative_points_look_at_everything_before(
    shop: ProjectClient, math: str, expected: list[float]
) -> None:
    events = json.dumps([{"id": "bought", "math": math, "math_property": "price"}])

    (series,) = result(get(shop, events=events, display="ActionsLineGraphCumulative"))

    assert series["data"] == expected
    assert [names(shop, link) for link in series["persons_urls"]] == [
        ["ada"], ["ada"], ["ada", "bob"], ["ada", "bob", "cleo"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    "display", ["ActionsPie", "BoldNumber", "ActionsTable", "ActionsBarValue", "WorldMap"]
)
def test_total_values(shop: ProjectClient, display: str) -> None:
    (series,) = result(get(shop, events='[{"id": "bought", "math": "dau"}]', display=display))

    assert (series["aggregated_value"], series["data"], series["days"]) == (3, [], [])
    assert names(shop, series["persons"]) == ["ada", "bob", "cleo"]


def test_smoothing_is_floored_and_leaves_what_is_before_the_range(project: ProjectClient) -> None:
    project.capture(
        *(did("bought", "ada", day, hour) for day, count in ((5, 2), (6, 1), (7, 3)) for hour in range(count))
    )
    settle()

    (series,) = result(get(project, smoothing_intervals=3, date_to="2026-01-07"))

    assert (series["data"], series["count"]) == ([2, 1, 2], 5)


def test_the_period_before_is_as_long(shop: ProjectClient) -> None:
    shop.capture(did("bought", "dan", 2), did("bought", "dan", 4))
    settle()

    current, previous = result(get(shop, compare="true"))

    assert [(one["compare"], one["compare_label"]) for one in (current, previous)] == [
        (True, "current"), (True, "previous"),
    ]  # fmt: skip
    assert (current["data"], previous["data"]) == ([2, 0, 2, 1], [0, 1, 0, 1])
    assert previous["days"] == ["2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04"]
    assert [names(shop, link) for link in previous["persons_urls"]] == [[], ["dan"], [], ["dan"]]


def test_breakdown_values_come_by_their_number_and_page(shop: ProjectClient) -> None:
    first = get(shop, breakdown="plan", breakdown_limit=2)
    second = shop.get(first.json()["next"])

    assert [(one["breakdown_value"], one["label"], one["data"]) for one in result(first)] == [
        ("team", "bought - team", [2, 0, 1, 0]),
        ("free", "bought - free", [0, 0, 1, 0]),
    ]
    assert [(one["breakdown_value"], one["data"]) for one in result(second)] == [("", [0, 0, 0, 1])]
    assert second.json()["next"] is None
    assert [names(shop, one["persons_urls"][3]) for one in result(second)] == [["cleo"]]
    assert names(shop, result(first)[0]["persons_urls"][2]) == ["ada"]


def test_breakdown_by_person_and_by_several_properties(shop: ProjectClient) -> None:
    shop.capture(event("$set", "ada", properties={"$set": {"city": "Oslo"}}))
    settle()

    by_person = result(get(shop, breakdown="city", breakdown_type="person"))
    by_both = result(get(shop, breakdown='["plan", "price"]', date_to="2026-01-05"))

    assert [(one["breakdown_value"], one["data"]) for one in by_person] == [
        ("Oslo", [2, 0, 1, 0]),
        ("", [0, 0, 1, 1]),
    ]
    assert names(shop, by_person[1]["persons_urls"][3]) == ["cleo"]
    assert [(one["breakdown_value"], one["data"]) for one in by_both] == [
        (["team", "4"], [1]),
        (["team", "3"], [1]),
    ]
    assert names(shop, by_both[0]["persons_urls"][0]) == ["ada"]


@pytest.mark.parametrize(
    ("given", "days", "numbers"),
    [
        ({"interval": "week", "date_from": "2021-09-06", "date_to": "2021-09-21"},
         ["2021-09-05", "2021-09-12", "2021-09-19"], [1, 1, 1]),
        ({"interval": "month", "date_from": "2021-09-06", "date_to": "2021-10-01"},
         ["2021-09-01", "2021-10-01"], [4, 0]),
        ({"interval": "hour", "date_from": "2021-09-21 11:30", "date_to": "2021-09-21 13:00"},
         ["2021-09-21 11:00:00", "2021-09-21 12:00:00", "2021-09-21 13:00:00"], [0, 1, 0]),
        ({"interval": "day", "date_from": "2021-09-21 12:30", "date_to": "2021-09-21 14:00", "explicit_date": "1"},
         ["2021-09-21"], [0]),
    ],
)  # fmt: skip
def test_intervals(
    project: ProjectClient, given: dict[str, Any], days: list[str], numbers: list[int]
) -> None:
    project.capture(
        *(event("bought", "ada", timestamp=f"2021-09-{day}T12:00:00Z") for day in ("01", "05", "13", "21"))
    )
    settle()

    (series,) = result(get(project, **given))

    assert series["days"] == days
    assert series["data"] == numbers
    assert [len(names(project, link)) for link in series["persons_urls"]] == [bool(one) for one in numbers]


def test_days_and_hours_are_those_of_the_project(project: ProjectClient) -> None:
    """Clocks were turned back in Berlin on 25 October 2026: there were two hours from 02:00 on."""
    project.project.timezone = "Europe/Berlin"
    project.project.save()
    project.capture(
        event("bought", "ada", timestamp="2026-10-24T22:30:00Z"),
        event("bought", "bob", timestamp="2026-10-25T00:30:00Z"),
        event("bought", "cleo", timestamp="2026-10-25T01:30:00Z"),
        event("bought", "dan", timestamp="2026-10-25T22:30:00Z"),
    )
    settle()
    dates = {"date_from": "2026-10-25", "date_to": "2026-10-25"}
    hours = {"date_from": "2026-10-25 00:00", "date_to": "2026-10-25 03:59"}

    (by_day,) = result(get(project, **dates))
    (by_hour,) = result(get(project, **hours, interval="hour"))

    assert (by_day["days"], by_day["data"]) == (["2026-10-25"], [4])
    assert [day[11:16] for day in by_hour["days"]] == ["00:00", "01:00", "02:00", "02:00", "03:00"]
    assert by_hour["data"] == [1, 0, 1, 1, 0]
    assert [names(project, link) for link in by_hour["persons_urls"]] == [["ada"], [], ["bob"], ["cleo"], []]


def test_days_before_1970(project: ProjectClient) -> None:
    project.capture(
        *(event("bought", "ada", timestamp=f"1969-07-{day}T20:17:40Z") for day in ("20", "21", "21"))
    )
    settle()

    (series,) = result(get(project, date_from="1969-07-19", date_to="1969-07-22"))

    assert series["data"] == [0, 1, 2, 0]
    assert [len(names(project, link)) for link in series["persons_urls"]] == [0, 1, 1, 0]


@pytest.mark.parametrize("asked", [{"shown_as": "Stickiness"}, {"insight": "STICKINESS"}])
@pytest.mark.parametrize("math", ["total", "sum", "monthly_active"])
def test_stickiness(shop: ProjectClient, asked: dict[str, str], math: str) -> None:
    events = json.dumps([{"id": "bought", "math": math, "math_property": "price"}])

    (series,) = result(get(shop, events=events, **asked))

    assert (series["data"], series["count"]) == ([2, 1, 0, 0], 3)
    assert series["labels"] == ["1 day", "2 days", "3 days", "4 days"]
    assert series["days"] == [1, 2, 3, 4]
    assert series["persons_urls"][0]["url"].startswith(f"api/projects/{shop.id}/persons/stickiness/?")
    assert [names(shop, link) for link in series["persons_urls"]] == [["bob", "cleo"], ["ada"], [], []]


@pytest.mark.parametrize(
    ("given", "length"),
    [
        ({"date_from": "2020-01-01", "date_to": "2020-01-08"}, 8),
        ({"date_from": "2020-01-01", "date_to": "2020-01-08", "interval": "week"}, 2),
        ({"date_from": "2020-01-04", "date_to": "2020-01-06", "interval": "week"}, 1),
        ({"date_from": "2020-01-31", "date_to": "2020-02-01", "interval": "month"}, 2),
        ({"date_from": "2020-01-01 00:00", "date_to": "2020-01-01 07:59", "interval": "hour"}, 8),
        ({"date_from": "2020-01-02", "date_to": "2020-01-01"}, 0),
    ],
)
def test_how_many_numbers_stickiness_has(shop: ProjectClient, given: dict[str, str], length: int) -> None:
    (series,) = result(get(shop, insight="STICKINESS", **given))

    assert len(series["data"]) == len(series["days"]) == len(series["persons_urls"]) == length


def test_stickiness_of_the_period_before(shop: ProjectClient) -> None:
    shop.capture(did("bought", "dan", 2), did("bought", "dan", 4))
    settle()

    current, previous = result(get(shop, insight="STICKINESS", compare="1"))

    assert (current["compare_label"], current["data"]) == ("current", [2, 1, 0, 0])
    assert (previous["compare_label"], previous["data"]) == ("previous", [0, 1, 0, 0])
    assert names(shop, previous["persons_urls"][1]) == ["dan"]


#: The example of the contract: who was active on which days of January 2020. The first event makes the person.
LIVES = {"p1": [11, 12, 13, 15, 17, 19], "p2": [9, 12], "p3": [12], "p4": [15]}


@pytest.mark.parametrize(
    "asked",
    [
        {"shown_as": "Lifecycle"},
        {"insight": "LIFECYCLE", "math": "unique_group"},
        {"insight": "LIFECYCLE", "math": "sum"},
    ],
)
def test_lifecycle(project: ProjectClient, asked: dict[str, str]) -> None:
    project.capture(
        *(
            event("looked", person, timestamp=f"2020-01-{day:02}T12:00:00Z")
            for person, days in LIVES.items()
            for day in days
        )
    )
    settle()
    dates = {"date_from": "2020-01-12", "date_to": "2020-01-19"}

    # The math makes no difference.
    first = {"id": "looked", "math": asked.get("math"), "math_property": "x", "math_group_type_index": 0}

    series = result(get(project, events=json.dumps([first, {"id": "other"}]), **dates, **asked))

    assert [(one["status"], one["label"], one["data"]) for one in series] == [
        ("new", "looked - new", [1, 0, 0, 1, 0, 0, 0, 0]),
        ("returning", "looked - returning", [1, 1, 0, 0, 0, 0, 0, 0]),
        ("resurrecting", "looked - resurrecting", [1, 0, 0, 1, 0, 1, 0, 1]),
        ("dormant", "looked - dormant", [0, -2, -1, 0, -2, 0, -1, 0]),
    ]
    assert (series[3]["count"], series[3]["days"][0], series[3]["labels"][7]) == (
        -6,
        "2020-01-12",
        "19-Jan-2020",
    )
    assert series[0]["persons_urls"][0]["url"].startswith(f"api/projects/{project.id}/persons/lifecycle/?")
    for one in series:
        assert [len(names(project, link)) for link in one["persons_urls"]] == list(map(abs, one["data"]))


@pytest.mark.parametrize("insight", ["TRENDS", "STICKINESS", "LIFECYCLE"])
def test_all_begins_with_the_first_event(project: ProjectClient, insight: str) -> None:
    params = {"date_from": "all", "insight": insight}
    assert len(result(get(project, **params, date_to=None))[0]["data"]) == 8

    project.capture(did("looked", "ada", 5), did("bought", "ada", 7))
    settle()

    assert len(result(get(project, **params, date_to="2026-01-08"))[0]["data"]) == 4


def test_nothing_to_ask_about(shop: ProjectClient) -> None:
    backwards = {"date_from": "2026-01-08", "date_to": "2026-01-05"}

    for insight in ("TRENDS", "STICKINESS", "LIFECYCLE"):
        assert result(get(shop, events="[]", insight=insight)) == []
    assert data(get(shop, **backwards)) == [[]]
    assert data(get(shop, **backwards, breakdown="plan")) == []
    assert result(get(shop, **backwards, insight="LIFECYCLE")) == []
    assert result(get(shop, **backwards, display="BoldNumber"))[0]["aggregated_value"] == 0


def test_events_of_nobody_count_as_events_but_not_as_persons(project: ProjectClient) -> None:
    project.capture(did("bought", "ada", 5), did("bought", "anon", 5, **{"$process_person_profile": False}))
    settle()

    total, persons = result(
        get(project, events='[{"id": "bought"}, {"id": "bought", "math": "dau"}]', date_to="2026-01-05")
    )

    assert (total["data"], persons["data"]) == ([2], [1])
    assert names(project, persons["persons_urls"][0]) == ["ada"]


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        ({"operator": "is_not_set"}, 2),
        ({"operator": "is_not", "value": "x"}, 2),
        ({"operator": "not_icontains", "value": "@example.org"}, 1),
        ({"operator": "exact", "value": ""}, 2),
        ({"operator": "is_set"}, 0),
    ],
)
def test_who_has_no_profile_has_no_properties(
    project: ProjectClient, wanted: dict[str, str], count: int
) -> None:
    project.capture(
        did("bought", "ada", 5, 12, **{"$set": {"email": "ada@example.org"}}),
        did("bought", "anon", 5, 12, **{"$process_person_profile": False}),
    )
    settle()
    key = "email" if wanted["operator"] == "not_icontains" else "plan"
    properties = json.dumps([{"key": key, "type": "person", **wanted}])

    assert data(get(project, properties=properties, date_to="2026-01-05")) == [[count]]


def test_an_event_sent_again_counts_once(project: ProjectClient) -> None:
    again = did("bought", "ada", 5, price=4)
    for _ in range(3):
        project.capture(again)
        settle()
    maths = [
        {"id": "bought", "math": math, "math_property": "price"}
        for math in ("total", "sum", "avg_count_per_actor")
    ]

    assert data(get(project, events=json.dumps(maths), date_to="2026-01-05")) == [[1], [4], [1]]


def test_a_merge_a_split_and_a_deletion_change_the_numbers(project: ProjectClient) -> None:
    project.capture(did("bought", "ada", 5), did("bought", "anon", 5), did("bought", "bob", 5))
    settle()
    params = {"events": '[{"id": "bought", "math": "dau"}]', "date_to": "2026-01-05"}
    assert data(get(project, **params)) == [[3]]

    project.capture(event("$identify", "ada", properties={"$anon_distinct_id": "anon"}))
    settle()
    assert data(get(project, **params)) == [[2]]

    ada = project.person("ada")
    assert ada is not None
    project.post(f"{project.persons_url}{ada['uuid']}/split/", {"main_distinct_id": "ada"})
    settle()
    assert data(get(project, **params)) == [[3]]

    bob = project.person("bob")
    assert bob is not None
    project.delete(f"{project.persons_url}{bob['uuid']}/")
    settle()
    (series,) = result(get(project, **params))
    assert series["data"] == [2]
    assert names(project, series["persons_urls"][0]) == ["ada", "anon"]


@pytest.mark.parametrize("scope", ["query:read", "insight:read", "insight:write"])
def test_either_scope_will_do(shop: ProjectClient, scope: str) -> None:
    assert get(shop, key=shop.new_key(scope)).status_code == 200


def test_other_keys_and_projects_are_refused(shop: ProjectClient, other_project: ProjectClient) -> None:
    other_project.capture(did("bought", "zoe", 5))
    settle()

    refused = get(shop, key=shop.new_key("person:read"))

    assert (refused.status_code, refused.json()["detail"]) == (
        403, "API key missing required scope 'query:read'",
    )  # fmt: skip
    assert get(shop, key=other_project.key).status_code == 403
    assert data(get(other_project)) == [[1, 0, 0, 0]]
    assert shop.http.get(url(shop)).status_code == 401


def test_the_older_spelling_of_the_path_answers_and_so_does_a_body_that_is_repeated(
    shop: ProjectClient,
) -> None:
    body = {"events": [{"id": "bought"}], "breakdown": "plan", "breakdown_limit": 2, **DATES}
    path = f"/api/environments/{shop.id}/insights/trend"

    first = shop.http.post(path, json=body, headers=bearer(shop.key))
    second = shop.http.post(first.json()["next"], json=body, headers=bearer(shop.key))

    assert [one["breakdown_value"] for one in result(first) + result(second)] == ["team", "free", ""]


@pytest.mark.parametrize(
    ("params", "attr"),
    [
        ({"events": "["}, "events"),
        ({"events": '[{"id": "a", "math": "guess"}]'}, "events[0].math"),
        ({"events": '[{"id": "a", "math": "sum"}]'}, "events[0].math_property"),
        ({"actions": '[{"id": 1}]'}, "actions"),
        ({"properties": "nope"}, "properties"),
        ({"properties": '[{"key": "a", "operator": "regex", "value": "("}]'}, "properties[0]"),
        ({"properties": '[{"type": "AND", "values": []}, {"key": "a", "value": 1}]'}, "properties"),
        ({"interval": "fortnight"}, "interval"),
        ({"interval": "hour", "date_from": "2020-01-01"}, "interval"),
        ({"date_from": "sometime"}, "date_from"),
        ({"offset": "-1"}, "offset"),
        ({"smoothing_intervals": "-1"}, "smoothing_intervals"),
        ({"smoothing_intervals": "x"}, "smoothing_intervals"),
        ({"breakdown": "x", "breakdown_type": "hogql"}, "breakdown_type"),
        ({"breakdown": "x", "breakdown_type": "group"}, "breakdown_group_type_index"),
        ({"breakdown": "x", "breakdown_histogram_bin_count": "3"}, "breakdown_histogram_bin_count"),
        ({"breakdown": "x", "breakdown_limit": "0.5"}, "breakdown_limit"),
        ({"compare": "true", "date_from": "1901-02-01", "interval": "month"}, "compare"),
        ({"sampling_factor": "2"}, "sampling_factor"),
        ({"insight": "STICKINESS", "interval": "x"}, "interval"),
        ({"insight": "LIFECYCLE", "interval": "x"}, "interval"),
        # Where they change nothing.
        ({"breakdown_limit": "1001"}, "breakdown_limit"),
        ({"breakdown_group_type_index": "x"}, "breakdown_group_type_index"),
        ({"insight": "STICKINESS", "breakdown_limit": "-1"}, "breakdown_limit"),
        ({"insight": "STICKINESS", "breakdown_type": "hogql"}, "breakdown_type"),
        ({"insight": "LIFECYCLE", "smoothing_intervals": "x"}, "smoothing_intervals"),
        ({"insight": "LIFECYCLE", "breakdown_group_type_index": "5"}, "breakdown_group_type_index"),
        ({"insight": "LIFECYCLE", "offset": "-1"}, "offset"),
        ({"aggregation_group_type_index": "5"}, "aggregation_group_type_index"),
    ],
)
def test_what_cannot_be_answered_is_refused_by_name(
    project: ProjectClient, params: dict[str, str], attr: str
) -> None:
    status, kind, _, named = refusal(get(project, **params))

    assert (status, kind, named) == (400, "validation_error", attr)


def test_a_body_that_is_no_object_is_refused(project: ProjectClient) -> None:
    assert project.post(url(project), [1]).status_code == 400
