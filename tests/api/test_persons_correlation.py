"""``GET|POST /api/projects/{project_id}/persons/funnel/correlation/`` as clients see it."""

import json
from typing import Any

import httpx
import pytest

from tests.clients import ProjectClient, bearer, event, settle

SERIES = [{"id": "sign up"}, {"id": "paid", "order": 1}]
DATES = {"date_from": "2026-01-05", "date_to": "2026-01-08"}
LOOKED = {"id": "looked", "type": "events"}
COMPANY = 0


def at(clock: str) -> str:
    return f"2026-01-05T{clock}:00Z"


def went(distinct_id: str, *, paid: bool, **properties: Any) -> list[dict[str, Any]]:
    """Signed up at 10:00, looked at 11:00, and perhaps paid at 12:00."""
    steps = [("sign up", "10:00"), ("looked", "11:00"), *([("paid", "12:00")] if paid else [])]
    return [event(name, distinct_id, timestamp=at(clock), properties=properties) for name, clock in steps]


def persons_url(project: ProjectClient) -> str:
    return f"{project.persons_url}funnel/correlation/"


def get(project: ProjectClient, key: str | None = None, **params: Any) -> httpx.Response:
    query = {
        "events": json.dumps(SERIES),
        "funnel_correlation_person_entity": json.dumps(LOOKED),
        **DATES,
        **params,
    }
    return project.get(persons_url(project), key=key, **query)


def post(project: ProjectClient, url: str = "", **body: Any) -> httpx.Response:
    whole = {"events": SERIES, "funnel_correlation_person_entity": LOOKED, **DATES, **body}
    return project.http.post(url or persons_url(project), json=whole, headers=bearer(project.key))


def names(response: httpx.Response) -> set[str]:
    assert response.status_code == 200, response.text
    (result,) = response.json()["results"]
    assert result["count"] == len(result["people"])
    return {actor.get("name") or actor["id"] for actor in result["people"]}


@pytest.fixture
def funnel(project: ProjectClient) -> ProjectClient:
    """Ada paid; Bob and Cleo looked, too; Dan only looked."""
    project.capture(
        *went("ada", paid=True, page="/a"),
        *went("bob", paid=False, page="/b"),
        *went("cleo", paid=False),
        event("looked", "dan", timestamp=at("11:00")),
        event("$set", "bob", timestamp=at("09:00"), properties={"$set": {"plan": "team"}}),
    )
    settle()
    return project


@pytest.mark.parametrize(
    ("converted", "expected"),
    [
        ("true", {"ada"}),
        ("TRUE", {"ada"}),
        (True, {"ada"}),
        ("false", {"bob", "cleo"}),
        ("perhaps", {"bob", "cleo"}),
        (False, {"bob", "cleo"}),
        (None, {"ada", "bob", "cleo"}),
    ],
)
def test_finished_or_not_or_both(funnel: ProjectClient, converted: object, expected: set[str]) -> None:
    assert names(post(funnel, funnel_correlation_person_converted=converted)) == expected
    by_property: dict[str, Any] = {
        "funnel_correlation_type": "properties",
        "funnel_correlation_property_values": [{"key": "plan", "operator": "is_not", "value": "nothing"}],
    }
    assert names(post(funnel, **by_property, funnel_correlation_person_converted=converted)) == expected


def test_the_answer_has_every_key_of_the_contract(funnel: ProjectClient) -> None:
    response = get(funnel, funnel_correlation_person_converted="true")

    body = response.json()
    assert body.keys() == {"results", "next", "initial", "missing_persons", "is_cached", "last_refresh"}
    assert body["results"] == [{"people": [funnel.person("ada")], "count": 1}]
    assert (body["next"], body["missing_persons"], body["is_cached"]) == (None, 0, False)
    assert body["initial"] == str(response.url)


def test_an_entity_has_filters_and_may_be_any_event(funnel: ProjectClient) -> None:
    funnel.capture(event("asked", "cleo", timestamp=at("11:00"), properties={"page": "/b"}))
    settle()
    page = [{"key": "page", "value": "/b"}]

    assert names(post(funnel, funnel_correlation_person_entity={**LOOKED, "properties": page})) == {"bob"}
    assert names(post(funnel, funnel_correlation_person_entity={"id": None, "properties": page})) == {
        "bob",
        "cleo",
    }
    assert names(post(funnel, funnel_correlation_person_entity={"id": "sign up"})) == set()
    team = [{"key": "plan", "value": "team", "type": "person"}]
    assert names(post(funnel, funnel_correlation_person_entity={**LOOKED, "properties": team})) == {"bob"}


def test_lists_of_what_is_left_out_do_not_matter(funnel: ProjectClient) -> None:
    left_out: dict[str, Any] = {"funnel_correlation_exclude_event_names": ["looked"]}

    assert names(post(funnel, **left_out)) == {"ada", "bob", "cleo"}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([{"key": "plan", "value": "team", "type": "person"}], {"bob"}),
        ([{"key": "plan", "value": "", "type": "person", "operator": "exact"}], {"ada", "cleo"}),
        (
            [{"key": "plan", "value": "team"}, {"key": "plan", "value": "free", "operator": "icontains"}],
            set(),
        ),
    ],
)
def test_properties_of_persons(
    funnel: ProjectClient, values: list[dict[str, Any]], expected: set[str]
) -> None:
    given: dict[str, Any] = {
        "funnel_correlation_type": "properties",
        "funnel_correlation_property_values": values,
    }

    assert names(post(funnel, **given)) == expected
    assert (
        names(
            get(
                funnel,
                funnel_correlation_type="properties",
                funnel_correlation_property_values=json.dumps(values),
            )
        )
        == expected
    )


def test_properties_of_groups(project: ProjectClient) -> None:
    about = {"$group_type": "company", "$group_key": "acme", "$group_set": {"size": 9}}
    project.capture(
        event("$groupidentify", "x", timestamp=at("09:00"), properties=about),
        *went("ada", paid=True, **{"$groups": {"company": "acme"}}),
        *went("bob", paid=False, **{"$groups": {"company": "bolt"}}),
        *went("cleo", paid=False),
    )
    settle()

    def found(**value: Any) -> set[str]:
        return names(
            post(
                project,
                aggregation_group_type_index=COMPANY,
                funnel_correlation_type="properties",
                funnel_correlation_property_values=[{"key": "size", **value}],
            )
        )

    assert found(value=9, type="group", group_type_index=COMPANY) == {"acme"}
    assert found(value="9") == {"acme"}
    assert found(value="", type="group") == {"bolt"}
    assert found(value="9", operator="is_not") == {"bolt"}
    assert names(post(project, aggregation_group_type_index=COMPANY)) == {"acme", "bolt"}
    assert names(post(project, aggregation_group_type_index=COMPANY, search="AD")) == {"acme"}


def test_pages_have_parameters_of_their_own(project: ProjectClient) -> None:
    visitors = {f"visitor-{n}" for n in range(5)}
    project.capture(*(one for visitor in visitors for one in went(visitor, paid=False)))
    settle()
    path = f"{persons_url(project)}?funnel_correlation_person_limit=2"
    pages = []
    following: str | None = path
    while following:
        response = post(project, following, limit=1, offset=3, funnel_correlation_person_limit=1)
        pages.append(names(response))
        following = response.json()["next"]

    assert [len(page) for page in pages] == [2, 2, 1]
    assert set.union(*pages) == visitors
    assert "funnel_correlation_person_offset=2" in post(project, path).json()["next"]
    assert names(get(project, limit=1, offset=4)) == visitors


def test_every_root_serves_it(funnel: ProjectClient) -> None:
    query = {
        "events": json.dumps(SERIES),
        "funnel_correlation_person_entity": json.dumps(LOOKED),
        "funnel_correlation_person_converted": "true",
        **DATES,
    }
    key = funnel.new_key("*", projects=[funnel.id])
    for root in (
        f"/api/projects/{funnel.id}/persons",
        f"/api/environments/{funnel.id}/persons",
        "/api/person",
    ):
        for slash in ("", "/"):
            assert names(funnel.get(f"{root}/funnel/correlation{slash}", key=key, **query)) == {"ada"}


def test_a_table_has_a_row_for_each_person(funnel: ProjectClient) -> None:
    response = get(funnel, format="csv")

    header, *rows = response.text.splitlines()
    place = header.split(",").index("name")
    assert response.headers["content-type"].startswith("text/csv")
    assert {row.split(",")[place] for row in rows} == {"ada", "bob", "cleo"}


def test_search(funnel: ProjectClient) -> None:
    funnel.capture(event("$set", "bob", timestamp=at("09:00"), properties={"$set": {"email": "b@x.org"}}))
    settle()

    assert names(get(funnel, search="B@X")) == {"b@x.org"}
    assert names(get(funnel, search="cle")) == {"cleo"}
    assert names(get(funnel, search="dan")) == set()


def test_nobody_without_steps_or_beyond_the_last(funnel: ProjectClient) -> None:
    assert names(post(funnel, events=[])) == set()
    assert names(post(funnel, funnel_step=3)) == set()
    assert names(post(funnel, funnel_step=2, funnel_correlation_person_converted="false")) == set()


def test_who_was_merged_or_deleted(funnel: ProjectClient) -> None:
    bob = funnel.person("bob")
    assert bob is not None
    funnel.delete(f"{funnel.persons_url}{bob['uuid']}/")
    funnel.capture(event("$identify", "cleo", properties={"$anon_distinct_id": "dan"}))
    settle()

    assert names(get(funnel)) == {"ada", "cleo"}


def test_projects_do_not_mix(funnel: ProjectClient, other_project: ProjectClient) -> None:
    other_project.capture(*went("ada", paid=True), *went("eve", paid=True))
    settle()

    assert names(get(other_project)) == {"ada", "eve"}
    assert names(get(funnel, funnel_correlation_person_converted="true")) == {"ada"}
    assert get(funnel, key=other_project.key).status_code == 403


def test_a_key_needs_person_read(funnel: ProjectClient) -> None:
    refused = get(funnel, key=funnel.new_key("query:read"))

    assert (refused.status_code, refused.json()["detail"]) == (
        403, "API key missing required scope 'person:read'",
    )  # fmt: skip
    assert get(funnel, key=funnel.new_key("person:read")).status_code == 200


@pytest.mark.parametrize(
    ("given", "attr"),
    [
        ({"funnel_correlation_person_entity": None}, "funnel_correlation_person_entity"),
        ({"funnel_correlation_person_entity": "{"}, "funnel_correlation_person_entity"),
        ({"funnel_correlation_person_entity": []}, "funnel_correlation_person_entity"),
        ({"funnel_correlation_person_entity": {"id": 1}}, "funnel_correlation_person_entity"),
        (
            {"funnel_correlation_person_entity": {**LOOKED, "properties": [{"key": 1}]}},
            "funnel_correlation_person_entity.properties[0]",
        ),
        (
            {
                "funnel_correlation_person_entity": {
                    **LOOKED,
                    "properties": [{"key": "a", "operator": "regex", "value": "("}],
                }
            },
            "funnel_correlation_person_entity.properties[0]",
        ),
        ({"funnel_correlation_type": "properties"}, "funnel_correlation_property_values"),
        (
            {"funnel_correlation_type": "properties", "funnel_correlation_property_values": []},
            "funnel_correlation_property_values",
        ),
        (
            {"funnel_correlation_type": "properties", "funnel_correlation_property_values": [3]},
            "funnel_correlation_property_values[0]",
        ),
        (
            {
                "funnel_correlation_type": "properties",
                "funnel_correlation_property_values": [{"key": "a", "value": "b", "type": "event"}],
            },
            "funnel_correlation_property_values[0]",
        ),
        (
            {
                "funnel_correlation_type": "properties",
                "aggregation_group_type_index": 1,
                "funnel_correlation_property_values": [
                    {"key": "a", "value": "b", "type": "group", "group_type_index": 0}
                ],
            },
            "funnel_correlation_property_values[0]",
        ),
        # Of the other kind.
        ({"funnel_correlation_property_values": [{"key": 1}]}, "funnel_correlation_property_values[0]"),
        (
            {
                "funnel_correlation_type": "properties",
                "funnel_correlation_property_values": [{"key": "a", "value": "b"}],
                "funnel_correlation_person_entity": [],
            },
            "funnel_correlation_person_entity",
        ),
        ({"funnel_correlation_person_limit": 1001}, "funnel_correlation_person_limit"),
        ({"funnel_correlation_person_offset": -1}, "funnel_correlation_person_offset"),
        ({"funnel_correlation_person_converted": []}, "funnel_correlation_person_converted"),
        ({"funnel_step": -1}, "funnel_step"),
        ({"properties": "nope"}, "properties"),
        ({"interval": "fortnight"}, "interval"),
        ({"aggregation_group_type_index": -1}, "aggregation_group_type_index"),
    ],
)
def test_what_cannot_be_answered_is_refused_by_name(
    project: ProjectClient, given: dict[str, Any], attr: str
) -> None:
    response = post(project, **given)

    assert (response.status_code, response.json()["attr"]) == (400, attr), response.text
