"""``GET /api/projects/{project_id}/persons/trends/`` as clients see it."""

import json
from typing import Any

import httpx
import pytest

from tests.clients import ProjectClient, event, settle
from tests.persons import refusal

DATES = {"date_from": "2026-01-05", "date_to": "2026-01-07"}


def bought(distinct_id: str, day: int, **properties: Any) -> dict[str, Any]:
    """An event at noon of a day of January 2026."""
    return event("bought", distinct_id, timestamp=f"2026-01-{day:02}T12:00:00Z", properties=properties)


def get(project: ProjectClient, key: str | None = None, **params: Any) -> httpx.Response:
    query = {"entity_id": "bought", "entity_type": "events", **DATES, **params}
    return project.get(f"{project.persons_url}trends/", key=key, **query)


def values(response: httpx.Response) -> list[tuple[str, Any]]:
    """Names and values, in the order of the answer."""
    assert response.status_code == 200, response.text
    (result,) = response.json()["results"]
    assert result["count"] == len(result["people"])
    return [(person.get("name", person["id"]), person["value_at_data_point"]) for person in result["people"]]


@pytest.fixture
def buyers(project: ProjectClient) -> ProjectClient:
    """Each was created at the time of the first event."""
    for buyer in (
        [bought("ada", 5, price=3, plan="team"), bought("ada", 6, price="4", plan="team")],
        [bought("bob", 6, price=20, plan="free")],
        [bought("cleo", 7, price="a lot")],
        [bought("dan", 1, price=5), event("looked", "dan", timestamp="2026-01-06T12:00:00Z")],
    ):
        project.capture(*buyer)
    settle()
    return project


def test_who_has_events_and_how_many_most_first_then_newest(buyers: ProjectClient) -> None:
    assert values(get(buyers)) == [("ada", 2), ("cleo", 1), ("bob", 1)]
    assert values(get(buyers, date_to="2026-01-05")) == [("ada", 1)]
    assert values(get(buyers, entity_id="looked")) == [("dan", 1)]
    assert values(get(buyers, entity_id=None)) == [("ada", 2), ("cleo", 1), ("bob", 1), ("dan", 1)]


def test_the_answer_has_the_keys_of_the_contract(buyers: ProjectClient) -> None:
    response = get(buyers, date_to="2026-01-05")

    body = response.json()
    assert body.pop("last_refresh").endswith("Z")
    assert body == {
        "results": [{"people": [{**(buyers.person("ada") or {}), "value_at_data_point": 1}], "count": 1}],
        "next": None,
        "initial": str(response.url),
        "missing_persons": 0,
        "is_cached": False,
    }


@pytest.mark.parametrize(
    ("math", "expected"),
    [
        ("sum", [("bob", 20), ("ada", 7), ("cleo", None)]),
        ("avg", [("bob", 20), ("ada", 3.5), ("cleo", None)]),
        ("min", [("bob", 20), ("ada", 3), ("cleo", None)]),
        ("max", [("bob", 20), ("ada", 4), ("cleo", None)]),
        ("median", [("bob", 20), ("ada", 3.5), ("cleo", None)]),
        ("p90", [("bob", 20), ("ada", 3.9), ("cleo", None)]),
        ("dau", [("ada", 2), ("cleo", 1), ("bob", 1)]),
        ("unique_session", [("ada", 2), ("cleo", 1), ("bob", 1)]),
        ("avg_count_per_actor", [("ada", 2), ("cleo", 1), ("bob", 1)]),
    ],
)
def test_maths(buyers: ProjectClient, math: str, expected: list[tuple[str, Any]]) -> None:
    series = [{"id": "bought", "math": math, "math_property": "price"}]

    assert values(get(buyers, events=json.dumps(series), entity_math=math)) == expected


def test_groups_when_the_math_counts_them(project: ProjectClient) -> None:
    told = {"$group_type": "company", "$group_key": "acme", "$group_set": {"name": "Acme"}}
    project.capture(
        event("$groupidentify", "x", properties=told),
        bought("ada", 5, **{"$groups": {"company": "acme"}}),
        bought("bob", 6, **{"$groups": {"company": "acme"}}),
        bought("bob", 6, **{"$groups": {"company": "umbrella"}}),
        bought("bob", 6),
    )  # fmt: skip
    settle()
    series = [{"id": "bought", "math": "unique_group", "math_group_type_index": 0}]
    params: dict[str, Any] = {"events": json.dumps(series), "entity_order": 0}

    response = get(project, **params)

    assert values(response) == [("acme", 2), ("umbrella", 1)]
    assert response.json()["results"][0]["people"][0]["properties"] == {"name": "Acme"}
    assert values(get(project, **params, search="acm")) == [("acme", 2)]


def test_weekly_active_looks_seven_days_further_back(buyers: ProjectClient) -> None:
    """The point of 7 January counts from the 1st to the 7th."""
    point = {"entity_math": "weekly_active", "date_from": "2026-01-08", "date_to": "2026-01-07"}
    later = {"entity_math": "weekly_active", "date_from": "2026-01-09", "date_to": "2026-01-08"}

    assert dict(values(get(buyers, **point))) == {"ada": 2, "bob": 1, "cleo": 1, "dan": 1}
    assert dict(values(get(buyers, **later))) == {"ada": 2, "bob": 1, "cleo": 1}
    assert dict(values(get(buyers, **{**point, "entity_math": "dau"}))) == {}


def test_the_series_is_that_of_the_place_else_the_one_alike(buyers: ProjectClient) -> None:
    of_team = [{"key": "plan", "value": "team"}]
    events = json.dumps(
        [{"id": "looked"}, {"id": "bought", "order": 1, "math": "dau", "properties": of_team}]
    )

    assert values(get(buyers, events=events, entity_order=0)) == [("dan", 1)]
    assert values(get(buyers, events=events, entity_order=7, entity_math="dau")) == [("ada", 2)]
    # No series has this math: all events of the name.
    assert len(values(get(buyers, events=events))) == 3
    assert values(get(buyers, entity_id=None, entity_type=None, entityId="looked", type="events")) == [
        ("dan", 1)
    ]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"breakdown": "plan", "breakdown_value": "team"}, {"ada"}),
        ({"breakdown": "plan", "breakdown_value": '["team"]'}, {"ada"}),
        ({"breakdown": "plan", "breakdown_value": ""}, {"cleo"}),
        ({"breakdown": "plan"}, {"ada", "bob", "cleo"}),
        ({"breakdown": "price", "breakdown_value": "4"}, {"ada"}),
        ({"breakdown": '["plan", "price"]', "breakdown_value": '["free", "20"]'}, {"bob"}),
        ({"breakdown": "vip", "breakdown_type": "person", "breakdown_value": "true"}, {"bob"}),
        (
            {"breakdown": "price", "breakdown_histogram_bin_count": 2, "breakdown_value": "[3, 20]"},
            {"ada"},
        ),
        (
            {"breakdown": "price", "breakdown_histogram_bin_count": 2, "breakdown_value": "[4, 20.5]"},
            {"ada", "bob"},
        ),
    ],
)
def test_breakdowns(buyers: ProjectClient, params: dict[str, Any], expected: set[str]) -> None:
    buyers.capture(event("$set", "bob", properties={"$set": {"vip": True}}))
    settle()

    assert {name for name, _ in values(get(buyers, **params))} == expected


def test_the_value_of_a_breakdown_is_text(project: ProjectClient) -> None:
    texts = ["null", " ", '"q"', "q", "[1,2]", "{x}", "12345678901234567890123"]
    project.capture(*(bought(f"by {text}", 5, **{"{x}": text}) for text in texts), bought("nobody", 5))
    settle()

    for text in texts:
        assert values(get(project, breakdown="{x}", breakdown_value=text)) == [(f"by {text}", 1)]
    assert values(get(project, breakdown="{x}", breakdown_value="")) == [("nobody", 1)]
    url = f"/api/projects/{project.id}/insights/trend/"
    series = project.get(url, events='[{"id": "bought"}]', breakdown="{x}", **DATES).json()["result"]
    assert {one["breakdown_value"] for one in series} == {"", *texts}


def test_filters_and_search(buyers: ProjectClient) -> None:
    buyers.capture(event("$set", "bob", properties={"$set": {"vip": True}}))
    settle()
    of_team, of_person = (
        [{"key": "plan", "value": "team"}],
        [{"key": "vip", "value": "true", "type": "person"}],
    )

    assert values(get(buyers, properties=json.dumps(of_team))) == [("ada", 2)]
    assert values(get(buyers, properties=json.dumps(of_person))) == [("bob", 1)]
    assert values(get(buyers, search="CLE")) == [("cleo", 1)]
    assert values(get(buyers, search="da")) == [("ada", 2)]


def test_pages_are_disjoint_complete_and_in_order(project: ProjectClient) -> None:
    buyers = [f"buyer-{number}" for number in range(5)]
    project.capture(*(bought(buyer, 5) for number, buyer in enumerate(buyers) for _ in range(number + 1)))
    settle()

    first = get(project, limit=3)
    second = project.get(first.json()["next"])

    assert values(first) + values(second) == [
        (buyer, number + 1) for number, buyer in reversed(list(enumerate(buyers)))
    ]
    assert len(values(first)) == 3
    assert second.json()["next"] is None


def test_an_event_sent_again_counts_once(project: ProjectClient) -> None:
    again = bought("ada", 5, price=4)
    for _ in range(3):
        project.capture(again)
        settle()
    series = json.dumps([{"id": "bought", "math": "sum", "math_property": "price"}])

    assert values(get(project)) == [("ada", 1)]
    assert values(get(project, events=series, entity_order=0)) == [("ada", 4)]


def test_a_table_has_a_row_a_person(buyers: ProjectClient) -> None:
    response = get(buyers, format="csv")

    header, *rows = (line.split(",") for line in response.text.splitlines())
    table = [dict(zip(header, row, strict=True)) for row in rows]
    assert [(row["name"], row["value_at_data_point"]) for row in table] == [
        ("ada", "2"), ("cleo", "1"), ("bob", "1"),
    ]  # fmt: skip


def test_a_merge_adds_up(buyers: ProjectClient) -> None:
    buyers.capture(event("$identify", "bob", properties={"$anon_distinct_id": "cleo"}))
    settle()

    merged = buyers.person("bob")
    assert merged is not None
    assert sorted(values(get(buyers))) == sorted([("ada", 2), (merged["name"], 2)])


def test_a_split_takes_events_away(project: ProjectClient) -> None:
    project.capture(
        bought("ada", 5),
        event("$identify", "ada", properties={"$anon_distinct_id": "tablet"}, timestamp="2026-01-05T13:00:00Z"),
        bought("tablet", 6),
    )  # fmt: skip
    settle()
    assert values(get(project)) == [("ada", 2)]

    person = project.person("ada")
    assert person is not None
    project.post(f"{project.persons_url}{person['uuid']}/split/", {"main_distinct_id": "ada"})
    settle()

    assert sorted(values(get(project))) == [("ada", 1), ("tablet", 1)]


def test_who_is_deleted_is_not_found(buyers: ProjectClient) -> None:
    person = buyers.person("ada")
    assert person is not None

    buyers.delete(f"{buyers.persons_url}{person['uuid']}/")
    settle()

    assert values(get(buyers)) == [("cleo", 1), ("bob", 1)]


def test_projects_do_not_mix_and_a_key_needs_person_read(
    buyers: ProjectClient, other_project: ProjectClient
) -> None:
    other_project.capture(bought("zoe", 5))
    settle()

    assert values(get(other_project)) == [("zoe", 1)]
    assert "zoe" not in dict(values(get(buyers)))
    assert get(buyers, key=other_project.key).status_code == 403
    assert get(buyers, key=buyers.new_key("query:read")).status_code == 403
    assert buyers.post(f"{buyers.persons_url}trends/", {}).status_code == 405


@pytest.mark.parametrize(
    ("params", "attr"),
    [
        ({"entity_id": "", "entity_type": ""}, "entity_id"),
        ({"entity_id": "", "entity_type": "actions"}, "entity_id"),
        ({"entity_type": ""}, "entity_type"),
        ({"entity_type": "actions"}, "entity_type"),
        ({"entity_order": "first"}, "entity_order"),
        ({"entity_math": "guess"}, "entity_math"),
        ({"entity_math": "sum"}, "entity_math"),
        ({"entity_math": "unique_group"}, "entity_math"),
        ({"entity_math": "hogql"}, "entity_math"),
        ({"events": '[{"id": "a", "math": "guess"}]'}, "events[0].math"),
        ({"events": '[{"id": "a", "math": "sum"}]'}, "events[0].math_property"),
        (
            {"events": '[{"id": "a", "math": "unique_group", "math_group_type_index": 5}]'},
            "events[0].math_group_type_index",
        ),
        ({"events": "["}, "events"),
        ({"actions": '[{"id": 1}]'}, "actions"),
        ({"breakdown": "x", "breakdown_type": "hogql"}, "breakdown_type"),
        ({"breakdown": '["x", "y"]', "breakdown_value": "[1]"}, "breakdown_value"),
        (
            {"breakdown": "x", "breakdown_histogram_bin_count": "2", "breakdown_value": "[1]"},
            "breakdown_value",
        ),
        (
            {"breakdown": "x", "breakdown_histogram_bin_count": "x", "breakdown_value": "[1, 2]"},
            "breakdown_histogram_bin_count",
        ),
        # Where they change nothing.
        ({"breakdown_group_type_index": "5"}, "breakdown_group_type_index"),
        ({"breakdown_group_type_index": "x", "breakdown": "x"}, "breakdown_group_type_index"),
        ({"breakdown_limit": "1001"}, "breakdown_limit"),
        ({"breakdown_type": "hogql"}, "breakdown_type"),
        ({"breakdown_histogram_bin_count": "0"}, "breakdown_histogram_bin_count"),
        ({"breakdown_value": "x"}, "breakdown_value"),
        ({"events": '[{"id": "a"}]', "entity_order": "0", "entity_math": "guess"}, "entity_math"),
        ({"events": '[{"id": "a", "math_group_type_index": 5}]'}, "events[0].math_group_type_index"),
        ({"events": '[{"id": "a", "math_property": 1}]'}, "events[0].math_property"),
        ({"aggregation_group_type_index": "5"}, "aggregation_group_type_index"),
        ({"properties": "nope"}, "properties"),
        ({"properties": '[{"key": "a", "operator": "regex", "value": "("}]'}, "properties[0]"),
        ({"interval": "fortnight"}, "interval"),
        ({"date_from": "sometime"}, "date_from"),
        ({"limit": "x"}, "limit"),
        ({"offset": "-1"}, "offset"),
        ({"sampling_factor": "x"}, "sampling_factor"),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_refused_by_name(
    project: ProjectClient, params: dict[str, str], attr: str
) -> None:
    status, kind, _, named = refusal(get(project, **params))

    assert (status, kind, named) == (400, "validation_error", attr)
