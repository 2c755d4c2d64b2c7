"""``GET|POST /api/projects/{project_id}/insights/funnel/`` as clients see it, and the persons behind its numbers."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.clients import ProjectClient, bearer, event, settle

STEPS = ["looked", "signed up", "ordered"]
SERIES = [{"id": name, "type": "events", "order": order} for order, name in enumerate(STEPS)]
DATES = {"date_from": "2026-01-05", "date_to": "2026-01-08"}


def did(distinct_id: str, *happened: tuple[str, str], **properties: Any) -> list[dict[str, Any]]:
    """Events by name and time in January 2026, as ``5T10:00``."""
    return [
        event(
            name,
            distinct_id,
            timestamp=f"2026-01-{'0' + at if at[1] == 'T' else at}:00Z",
            properties=properties,
        )
        for name, at in happened
    ]


@pytest.fixture
def funnel(project: ProjectClient) -> ProjectClient:
    """Ada and Eve went all the way, in 1 + 2 and 3 + 4 hours; Bob to the second step in 1 hour; Cleo looked."""
    project.capture(
        *did(
            "ada", ("looked", "5T10:00"), ("signed up", "5T11:00"), ("ordered", "5T13:00"), browser="Chrome"
        ),
        *did(
            "eve", ("looked", "6T10:00"), ("signed up", "6T13:00"), ("ordered", "6T17:00"), browser="Firefox"
        ),
        *did("bob", ("looked", "6T10:00"), ("signed up", "6T11:00"), browser="Chrome"),
        *did("cleo", ("looked", "8T23:00")),
        # Without a profile nobody is counted.
        *did("anon", ("looked", "5T10:00"), **{"$process_person_profile": False}),
    )
    settle()
    return project


def url(project: ProjectClient) -> str:
    return f"/api/projects/{project.id}/insights/funnel/"


def post(project: ProjectClient, **body: Any) -> httpx.Response:
    return project.post(url(project), {"events": SERIES, **DATES, **body})


def result(response: httpx.Response) -> Any:
    assert response.status_code == 200, response.text
    return response.json()["result"]


def behind(project: ProjectClient, link: str) -> set[str]:
    """The names of the persons or groups that a link leads to."""
    response = project.http.get(link, headers=bearer(project.key))
    assert response.status_code == 200, response.text
    (page,) = response.json()["results"]
    return {actor.get("name") or actor["id"] for actor in page["people"]}


def counted(project: ProjectClient, steps: list[dict[str, Any]]) -> list[int]:
    """The numbers of the steps; each must be that of the persons behind it."""
    previous = None
    for step in steps:
        assert len(behind(project, step["converted_people_url"])) == step["count"]
        if previous is not None:
            dropped = behind(project, step["dropped_people_url"])
            assert len(dropped) == previous["count"] - step["count"]
        previous = step
    return [step["count"] for step in steps]


def test_the_steps_have_every_key_of_the_contract(funnel: ProjectClient) -> None:
    answer = post(funnel, events=[*SERIES[:2], {**SERIES[2], "custom_name": " bought "}]).json()

    assert answer.keys() == {"result", "timezone", "last_refresh", "is_cached"}
    assert (answer["timezone"], answer["is_cached"]) == ("UTC", False)
    first, second, third = answer["result"]
    assert {key: value for key, value in first.items() if key != "converted_people_url"} == {
        "action_id": "looked",
        "name": "looked",
        "custom_name": None,
        "order": 0,
        "type": "events",
        "people": [],
        "count": 4,
        "average_conversion_time": None,
        "median_conversion_time": None,
        "dropped_people_url": None,
    }
    assert (second["count"], second["average_conversion_time"], second["median_conversion_time"]) == (
        3,
        6000,
        3600,
    )
    assert (third["count"], third["average_conversion_time"], third["median_conversion_time"]) == (
        2,
        10800,
        10800,
    )
    assert third["custom_name"] == "bought"
    assert third["converted_people_url"].startswith(f"/api/projects/{funnel.id}/persons/funnel/?")


def test_links_lead_to_the_persons_of_each_number(funnel: ProjectClient) -> None:
    first, second, third = result(post(funnel))

    assert behind(funnel, first["converted_people_url"]) == {"ada", "eve", "bob", "cleo"}
    assert behind(funnel, second["converted_people_url"]) == {"ada", "eve", "bob"}
    assert behind(funnel, second["dropped_people_url"]) == {"cleo"}
    assert behind(funnel, third["converted_people_url"]) == {"ada", "eve"}
    assert behind(funnel, third["dropped_people_url"]) == {"bob"}


def test_a_link_means_the_same_dates_whenever_it_is_followed(funnel: ProjectClient) -> None:
    (step, *_) = result(post(funnel, date_from="-3d", date_to=None))

    query = parse_qs(urlsplit(step["converted_people_url"]).query)

    assert query["explicit_date"] == ["true"]
    assert all(query[name][0].endswith("Z") for name in ("date_from", "date_to"))


def test_a_query_string_asks_the_same(funnel: ProjectClient) -> None:
    response = funnel.get(url(funnel), events=json.dumps(SERIES), **DATES)

    assert counted(funnel, result(response)) == [4, 3, 2]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"funnel_order_type": "strict"}, [4, 3, 2]),
        ({"funnel_order_type": "unordered"}, [4, 3, 2]),
        ({"funnel_window_interval": 2, "funnel_window_interval_unit": "hour"}, [4, 2, 0]),
        ({"exclusions": [{"id": "signed up", "funnel_from_step": 0, "funnel_to_step": 1}]}, None),
        ({"properties": [{"key": "browser", "value": "Chrome"}]}, [2, 2, 1]),
        ({"properties": [{"key": "browser", "value": "Chrome"}], "events": [SERIES[0], SERIES[0]]}, [2, 0]),
        ({"events": [{"id": None}, SERIES[2]]}, [4, 2]),
        ({"date_from": "2026-02-01", "date_to": "2026-02-02"}, [0, 0, 0]),
        ({"date_from": "2026-01-08", "date_to": "2026-01-05"}, [0, 0, 0]),
    ],
)
def test_numbers_are_those_of_the_persons(
    funnel: ProjectClient, given: dict[str, Any], expected: list[int] | None
) -> None:
    response = post(funnel, **given)

    if expected is None:
        assert (response.status_code, response.json()["attr"]) == (400, "exclusions[0]")
    else:
        assert counted(funnel, result(response)) == expected


def test_an_exclusion_voids_attempts(funnel: ProjectClient) -> None:
    funnel.capture(*did("ada", ("complained", "5T12:00")), *did("bob", ("complained", "6T10:30")))
    settle()
    exclusion = {"id": "complained", "funnel_from_step": 1, "funnel_to_step": 2}

    first, second, third = result(post(funnel, exclusions=[exclusion]))

    assert behind(funnel, first["converted_people_url"]) == {"eve", "bob", "cleo"}
    assert behind(funnel, third["converted_people_url"]) == {"eve"}
    assert counted(funnel, [first, second, third]) == [3, 2, 1]


def test_steps_in_any_order_are_called_by_their_number(funnel: ProjectClient) -> None:
    steps = result(post(funnel, funnel_order_type="unordered", events=[SERIES[2], SERIES[0]]))

    assert [(step["action_id"], step["name"], step["order"]) for step in steps] == [
        (None, "Completed 1 step", 0),
        (None, "Completed 2 steps", 1),
    ]
    assert (counted(funnel, steps), steps[1]["average_conversion_time"]) == ([4, 2], 5 * 3600)


def test_the_first_of_several_conversions_gives_the_times(project: ProjectClient) -> None:
    """2 + 2 hours, and later 3 + 3."""
    project.capture(
        *did("ada", ("looked", "5T00:00"), ("signed up", "5T02:00"), ("ordered", "5T04:00")),
        *did("ada", ("looked", "5T10:00"), ("signed up", "5T13:00"), ("ordered", "5T16:00")),
    )
    settle()

    steps = result(post(project))

    assert [step["average_conversion_time"] for step in steps] == [None, 7200, 7200]


def test_groups_are_counted(project: ProjectClient) -> None:
    project.capture(
        *did("ada", ("looked", "5T10:00"), **{"$groups": {"company": "acme"}}),
        *did("bob", ("signed up", "5T11:00"), **{"$groups": {"company": "acme"}}),
        *did("cleo", ("looked", "5T12:00"), **{"$groups": {"company": "bolt"}}),
    )
    settle()

    steps = result(post(project, aggregation_group_type_index=0))

    assert counted(project, steps) == [2, 1, 0]
    assert behind(project, steps[1]["dropped_people_url"]) == {"bolt"}


def test_without_steps_there_is_nothing(project: ProjectClient) -> None:
    assert result(post(project, events=[])) == []
    assert result(post(project, events=[], funnel_viz_type="trends")) == []
    assert result(post(project, events=[], funnel_viz_type="time_to_convert")) == {
        "bins": [],
        "average_conversion_time": None,
    }


def by_value(project: ProjectClient, **given: Any) -> dict[tuple[str, ...], list[int]]:
    """The numbers of each value of a breakdown; each must be that of the persons behind it."""
    return {
        tuple(steps[0]["breakdown_value"]): counted(project, steps)
        for steps in result(post(project, **given))
    }


def test_a_breakdown_is_a_list_of_funnels(funnel: ProjectClient) -> None:
    steps = result(post(funnel, breakdown="browser"))

    assert [one[0]["breakdown_value"] for one in steps] == [["Chrome"], ["Firefox"], [""]]
    assert all(step["breakdown"] == step["breakdown_value"] for one in steps for step in one)
    assert by_value(funnel, breakdown="browser") == {
        ("Chrome",): [2, 2, 1],
        ("Firefox",): [1, 1, 1],
        ("",): [1, 0, 0],
    }


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {"x": [1, 1], "y": [1, 0], "": [1, 1]}),
        ({"breakdown_attribution_type": "last_touch"}, {"y": [2, 1], "": [1, 1]}),
        (
            {"breakdown_attribution_type": "all_events"},
            {"x": [1, 0], "y": [1, 0], "": [1, 1]},
        ),
        (
            {"breakdown_attribution_type": "step", "breakdown_attribution_value": 0},
            {"x": [1, 1], "y": [1, 0], "": [1, 1]},
        ),
        (
            {"breakdown_attribution_type": "step", "breakdown_attribution_value": 1},
            {"y": [1, 1], "": [1, 1]},
        ),
        (
            {
                "funnel_order_type": "unordered",
                "breakdown_attribution_type": "step",
                "breakdown_attribution_value": 0,
            },
            {"x": [1, 1], "y": [2, 0], "": [1, 1]},
        ),
    ],
    ids=["first", "last", "all", "step 0", "step 1", "any step"],
)
def test_attributions(project: ProjectClient, given: dict[str, Any], expected: dict[str, list[int]]) -> None:
    project.capture(
        *did("ada", ("looked", "5T10:00"), page="x"),
        *did("ada", ("signed up", "5T11:00"), page="y"),
        *did("bob", ("looked", "5T10:00"), page="y"),
        *did("cleo", ("looked", "5T10:00"), ("signed up", "5T12:00")),
    )
    settle()

    found = by_value(project, events=SERIES[:2], breakdown="page", **given)

    assert found == {(value,): counts for value, counts in expected.items()}


def test_rare_values_are_other(funnel: ProjectClient) -> None:
    funnel.capture(*did("dan", ("looked", "5T10:00"), browser="Other"))
    settle()

    found = by_value(funnel, breakdown="browser", breakdown_limit=1)

    assert found == {("Chrome",): [2, 2, 1], ("Other",): [3, 1, 1]}
    assert by_value(
        funnel, breakdown="browser", breakdown_limit=1, breakdown_attribution_type="all_events"
    ) == {("Chrome",): [2, 2, 1], ("Other",): [3, 1, 1]}


def test_properties_travel_together_and_addresses_are_normalized(project: ProjectClient) -> None:
    project.capture(
        *did("ada", ("looked", "5T10:00"), url="/a/?#", n=1),
        *did("bob", ("looked", "5T10:00"), url="/", n=None),
        *did("cleo", ("looked", "5T10:00")),
    )
    settle()

    assert by_value(project, breakdown=["url", "n"], breakdown_normalize_url=True, events=SERIES[:1]) == {
        ("/a", "1"): [1],
        ("/", "null"): [1],
        ("/", "/"): [1],
    }


def test_breakdowns_by_person_and_group(funnel: ProjectClient) -> None:
    funnel.capture(
        event("$set", "ada", properties={"$set": {"plan": "team"}}),
        event(
            "$groupidentify",
            "x",
            properties={"$group_type": "company", "$group_key": "acme", "$group_set": {"size": 9}},
        ),
        *did("gus", ("looked", "5T10:00"), **{"$groups": {"company": "acme"}}),
    )
    settle()

    assert by_value(funnel, breakdown="plan", breakdown_type="person") == {
        ("",): [4, 2, 1],
        ("team",): [1, 1, 1],
    }
    assert by_value(funnel, breakdown="size", breakdown_type="group", breakdown_group_type_index=0) == {
        (): [4, 3, 2],
        ("9",): [1, 0, 0],
    }
    assert by_value(
        funnel,
        breakdown="plan",
        breakdown_type="person",
        aggregation_group_type_index=0,
    ) == {("",): [1, 0, 0]}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Chrome", {"ada", "bob"}),
        ('"Chrome"', {"ada", "bob"}),
        ('["Chrome"]', {"ada", "bob"}),
        ("", {"cleo"}),
        ('""', {"cleo"}),
        ("Safari", set()),
        ("Other", {"eve", "cleo"}),
    ],
)
def test_persons_of_a_value(funnel: ProjectClient, value: str, expected: set[str]) -> None:
    response = funnel.get(
        f"{funnel.persons_url}funnel/",
        events=json.dumps(SERIES),
        **DATES,
        funnel_step=1,
        breakdown="browser",
        breakdown_limit=1,
        funnel_step_breakdown=value,
    )

    (page,) = response.json()["results"]
    assert {person["name"] for person in page["people"]} == expected


def test_numbers_in_values_are_texts(project: ProjectClient) -> None:
    project.capture(*did("ada", ("looked", "5T10:00"), n=0), *did("bob", ("looked", "5T10:00"), n="0"))
    settle()

    response = project.post(
        f"{project.persons_url}funnel/",
        {"events": SERIES[:1], **DATES, "funnel_step": 1, "breakdown": "n", "funnel_step_breakdown": 0},
    )

    (page,) = response.json()["results"]
    assert page["count"] == 2


def test_a_trend_has_every_period(funnel: ProjectClient) -> None:
    (trend,) = result(post(funnel, funnel_viz_type="trends"))

    assert trend == {
        "count": 4,
        "data": [100, 50, 0, 0],
        "days": ["2026-01-05", "2026-01-06", "2026-01-07", "2026-01-08"],
        "labels": ["5-Jan-2026", "6-Jan-2026", "7-Jan-2026", "8-Jan-2026"],
    }
    assert result(post(funnel, display="ActionsLineGraph")) == [trend]


def test_a_trend_of_a_part_of_the_funnel_by_week_and_hour(funnel: ProjectClient) -> None:
    part = {"funnel_viz_type": "trends", "funnel_from_step": 1, "funnel_to_step": 2}
    (by_week,) = result(post(funnel, **part, interval="week"))
    (by_hour,) = result(
        post(funnel, **part, interval="hour", date_from="2026-01-06 09:00", date_to="2026-01-06 11:00")
    )

    assert (by_week["days"], by_week["data"]) == (["2026-01-04"], [66.67])
    assert (by_hour["days"][:2], by_hour["labels"][1]) == (
        ["2026-01-06 09:00:00", "2026-01-06 10:00:00"],
        "6-Jan-2026 10:00",
    )


def test_a_trend_of_all_begins_with_the_first_event(funnel: ProjectClient) -> None:
    (trend,) = result(post(funnel, funnel_viz_type="trends", date_from="all"))

    assert (trend["days"][0], trend["data"][:2]) == ("2026-01-05", [100, 50])


def test_a_trend_by_values(funnel: ProjectClient) -> None:
    trends = result(post(funnel, funnel_viz_type="trends", breakdown="browser"))

    assert [(trend["breakdown_value"], trend["data"]) for trend in trends] == [
        (["Chrome"], [100, 0, 0, 0]),
        (["Firefox"], [0, 100, 0, 0]),
        ([""], [0, 0, 0, 0]),
    ]


def test_somebody_counts_once_a_period_by_the_best_attempt(project: ProjectClient) -> None:
    project.capture(
        *did(
            "ada",
            ("looked", "5T10:00"),
            ("looked", "5T12:00"),
            ("signed up", "5T13:00"),
            ("looked", "6T10:00"),
        )
    )
    settle()

    (trend,) = result(post(project, events=SERIES[:2], funnel_viz_type="trends"))

    assert trend["data"] == [100, 0, 0, 0]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"entrance_period_start": "2026-01-06", "drop_off": False}, {"eve"}),
        ({"entrance_period_start": "2026-01-06", "drop_off": True}, {"bob"}),
        ({"entrance_period_start": "2026-01-06 15:00:00", "drop_off": "true"}, {"bob"}),
        ({"entrance_period_start": "2026-01-08", "drop_off": "true"}, {"cleo"}),
        ({"entrance_period_start": "2026-01-07", "drop_off": "false"}, set()),
        (
            {
                "entrance_period_start": "2026-01-06",
                "drop_off": False,
                "interval": "week",
                "funnel_to_step": 1,
            },
            {"ada", "eve", "bob"},
        ),
        (
            {
                "entrance_period_start": "2026-01-06",
                "drop_off": False,
                "breakdown": "browser",
                "funnel_to_step": 1,
                "funnel_step_breakdown": "Chrome",
            },
            {"bob"},
        ),
    ],
)
def test_persons_of_a_trend(funnel: ProjectClient, given: dict[str, Any], expected: set[str]) -> None:
    response = funnel.post(
        f"{funnel.persons_url}funnel/", {"events": SERIES, **DATES, "funnel_viz_type": "trends", **given}
    )

    assert response.status_code == 200, response.text
    (page,) = response.json()["results"]
    assert {person["name"] for person in page["people"]} == expected


def took(distinct_id: str, seconds: int) -> list[dict[str, Any]]:
    hours, minutes = divmod(seconds // 60, 60)
    return did(distinct_id, ("looked", "5T00:00"), ("signed up", f"5T{hours:02}:{minutes:02}"))


@pytest.mark.parametrize(
    ("given", "bins"),
    [
        ({}, [[2220, 2], [42510, 0], [82800, 1]]),
        (
            {"bin_count": 7},
            [
                [2220, 2],
                [13732, 0],
                [25244, 0],
                [36756, 0],
                [48268, 0],
                [59780, 0],
                [71292, 1],
                [82804, 0],
            ],
        ),
    ],
)
def test_times_to_convert(project: ProjectClient, given: dict[str, Any], bins: list[list[int]]) -> None:
    project.capture(*took("ada", 2220), *took("bob", 3600), *took("cleo", 82800))
    settle()

    found = result(post(project, events=SERIES[:2], funnel_viz_type="time_to_convert", **given))

    assert found == {"bins": bins, "average_conversion_time": 29540}


def test_times_of_a_part_of_the_funnel(funnel: ProjectClient) -> None:
    part = {"funnel_viz_type": "time_to_convert", "funnel_from_step": 1, "funnel_to_step": 2}

    assert result(post(funnel, **part)) == {
        "bins": [[7200, 1], [10800, 0], [14400, 1]],
        "average_conversion_time": 10800,
    }
    assert result(post(funnel, **part, date_from="2026-02-01", date_to="2026-02-02")) == {
        "bins": [],
        "average_conversion_time": None,
    }
    assert result(post(funnel, **part, date_to="2026-01-05")) == {
        "bins": [[7200, 1], [7260, 0]],
        "average_conversion_time": 7200,
    }


@pytest.mark.parametrize(
    ("scope", "status"),
    [("query:read", 200), ("insight:read", 200), ("insight:write", 200), ("person:read", 403)],
)
def test_a_key_needs_one_of_two_scopes(project: ProjectClient, scope: str, status: int) -> None:
    response = project.get(url(project), key=project.new_key(scope), events=json.dumps(SERIES))

    assert response.status_code == status


def test_projects_do_not_mix(funnel: ProjectClient, other_project: ProjectClient) -> None:
    other_project.capture(*did("ada", ("looked", "5T10:00")))
    settle()

    assert counted(other_project, result(post(other_project))) == [1, 0, 0]
    assert funnel.get(url(funnel), key=other_project.key).status_code == 403


@pytest.mark.parametrize(
    ("given", "attr"),
    [
        ({"events": "["}, "events"),
        ({"events": [{"id": f"step {n}"} for n in range(21)]}, "events"),
        ({"funnel_order_type": "sideways"}, "funnel_order_type"),
        ({"funnel_viz_type": "pie"}, "funnel_viz_type"),
        ({"funnel_from_step": 3}, "funnel_from_step"),
        ({"funnel_from_step": -1}, "funnel_from_step"),
        ({"funnel_to_step": 3}, "funnel_to_step"),
        (
            {"funnel_viz_type": "time_to_convert", "funnel_from_step": 1, "funnel_to_step": 1},
            "funnel_to_step",
        ),
        ({"funnel_viz_type": "time_to_convert", "funnel_from_step": 2}, "funnel_from_step"),
        ({"funnel_from_step": 2, "funnel_to_step": 1}, "funnel_to_step"),
        ({"bin_count": "many"}, "bin_count"),
        ({"funnel_viz_type": "trends", "interval": "hour", "date_from": "1990-01-01"}, "interval"),
        ({"properties": [{"key": "a", "operator": "regex", "value": "("}]}, "properties[0]"),
        ({"breakdown": "a", "breakdown_type": "cohort"}, "breakdown"),
        ({"breakdown": "a", "breakdown_type": "group"}, "breakdown_group_type_index"),
        ({"breakdown": {"a": 1}}, "breakdown"),
        ({"breakdowns": [{"property": "a", "type": "mood"}]}, "breakdowns"),
        ({"limit": "many"}, "limit"),
        ({"breakdown": "[1"}, "breakdown"),
        ({"breakdowns": ["a"]}, "breakdowns"),
        ({"breakdown": "a", "breakdown_limit": -1}, "breakdown_limit"),
        ({"breakdown_attribution_type": "mood"}, "breakdown_attribution_type"),
        ({"breakdown": "a", "breakdown_attribution_type": "step"}, "breakdown_attribution_value"),
        (
            {"breakdown": "a", "breakdown_attribution_type": "step", "breakdown_attribution_value": 3},
            "breakdown_attribution_value",
        ),
        (
            {
                "funnel_order_type": "unordered",
                "breakdown_attribution_type": "step",
                "breakdown_attribution_value": 1,
            },
            "breakdown_attribution_value",
        ),
        ({"exclusions": "x"}, "exclusions"),
        ({"exclusions": ["x"]}, "exclusions[0]"),
        ({"exclusions": [{"id": "x"}]}, "exclusions[0]"),
        ({"exclusions": [{"id": "x", "funnel_from_step": 1, "funnel_to_step": 1}]}, "exclusions[0]"),
        ({"exclusions": [{"id": "x", "funnel_from_step": 2, "funnel_to_step": 3}]}, "exclusions[0]"),
        ({"exclusions": [{"id": "x", "funnel_from_step": 0, "funnel_to_step": 3}]}, "exclusions[0]"),
        ({"exclusions": [{"id": None, "funnel_from_step": 0, "funnel_to_step": 1}]}, "exclusions[0]"),
        (
            {
                "funnel_order_type": "unordered",
                "exclusions": [{"id": "x", "funnel_from_step": 0, "funnel_to_step": 1}],
            },
            "exclusions[0]",
        ),
        ({"sampling_factor": 2}, "sampling_factor"),
    ],
)
def test_what_cannot_be_answered_is_refused_by_name(
    project: ProjectClient, given: dict[str, Any], attr: str
) -> None:
    response = post(project, **given)

    assert (response.status_code, response.json()["attr"]) == (400, attr), response.text
